"""User-defined aggregates: a Python class with `zero`, `add`, `merge`, `finish` and maybe `remove`.

    @aggregate(arguments=["DOUBLE"], returns="DOUBLE")
    class GeometricMean:
        def zero(self): return (0, 0.0)
        def add(self, state, x): return (state[0] + 1, state[1] + math.log(x))
        def merge(self, a, b): return (a[0] + b[0], a[1] + b[1])
        def finish(self, state): return math.exp(state[1] / state[0])

`add` and `remove` may change the state that they are given, and give the new one; `merge` gives a
state and leaves both as they are; `finish` gives the value and leaves the state as it is. States
must merge in any order and grouping to the same: `bighead check-aggregate` looks for cases where
they do not. A plan names an aggregate by its name and its version, which is made of the source of
the class, so results computed by an older version are never taken for those of a newer one.
"""

from __future__ import annotations

import copy
import hashlib
import inspect
import re
import textwrap
import types
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from bighead.zipline.aggregates.accepts import any_value
from bighead.zipline.aggregates.function import Accuracy, AggregateFunction
from bighead.zipline.errors import BigheadError, DataError, SchemaError, UnsupportedError
from bighead.zipline.ir.types import NAMES, canonical, parse_decimal, sql_name

METHODS: dict[str, str] = {
    "zero": "zero(self)",
    "add": "add(self, state, {values})",
    "merge": "merge(self, a, b)",
    "finish": "finish(self, state)",
}
"""What a class must have; `remove` is like `add`."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z_0-9]*")
_DECLARED = "__bighead_aggregate__"


@dataclass(frozen=True, slots=True)
class UserAggregate:
    """A class that aggregates, and what it declares."""

    name: str
    """Its name in a plan, in lower case; SQL matches it without case."""
    arguments: tuple[pa.DataType, ...]
    returns: pa.DataType
    version: str
    """A digest of its name, its types and the source of its class."""
    accuracy: Accuracy
    bounded: bool
    doc: str
    made: type
    """The class; it is made without arguments, once for each column that is computed."""

    @property
    def invertible(self) -> bool:
        """A row can be taken out of the state again."""
        return hasattr(self.made, "remove")

    @property
    def signature(self) -> str:
        """`GEOMETRIC_MEAN(DOUBLE)`."""
        return f"{self.name.upper()}({', '.join(map(sql_name, self.arguments))})"

    @property
    def function(self) -> AggregateFunction:
        """What it is to the language."""
        return AggregateFunction(
            self.name,
            (self.name.upper(),),
            self.signature,
            len(self.arguments),
            lambda _: self.returns,
            self.doc,
            self.accuracy,
            self.invertible,
            self.bounded,
            state="what its class keeps",
        )

    def make(self) -> Any:
        """An instance of the class. Raises DataError where that fails."""
        with self.guarded():
            return self.made()

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """What the class raises inside is a DataError that names the aggregate and the method."""
        try:
            yield
        except BigheadError:
            raise
        except Exception as error:  # code of a user may raise anything
            found = self._place(error)
            if found is None:
                raise  # not from the class
            name, line = found
            said = f": {error}" if str(error) else ""
            raise DataError(
                f"the aggregate {self.name.upper()} failed in {name}(), line {line} of its file: "
                f"{type(error).__name__}{said}; try it with bighead check-aggregate "
                f"{self.made.__module__}:{self.made.__qualname__}"
            ) from error

    def _place(self, error: Exception) -> tuple[str, int] | None:
        """The method of the class, and the line in it, that an error came from."""
        codes = {m.__code__: n for n, m in inspect.getmembers(self.made, inspect.isfunction)}
        trace, found = error.__traceback__, None
        while trace is not None:
            method = codes.get(trace.tb_frame.f_code)
            if method is not None:
                found = method, trace.tb_lineno
            trace = trace.tb_next
        return found

    def finished(self, value: Any) -> Any:
        """The value of `finish`, a copy of it where it may be part of the state.

        Raises DataError where it is not of the declared type.
        """
        if not fits(value, self.returns):
            raise DataError(
                f"the aggregate {self.name.upper()} returns {sql_name(self.returns)}, but its "
                f"finish() gave {value!r}, a {type(value).__name__}; convert it there, or declare "
                "another type"
            )
        return copy.deepcopy(value) if pa.types.is_nested(self.returns) else value

    def values(self, columns: Sequence[pa.Array[Any]]) -> list[tuple[Any, ...]]:
        """The arguments of each row as Python's values. Raises DataError where one has none."""
        try:
            return list(zip(*(column.to_pylist() for column in columns), strict=True))
        except (ValueError, OverflowError) as error:
            raise DataError(
                f"the aggregate {self.name.upper()} is given a time that Python's calendar does "
                f"not hold ({error}); leave it out by FILTER"
            ) from error


_KNOWN: dict[tuple[str, str], UserAggregate] = {}
"""All that this process has declared, by name and version; entries never change."""


def aggregate(
    *,
    arguments: Sequence[str | pa.DataType],
    returns: str | pa.DataType,
    name: str | None = None,
    accuracy: Accuracy = "exact",
    bounded: bool = True,
    version: str = "",
) -> Callable[[type], type]:
    """Declares a class to be an aggregate; `Session.register_aggregate` makes SQL know it.

    Parameters
    ----------
    arguments: the types of its arguments, in SQL's words ("DOUBLE", "DECIMAL(10, 2)", "VARCHAR[]")
        or Arrow's. Rows in which one is NULL or NaN do not reach `add`. Values come as Python's:
        int, float, str, bytes, bool, Decimal, date, datetime, timedelta, list, dict.
    returns: the type of what `finish` gives; None is NULL. A window without a row is NULL, and
        `finish` is not asked.
    name: what SQL calls it, without case; None: the name of the class, in snake case.
    accuracy: "exact" where states are whole numbers, text or the like, so that any order gives the
        same to the bit; "rounded" where they are floats, which hold to 1e-10.
    bounded: False where the state grows with the rows; DESCRIBE warns of it then.
    version: any text; change it where something outside of the class changes what it computes.

    Raises SchemaError for a class that lacks a method or declares an unknown type.

    >>> @aggregate(arguments=["BIGINT"], returns="BIGINT")
    ... class BitOr:
    ...     def zero(self): return 0
    ...     def add(self, state, x): return state | x
    ...     def merge(self, a, b): return a | b
    ...     def finish(self, state): return state
    >>> user_aggregate(BitOr).signature
    'BIT_OR(BIGINT)'
    """

    def declare(made: type) -> type:
        if not inspect.isclass(made):
            raise SchemaError(f"@aggregate stands before a class, not {made!r}")
        called = _snake(made.__name__) if name is None else name
        if not _NAME.fullmatch(called):
            raise SchemaError(f"'{called}' is no name for an aggregate; write letters, digits, _")
        if accuracy not in ("exact", "rounded", "approximate"):
            raise SchemaError(
                f"the aggregate {called.upper()} has the accuracy '{accuracy}'; there are: exact, "
                "rounded, approximate"
            )
        types_of = tuple(_type(called, a) for a in arguments)
        gives = _type(called, returns)
        _check_methods(called, made, len(types_of))
        said = [called.lower(), *map(sql_name, types_of), sql_name(gives), accuracy, version]
        digest = hashlib.sha256("\0".join([*said, *_sources(made)]).encode()).hexdigest()[:16]
        doc = (inspect.getdoc(made) or "").strip().split("\n\n")[0].replace("\n", " ")
        found = UserAggregate(called.lower(), types_of, gives, digest, accuracy, bounded, doc, made)
        _KNOWN[found.name, digest] = found
        setattr(made, _DECLARED, found)
        return made

    return declare


def user_aggregate(made: object) -> UserAggregate:
    """What a class declares. Raises SchemaError for what @aggregate does not stand before."""
    found = vars(made).get(_DECLARED) if isinstance(made, type) else None
    if not isinstance(found, UserAggregate):
        named = getattr(made, "__name__", repr(made))
        raise SchemaError(
            f"{named} is not declared as an aggregate; write @aggregate(arguments=[...], "
            "returns=...) before the class"
        )
    return found


def known_aggregate(name: str, version: str) -> UserAggregate:
    """The aggregate of a plan. Raises UnsupportedError where this process has not declared it."""
    found = _KNOWN.get((name, version))
    if found is not None:
        return found
    others = [v for n, v in _KNOWN if n == name]
    what = f"another version of it ({', '.join(others)})" if others else "no such class"
    raise UnsupportedError(
        f"this plan uses the aggregate {name.upper()} of version {version}, and this process has "
        f"{what}; import the module that declares it: aggregates = ['module'] in bighead.toml, or "
        "Session.register_aggregate(Class)"
    )


def aggregates_of(module: types.ModuleType) -> Iterator[UserAggregate]:
    """The aggregates that a module declares, in their order there."""
    for value in vars(module).values():
        if isinstance(value, type) and value.__module__ == module.__name__:
            found = vars(value).get(_DECLARED)
            if isinstance(found, UserAggregate):
                yield found


def fits(value: Any, arrow: pa.DataType) -> bool:
    """Whether a Python value is of a type, without any conversion that loses something.

    >>> fits(1, pa.float64()), fits(1.0, pa.int64()), fits([1, None], pa.list_(pa.int8()))
    (True, False, True)
    """
    if value is None:
        return True
    kind: Any = arrow
    if pa.types.is_list(kind):
        return isinstance(value, list | tuple) and all(fits(v, kind.value_type) for v in value)
    if pa.types.is_struct(kind):
        fields = {kind.field(i).name: kind.field(i).type for i in range(kind.num_fields)}
        if not isinstance(value, dict) or not value.keys() <= fields.keys():
            return False
        return all(fits(v, fields[name]) for name, v in value.items())
    if pa.types.is_map(kind):
        pairs = list(value.items()) if isinstance(value, dict) else value
        if not isinstance(pairs, list) or not all(len(pair) == 2 for pair in pairs):
            return False
        return all(fits(k, kind.key_type) and fits(v, kind.item_type) for k, v in pairs)
    if pa.types.is_boolean(kind) != isinstance(value, bool):
        return False
    try:
        made: Any = pa.scalar(value, kind)
    except (pa.ArrowException, OverflowError, TypeError, ValueError):
        return False
    same = made.as_py()
    return pa.types.is_floating(kind) or bool(same == value and isinstance(value, type(same)))


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def _type(called: str, given: str | pa.DataType) -> pa.DataType:
    found = canonical(given) if isinstance(given, pa.DataType) else _spelled(str(given).strip())
    if found is None:
        raise SchemaError(
            f"the aggregate {called.upper()} names the type {given!r}, which no plan has; write "
            "DOUBLE, BIGINT, VARCHAR[] or the like, or a type of pyarrow"
        )
    return any_value(called.upper(), found)


def _spelled(text: str) -> pa.DataType | None:
    if text.endswith("[]"):
        inner = _spelled(text[:-2].rstrip())
        return None if inner is None else pa.list_(inner)
    return NAMES.get(text.upper()) or parse_decimal(text)


def _check_methods(called: str, made: type, arity: int) -> None:
    values = ", ".join(["x", "y", "z", "u", "v", "w"][:arity] if arity <= 6 else ["*values"])
    wanted = {"zero": 0, "add": 1 + arity, "merge": 2, "finish": 1}
    if hasattr(made, "remove"):
        wanted["remove"] = 1 + arity
    for name, count in wanted.items():
        method = getattr(made, name, None)
        shape = METHODS.get(name, METHODS["add"].replace("add", "remove"))
        shape = shape.format(values=values).replace(", )", ")")
        if not callable(method):
            raise SchemaError(
                f"the aggregate {called.upper()} has no method {name}(); {made.__qualname__} needs "
                f"def {shape}"
            )
        try:
            inspect.signature(method).bind(*range(1 + count))
        except TypeError:
            raise SchemaError(
                f"{name}() of the aggregate {called.upper()} does not take what it is given, "
                f"{arity} argument{'s' * (arity != 1)} declared; write def {shape}"
            ) from None


def _sources(made: type) -> Iterator[str]:
    """The source of the class and of those that it inherits from; its bytecode where none is."""
    for part in made.__mro__[:-1]:
        try:
            yield textwrap.dedent(inspect.getsource(part)).strip()
        except (OSError, TypeError):
            for name, value in sorted(vars(part).items()):
                if isinstance(value, types.FunctionType):
                    yield f"{name}:{_code(value.__code__)}"


def _code(code: types.CodeType) -> str:
    """What a function does, in a form that is the same in every process."""
    inner = (_code(c) if isinstance(c, types.CodeType) else repr(c) for c in code.co_consts)
    return f"{code.co_code.hex()} {code.co_names} {'|'.join(inner)}"


__all__ = [
    "METHODS",
    "UserAggregate",
    "aggregate",
    "aggregates_of",
    "fits",
    "known_aggregate",
    "user_aggregate",
]

"""WITH (...): which options there are, what they take."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sqlglot import exp

from bighead.zipline.errors import did_you_mean
from bighead.zipline.ir.nodes import Node, Scan, walk
from bighead.zipline.ir.sources import EventSource, OptionValue
from bighead.zipline.sql.binding.scope import Context
from bighead.zipline.windows import format_duration, parse_duration

TEXT, FLAG, DURATION, LIST = "a text", "true or false", "a duration such as '2d'", "a list of texts"

OPEN = "'keep', 'drop' or 'mark'"
REFUSE_OR_APPLY = "'refuse' or 'apply'"
CHOICES = {OPEN: ("keep", "drop", "mark"), REFUSE_OR_APPLY: ("refuse", "apply")}
"""Options that take one of some words."""

DESCRIBING = {"owner": TEXT, "description": TEXT, "tags": LIST}
SOURCE_OPTIONS = {
    **DESCRIBING,
    "batch": TEXT,
    "stream": TEXT,
    "format": TEXT,
    "partition_lag": DURATION,
    "complete": DURATION,
    "cut": FLAG,
    "on_schema_change": REFUSE_OR_APPLY,
}
ENTITY_OPTIONS = {
    **DESCRIBING,
    "batch": TEXT,
    "stream": TEXT,
    "format": TEXT,
    "snapshot": TEXT,
    "op": TEXT,
    "on_schema_change": REFUSE_OR_APPLY,
}
SET_OPTIONS = {**DESCRIBING, "online": FLAG, "retention": DURATION, "stale_after": DURATION}
FEATURE_SET_OPTIONS = {**SET_OPTIONS, "tail": DURATION}
TRAINING_SET_OPTIONS = {**SET_OPTIONS, "open_labels": OPEN}
TAILS = ("5m", "1h", "1d")


def bind_options(
    context: Context, options: Sequence[exp.Expr] | None, known: Mapping[str, str]
) -> tuple[tuple[str, OptionValue], ...]:
    """The options, sorted by name. Raises SqlError for an unknown name or a wrong kind of value."""
    values: dict[str, OptionValue] = {}
    for option in options or []:
        name = option.this.name.lower()
        if name not in known:
            raise context.error(option.this, f"no option '{name}'", did_you_mean(name, known))
        if name in values:
            raise context.error(option.this, f"the option {name} is stated twice")
        value = _value(context, option, name, known[name])
        values[name] = value
    return tuple(sorted(values.items()))


def check_online(
    context: Context, given: Sequence[exp.Expr] | None, right_sides: Iterable[Node]
) -> None:
    """Refuses `online = true` where a batch and a stream of one source would be counted twice.

    What both hold is told apart by an IDENTITY, or by a cut between them.
    """
    place = next((o for o in given or [] if o.this.name.lower() == "online"), None)
    if place is None or not place.expression.this:
        return
    scans = (n for side in right_sides for n in walk(side) if isinstance(n, Scan))
    for source in (scan.source for scan in scans):
        both = source.option("batch") is not None and source.option("stream") is not None
        if not isinstance(source, EventSource) or not both:
            continue
        if not source.identity and source.option("cut") is not True:
            raise context.error(
                place,
                f"{source.name} has a batch and a stream, and nothing says which rows are in both",
                f"declare {source.name} with IDENTITY (columns) or with cut = true",
            )


def _value(context: Context, option: exp.Expr, name: str, kind: str) -> OptionValue:
    given = option.expression
    if kind == FLAG and isinstance(given, exp.Boolean):
        return bool(given.this)
    if kind == LIST and isinstance(given, exp.Array):
        items = given.expressions
        if all(isinstance(item, exp.Literal) and item.is_string for item in items):
            return tuple(item.name for item in items)
    if kind == TEXT and isinstance(given, exp.Literal) and given.is_string:
        return str(given.name)
    if kind in CHOICES and isinstance(given, exp.Literal) and given.is_string:
        if given.name in CHOICES[kind]:
            return str(given.name)
    if kind == DURATION and isinstance(given, exp.Literal) and given.is_string:
        try:
            text = format_duration(parse_duration(given.name))
        except ValueError as error:
            raise context.moved(given, error) from None
        if name == "tail" and text not in TAILS:
            raise context.error(given, f"tail = '{text}' is not a grid", "write '5m', '1h' or '1d'")
        return text
    raise context.error(option, f"{name} takes {kind}")

"""Texts and paths of the command line, taken as they are written.

Typer checks every value, also one that is not given, by a library of models that takes longer to
load than all else here. A text needs no check and a path none that is not made where it is used, so
both are taken as they come; any other value goes the usual way.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from typer.core import TyperCommand, TyperGroup


@dataclass(frozen=True, slots=True)
class AsWritten:
    """What becomes of the value of a parameter."""

    type: object
    usual: Callable[[], Any]
    """Gives what reads any other value."""

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        """The value under its type; raises typer's BadParameter where it is none."""
        if param.nargs == 1 and not param.multiple:
            if value is None or (self.type is str and isinstance(value, str)):
                return value
            if self.type is Path and isinstance(value, str | Path):
                return Path(value)
        return self.usual().coerce(value, param=param, ctx=ctx)


class Command(TyperCommand):
    """A command whose parameters take values so."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Its parameters, `--help` among them."""
        return [_as_written(param) for param in super().get_params(ctx)]


class Group(TyperGroup):
    """The same of what stands before a command."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Its parameters, `--help` among them."""
        return [_as_written(param) for param in super().get_params(ctx)]


def _as_written(param: Any) -> Any:
    described = getattr(param, "type_descriptor", None)
    usual = getattr(type(param), "get_runtime_param", None)
    if described is not None and usual is not None:
        reader = AsWritten(described.annotation, partial(usual, param))
        param.get_runtime_param = lambda: reader
    return param

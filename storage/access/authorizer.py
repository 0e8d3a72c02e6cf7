"""Who calls, and what they may do: one protocol for every door.

A door takes the bearer token off a request, asks its `Authorizer` whose it is, and the caller
whether an action on a name is allowed. A scope is an action and a pattern of names: `fetch:stay_*`
is every set whose name begins so, `*:*` is everything.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal as OneOf
from typing import Protocol, get_args

from bighead.zipline.errors import BigheadError

Action = OneOf["fetch", "ingest", "admin"]
ACTIONS: tuple[Action, ...] = get_args(Action)


class AccessError(BigheadError):
    """A door that does not open."""


class UnauthenticatedError(AccessError):
    """Nobody knows who calls: no token, an unknown one, or one that has expired."""


class ForbiddenError(AccessError):
    """The caller is known and may not do this."""


@dataclass(frozen=True, slots=True)
class Scope:
    """One action on the names that a pattern matches.

    >>> Scope.parse("fetch:stay_*").allows("fetch", "Stay_Risk@3")
    True
    """

    action: str
    pattern: str

    @classmethod
    def parse(cls, text: str) -> Scope:
        """`action:pattern`; either may be `*`. Raises AccessError."""
        action, colon, pattern = text.strip().partition(":")
        if not colon or not pattern or action not in (*ACTIONS, "*"):
            known = ", ".join(ACTIONS)
            raise AccessError(
                f"'{text}' is no scope; write an action ({known}, or *), a colon and a pattern of "
                "names, such as fetch:listing_*"
            )
        return cls(action, pattern.casefold())

    def allows(self, action: Action, name: str) -> bool:
        """Whether it covers an action on a name, whose version does not matter."""
        if self.action not in (action, "*"):
            return False
        return self.pattern == "*" or fnmatchcase(name.partition("@")[0].casefold(), self.pattern)

    def __str__(self) -> str:
        return f"{self.action}:{self.pattern}"


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody at a door."""

    name: str
    """For logs and metrics."""
    scopes: tuple[Scope, ...]

    def may(self, action: Action, name: str) -> bool:
        """Whether some scope covers an action on a name."""
        return any(scope.allows(action, name) for scope in self.scopes)

    def check(self, action: Action, name: str) -> None:
        """Raises ForbiddenError where no scope covers it."""
        if not self.may(action, name):
            raise ForbiddenError(
                f"{self.name} may not {action} {name}; give the token the scope {action}:{name}"
            )

    def among(self, action: Action, names: Iterable[str]) -> list[str]:
        """Those of the names that it may act on."""
        return [name for name in names if self.may(action, name)]


class Authorizer(Protocol):
    """Tells whose a token is."""

    def caller(self, token: str | None) -> Caller:
        """Who holds the token; None: nothing was shown. Raises UnauthenticatedError."""


ANYBODY = Caller("anybody", (Scope("*", "*"),))


@dataclass(frozen=True, slots=True)
class Open:
    """Lets everybody do everything, for a door that only this machine reaches."""

    def caller(self, token: str | None) -> Caller:
        """Anybody, whatever is shown."""
        return ANYBODY


def bearer(header: str | None) -> str | None:
    """The token of an Authorization header; None where there is none.

    >>> bearer("Bearer abc"), bearer(None)
    ('abc', None)
    """
    if header is None:
        return None
    kind, _, token = header.strip().partition(" ")
    if kind.casefold() != "bearer" or not token.strip():
        raise UnauthenticatedError("the authorization is no bearer token; send 'Bearer TOKEN'")
    return token.strip()

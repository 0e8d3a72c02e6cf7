"""`bighead token`: who may fetch and ingest, in a file of hashed tokens."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bighead.platform.cli.commands.options import Json, duration_of
from bighead.platform.cli.console import print_json, say

File = Annotated[Path, typer.Argument(metavar="FILE", help="The file of tokens.")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="Whose token it is.")]

token = typer.Typer(
    name="token",
    help="Make, list and revoke the tokens that a service lets in.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@token.command()
def add(
    file: File,
    name: Name,
    scope: Annotated[
        list[str],
        typer.Option(
            "--scope",
            metavar="SCOPE",
            help="What it is for: fetch or ingest, a colon, a pattern of names. May be repeated.",
        ),
    ],
    expires: Annotated[
        str | None,
        typer.Option("--expires", metavar="DURATION", help="In how long it ends, such as 90d."),
    ] = None,
) -> None:
    """Make a token and print it; the file keeps its hash, so that it is shown this once.

    \b
    Examples:
      bighead token add tokens.json ranking --scope 'fetch:listing_*' --scope fetch:stay_risk
      bighead token add tokens.json loader --scope ingest:bookings --expires 90d
    """
    from datetime import UTC, datetime, timedelta

    from bighead.storage.access.authorizer import AccessError, Scope
    from bighead.storage.access.token_file import (
        Token,
        digest_of,
        new_token,
        read_tokens,
        write_tokens,
    )

    scopes = tuple(Scope.parse(text) for text in scope)
    known = read_tokens(file) if file.exists() else []
    if any(t.name == name for t in known):
        raise AccessError(f"{file} has a token of {name}; revoke it first, or take another name")
    until = None
    if expires is not None:
        width = duration_of(expires, "--expires")
        until = datetime.now(UTC).replace(microsecond=0) + timedelta(microseconds=width)
    made = new_token()
    write_tokens(file, [*known, Token(name, digest_of(made), scopes, until)])
    print(made)
    say(f"{name} may {', '.join(map(str, scopes))}; services read {file} again by themselves")


@token.command("list")
def list_(file: File, json: Json = False) -> None:
    """Show whose tokens there are, and what they are for.

    \b
    Examples:
      bighead token list tokens.json
    """
    import sys

    from rich import box
    from rich.table import Table

    from bighead.platform.cli.console import print_table
    from bighead.storage.access.token_file import read_tokens

    known = read_tokens(file)
    if json:
        print_json([{k: v for k, v in t.record().items() if k != "sha256"} for t in known])
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for title in ("name", "scopes", "expires"):
        table.add_column(title)
    for t in known:
        expires = "never" if t.expires is None else t.expires.isoformat()
        table.add_row(t.name, " ".join(map(str, t.scopes)), expires)
    print_table(table, sys.stdout)


@token.command()
def revoke(file: File, name: Name) -> None:
    """Remove a token; it is not let in from the next request on.

    \b
    Examples:
      bighead token revoke tokens.json ranking
    """
    from bighead.storage.access.authorizer import AccessError
    from bighead.storage.access.token_file import read_tokens, write_tokens
    from bighead.zipline.errors import did_you_mean

    known = read_tokens(file)
    kept = [t for t in known if t.name != name]
    if len(kept) == len(known):
        hint = did_you_mean(name, [t.name for t in known])
        raise AccessError(f"{file} has no token of {name}; {hint or 'it is empty'}")
    write_tokens(file, kept)
    say(f"the token of {name} is gone")

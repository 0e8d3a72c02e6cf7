"""`bighead store`: what is done to an online store as a whole."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bighead.platform.cli.commands.options import Draft, Folder, Json, settings_of
from bighead.platform.cli.console import print_json, say, waiting

store = typer.Typer(
    name="store",
    help="Define what an online store serves; back up, restore, check, measure and shrink it.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@store.command()
def define(
    context: typer.Context,
    path: Annotated[Path, typer.Argument(metavar="STORE", help="Its folder, or a new one.")],
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="NAME", help="Sets, or NAME@VERSION; else all online ones."),
    ] = None,
    draft: Draft = False,
    beside: Annotated[
        bool,
        typer.Option(
            "--beside", help="Serve a new version as NAME@VERSION only, until this is left out."
        ),
    ] = False,
) -> None:
    """Keep and serve feature sets and training sets from now on.

    A training set is served with everything that it joins. Without names these are the sets that
    are declared with online = true. What is kept begins empty, and is filled by 'bighead ingest';
    an ingester that runs takes new sets up between its commits.

    \b
    Examples:
      bighead store define online
      bighead store define online listing_bookings stay_risk@2
    """
    from bighead.platform.cli.serving import defined

    for name, note in defined(settings_of(context), path, names or [], draft, beside):
        say(f"{path} serves {name}{note}")


@store.command()
def withdraw(
    path: Folder,
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="Sets, or NAME@VERSION.")],
) -> None:
    """Serve sets no more; what the store keeps for them stays until 'bighead store clear'.

    \b
    Examples:
      bighead store withdraw online stay_risk@1
    """
    from bighead.storage.requests.asking import ask

    for name in names:
        ask(path, "withdraw", {"name": name})
        say(f"{path} serves {name} no more")


@store.command()
def sweep(
    path: Folder,
    name: Annotated[
        str | None, typer.Argument(metavar="[SET]", help="As 'bighead store stats' shows it.")
    ] = None,
    before: Annotated[
        str | None, typer.Option(metavar="TIME", help="Rows of earlier times go.")
    ] = None,
) -> None:
    """Drop rows that no question reads any more.

    Without SET that is what lies beyond the option 'retention' of what is served; a process that
    writes the store does so by itself. With SET and --before, times are refused whose windows
    begin before that one.

    \b
    Examples:
      bighead store sweep online
      bighead store sweep online listing_bookings@1 --before 2025-01-01
    """
    from bighead.platform.cli.fetching import moment
    from bighead.platform.cli.store_text import time_text
    from bighead.platform.cli.uploading import microseconds
    from bighead.storage.requests.asking import ask
    from bighead.zipline.errors import BigheadError

    if (name is None) != (before is None):
        raise BigheadError("SET and --before go together; leave both out for what is due")
    time = None if before is None else microseconds(moment(before))
    with waiting("sweeping"):
        said = ask(path, "sweep", {"set": name, "before": time})
    for kept, since in said["kept"].items():
        say(f"{kept}: rows are kept from {time_text(since)}")


@store.command()
def clear(
    path: Folder,
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="SET", help="As 'bighead store stats' shows it; else all such."),
    ] = None,
) -> None:
    """Forget sets that nothing served is read from, with all their rows.

    Those are the sets of older versions, and of what was withdrawn.

    \b
    Examples:
      bighead store clear online
      bighead store clear online listing_bookings@1
    """
    from bighead.storage.requests.asking import ask

    with waiting("clearing"):
        said = ask(path, "clear", {"sets": names or []})
    for name in said["cleared"]:
        say(f"{path} keeps {name} no more")
    if not said["cleared"]:
        say("all that is kept is served")


@store.command()
def backup(
    path: Folder,
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A new folder.")],
) -> None:
    """Copy a store as it is now, also while another process writes to it.

    Where none does, files that do not change are linked if the disk is the same.

    \b
    Examples:
      bighead store backup online backups/2025-01-31
    """
    from bighead.storage.upkeep.backups import backup as back_up

    with waiting("copying"):
        number = back_up(path, folder)
    say(f"commit {number:,} of {path} lies in {folder}")


@store.command()
def restore(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A backup.")],
    path: Annotated[Path, typer.Argument(metavar="STORE", help="A new folder.")],
) -> None:
    """Make a store of a backup, once each of its tiles has been checked.

    \b
    Examples:
      bighead store restore backups/2025-01-31 online
    """
    from bighead.storage.upkeep.backups import restore as make_anew

    with waiting("copying and checking"):
        number = make_anew(folder, path)
    say(f"{path} is {folder}, as of commit {number:,}")


@store.command()
def verify(path: Folder) -> None:
    """Check that each tile is that of its rows, and that no block is missing or left over.

    Reads everything; a process that writes to the store may go on.

    \b
    Examples:
      bighead store verify online
    """
    from bighead.storage.following import beside_a_writer

    with waiting("checking"), beside_a_writer(path) as opened:
        blocks = opened.verify()
    say(f"{blocks:,} blocks are sound")


@store.command()
def stats(path: Folder, json: Json = False) -> None:
    """Show what a store holds of each set: keys, rows, blocks and their size.

    \b
    Examples:
      bighead store stats online
      bighead store stats online --json
    """
    from bighead.platform.cli.store_text import counts_record, print_counts
    from bighead.storage.database.origins import origin_of
    from bighead.storage.following import beside_a_writer

    with waiting("counting"), beside_a_writer(path) as opened:
        counts, committed = opened.counts(), opened.committed
        sizes, origin = opened.database.size(), origin_of(opened.database)
    if json:
        print_json({"origin": origin, **counts_record(counts, committed, sizes)})
    else:
        print_counts(counts)
        of = f" of origin {origin}" if origin else ""
        say(f"commit {committed:,}{of}; about {sum(sizes.values()):,} bytes in files and memory")


@store.command()
def compact(path: Folder) -> None:
    """Rewrite the files of a store without what has been deleted.

    RocksDB does so by itself in time; this frees the disk now. Only the process that writes a store
    can compact it, so no other may write meanwhile.

    \b
    Examples:
      bighead store compact online
    """
    from bighead.storage.store import Store

    with waiting("compacting"), Store.open(path, create=False) as opened:
        before = sum(opened.database.size().values())
        opened.compact()
        after = sum(opened.database.size().values())
    say(f"about {before:,} bytes became {after:,}")

"""`bighead ingest`: streams into an online store, and what could not be taken."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bighead.platform.cli.commands.options import (
    Certificate,
    Clients,
    CommitEvery,
    Folder,
    Json,
    Kafka,
    KafkaOption,
    Key,
    LargestRequest,
    LateAfter,
    Plaintext,
    Sync,
    Tokens,
    check_pair,
    duration_of,
    named_values,
    settings_of,
    size_of,
)
from bighead.platform.cli.console import print_json, say

if TYPE_CHECKING:
    from bighead.storage.store import Store
    from bighead.storage.writing.letters import Kept

Source = Annotated[
    str | None, typer.Option("--source", metavar="NAME", help="Those of one source only.")
]
Numbers = Annotated[
    list[str] | None,
    typer.Argument(metavar="[NUMBER]...", help="Dead letters by number; none: all of them."),
]

ingest = typer.Typer(
    name="ingest",
    help="Take streams into an online store; see and replay what could not be taken.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
dead = typer.Typer(
    name="dead-letters",
    help="Messages and rows that could not be taken: why, and once more.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
ingest.add_typer(dead)


@ingest.command()
def run(
    context: typer.Context,
    path: Folder,
    data: Annotated[
        Path | None,
        typer.Option(
            "--data",
            metavar="FOLDER",
            help="Relative paths begin here; else in the project's data folder, or here.",
        ),
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="Take what is there now, and end.")] = False,
    kafka: Kafka = None,
    kafka_option: KafkaOption = None,
    group: Annotated[
        str | None,
        typer.Option(
            "--group",
            metavar="NAME",
            help="Kafka deals a source's partitions out among the stores of one group NAME.SOURCE; "
            "else the store has all of them.",
            show_default=False,
        ),
    ] = None,
    listen: Annotated[
        str | None,
        typer.Option(
            "--listen", metavar="HOST:PORT", help="Let producers write over gRPC; port 0: any."
        ),
    ] = None,
    tokens: Tokens = None,
    certificate: Certificate = None,
    key: Key = None,
    clients: Clients = None,
    plaintext: Plaintext = False,
    largest_request: LargestRequest = "8MiB",
    commit_every: CommitEvery = 0.05,
    commit_size: Annotated[
        str, typer.Option("--commit-size", metavar="SIZE", help="As much is committed at once.")
    ] = "8MiB",
    longest_line: Annotated[
        str,
        typer.Option(
            "--longest-line", metavar="SIZE", help="Longer lines of files are dead letters."
        ),
    ] = "16MiB",
    late_after: LateAfter = "1h",
    sync: Sync = True,
    stamps: Annotated[
        str,
        typer.Option(
            "--stamps",
            metavar="DURATION",
            help="Keep for as long when each row came, for 'bighead verify'.",
        ),
    ] = "30d",
    metrics: Annotated[
        int | None, typer.Option("--metrics", metavar="PORT", help="Tell Prometheus on 127.0.0.1.")
    ] = None,
    report_every: Annotated[
        float, typer.Option("--report-every", metavar="SECONDS", min=0.1, help="A line of counts.")
    ] = 10.0,
) -> None:
    """Follow the streams of all sources that the store's sets read, until Ctrl-C or SIGTERM.

    A source's option `stream` says where: a file, folder or pattern of JSON lines or Parquet, which
    is followed as it grows, or kafka://host:port/topic. With --listen producers write over gRPC.
    What cannot be taken becomes a dead letter and stops nobody. How far each stream was read is
    part of each commit, so that the next run goes on exactly there.

    \b
    Examples:
      bighead ingest run online
      bighead ingest run online --once
      bighead ingest run online --kafka 127.0.0.1:9092 --listen 127.0.0.1:7655
    """
    from bighead.platform.cli.ingesting import Producers, Running, run_ingester
    from bighead.platform.cli.project import find_project
    from bighead.platform.features.doors import Streams
    from bighead.storage.access.address import Address
    from bighead.storage.access.tls import Tls
    from bighead.storage.ingest.ingester import Settings

    check_pair(certificate, key, clients)
    if listen is None and (tokens is not None or certificate is not None or plaintext):
        raise typer.BadParameter("--tokens, --certificate and --plaintext belong to --listen")
    if listen is not None and once:
        raise typer.BadParameter("producers may always come; give --listen or --once")
    project = find_project(settings_of(context).start)
    producers = None
    if listen is not None:
        tls = None
        if certificate is not None and key is not None:
            tls = Tls(certificate, key, clients)
        largest = size_of(largest_request, "--largest-request")
        producers = Producers(Address(listen, tls, plaintext), tokens, largest)
    run_ingester(
        path,
        Streams(
            folder=data or (project.data if project is not None else Path()),
            kafka=kafka,
            kafka_options=named_values(kafka_option or [], "--kafka-option"),
            group=group or None,
            store=path,
            longest=size_of(longest_line, "--longest-line"),
            note=say,
        ),
        Settings(
            wait=commit_every,
            most=size_of(commit_size, "--commit-size"),
            late_after=duration_of(late_after, "--late-after"),
        ),
        Running(once, sync, report_every, duration_of(stamps, "--stamps"), producers, metrics),
    )


@ingest.command()
def offsets(path: Folder, json: Json = False) -> None:
    """Show how far the streams of each source have been read.

    \b
    Examples:
      bighead ingest offsets online
      bighead ingest offsets online --json
    """
    from bighead.platform.cli.ingest_text import offset_records, print_records

    with _reading(path) as store:
        records = offset_records(store)
    if json:
        print_json(records)
    else:
        print_records(records, ("source", "partition", "offset"))


@ingest.command()
def forget(
    path: Folder,
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="The source that reads it.")],
    partition: Annotated[
        str, typer.Argument(metavar="PARTITION", help="As 'bighead ingest offsets' shows it.")
    ],
) -> None:
    """Forget how far a partition was read: the next run begins at its start.

    Rows that come again change nothing where the source declares an IDENTITY, and are doubled
    otherwise. Nobody else may write to the store meanwhile.

    \b
    Examples:
      bighead ingest forget online bookings kafka:bookings/0
    """
    from bighead.storage.ingest.positions import forget_partition
    from bighead.storage.store import Store

    with Store.open(path, create=False) as store:
        forget_partition(store, source, partition)
    say(f"{partition} of {source} is read from its start by the next run")


@dead.command("list")
def list_letters(
    path: Folder,
    source: Source = None,
    limit: Annotated[
        int, typer.Option("--limit", "-n", metavar="N", min=0, help="As many; 0: all.")
    ] = 20,
    json: Json = False,
) -> None:
    """Show dead letters: where each came from, when, and why it could not be taken.

    \b
    Examples:
      bighead ingest dead-letters list online
      bighead ingest dead-letters list online --source bookings --json
    """
    from bighead.platform.cli.ingest_text import letter_record, print_records

    with _reading(path) as store:
        records = [letter_record(kept) for kept in _chosen(store, None, source)]
    shown = records[:limit] if limit else records
    if json:
        print_json(shown)
    else:
        print_records(shown, ("number", "source", "partition", "position", "time", "reason"))
        say(f"{len(shown):,} of {len(records):,} dead letters")


@dead.command("show")
def show_letter(
    path: Folder,
    number: Annotated[str, typer.Argument(metavar="NUMBER", help="As 'list' shows it.")],
    raw: Annotated[bool, typer.Option("--raw", help="The bytes as they came, alone.")] = False,
) -> None:
    """Show one dead letter with what it holds.

    \b
    Examples:
      bighead ingest dead-letters show online 12-0
      bighead ingest dead-letters show online 12-0 --raw > message.json
    """
    import sys

    from bighead.platform.cli.ingest_text import print_letter
    from bighead.storage.writing.letters import letter

    with _reading(path) as store:
        kept = letter(store.database, number)
    if raw:
        sys.stdout.buffer.write(kept.letter.raw)
    else:
        print_letter(kept)


@dead.command()
def replay(path: Folder, numbers: Numbers = None, source: Source = None) -> None:
    """Take dead letters once more, after what was wrong has been mended.

    Those that can be taken now are, in the commit that removes them; the others stay, with the
    reason that they have now, and the exit code is 1. An ingester that runs does so between its
    commits, a portion at a time.

    \b
    Examples:
      bighead ingest dead-letters replay online
      bighead ingest dead-letters replay online 12-0 12-1
    """
    from bighead.storage.requests.asking import ask

    replayed = ask(path, "replay", _asked(path, numbers, source))
    say(f"{replayed['taken']:,} dead letters were taken; {replayed['left']:,} stay")
    if replayed["left"]:
        raise typer.Exit(1)


@dead.command()
def drop(
    path: Folder,
    numbers: Numbers = None,
    source: Source = None,
    everything: Annotated[bool, typer.Option("--all", help="Every one, without numbers.")] = False,
) -> None:
    """Forget dead letters for good, also while an ingester runs.

    \b
    Examples:
      bighead ingest dead-letters drop online 12-0
      bighead ingest dead-letters drop online --source bookings --all
    """
    from bighead.storage.requests.asking import ask

    if bool(numbers) == everything:
        raise typer.BadParameter("name dead letters by number, or give --all")
    dropped = ask(path, "drop", _asked(path, numbers, source))
    say(f"{dropped['dropped']:,} dead letters are forgotten")


def _asked(path: Path, numbers: list[str] | None, source: str | None) -> dict[str, object]:
    """Which letters are meant: those of these numbers, each once, or all that there are now."""
    if numbers and source is not None:
        raise typer.BadParameter("--source chooses among all dead letters; name some, or give it")
    with _reading(path) as store:
        named = None
        if numbers:
            named = list(dict.fromkeys(kept.number for kept in _chosen(store, numbers, None)))
        return {"numbers": named, "source": source, "until": store.committed}


def _chosen(store: Store, numbers: list[str] | None, source: str | None) -> Iterator[Kept]:
    from bighead.storage.writing.letters import letter, letters

    if not numbers:
        yield from letters(store.database, source)
    for number in numbers or []:
        yield letter(store.database, number)


@contextmanager
def _reading(path: Path) -> Iterator[Store]:
    """The store, which another process may write to."""
    from bighead.storage.store import Store

    with Store.open(path, create=False, read_only=True) as store:
        yield store

"""Options that several commands have."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from bighead.platform.cli.settings import Settings
from bighead.zipline.errors import BigheadError
from bighead.zipline.names import versioned
from bighead.zipline.windows import parse_duration

Json = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]
Draft = Annotated[
    bool, typer.Option("--draft", help="Use the definitions of the files, applied or not.")
]
Engine = Annotated[
    str | None,
    typer.Option(
        "--engine", metavar="NAME", help="datafusion or reference; else the project's engine."
    ),
]
Dialect = Annotated[
    str | None,
    typer.Option("--from", metavar="DIALECT", help="Read SQL of duckdb, snowflake or spark."),
]
SqlFile = Annotated[
    Path | None, typer.Option("--file", "-f", metavar="FILE", help="Read the SQL from a file.")
]
Memory = Annotated[
    str | None,
    typer.Option(
        "--memory",
        metavar="SIZE",
        help="What may be taken, such as 4GiB; what does not fit goes to disk. Else 60 % of what "
        "is free.",
    ),
]
SpillLimit = Annotated[
    str | None,
    typer.Option("--spill-limit", metavar="SIZE", help="What may be written to disk for that."),
]
Folder = Annotated[Path, typer.Argument(metavar="STORE", help="The folder of the store.")]
StoreOption = Annotated[
    Path, typer.Option("--store", metavar="STORE", help="The folder of the store.")
]
Tokens = Annotated[
    Path | None,
    typer.Option(
        "--tokens",
        metavar="FILE",
        help="Let in callers with a token of this file (see 'bighead token'); else everybody.",
    ),
]
Certificate = Annotated[
    Path | None, typer.Option("--certificate", metavar="FILE", help="TLS: ours, in PEM.")
]
Key = Annotated[Path | None, typer.Option("--key", metavar="FILE", help="The certificate's key.")]
Clients = Annotated[
    Path | None,
    typer.Option(
        "--clients", metavar="FILE", help="Let in callers with a certificate of this authority."
    ),
]
Plaintext = Annotated[bool, typer.Option("--plaintext", help="Let other machines in without TLS.")]
LargestRequest = Annotated[
    str, typer.Option("--largest-request", metavar="SIZE", help="Larger ones are refused.")
]
Kafka = Annotated[
    str | None,
    typer.Option("--kafka", metavar="HOST:PORT", help="Brokers of streams that name none."),
]
KafkaOption = Annotated[
    list[str] | None,
    typer.Option("--kafka-option", metavar="NAME=VALUE", help="Of Kafka's client; repeatable."),
]
CommitEvery = Annotated[
    float,
    typer.Option(
        "--commit-every",
        metavar="SECONDS",
        min=0.0,
        help="What came is committed after as long, or earlier.",
    ),
]
LateAfter = Annotated[
    str,
    typer.Option(
        "--late-after", metavar="DURATION", help="Events that come later are counted as late."
    ),
]
Sync = Annotated[
    bool,
    typer.Option(
        "--sync/--no-sync", help="A commit survives a loss of power, or only our own end."
    ),
]
Sql = Annotated[
    str | None,
    typer.Argument(metavar="[SQL]", help="SQL, or the name of a training set; - is stdin."),
]


def settings_of(context: typer.Context) -> Settings:
    """What the options before the command say."""
    settings = context.obj
    assert isinstance(settings, Settings)
    return settings


def check_pair(certificate: Path | None, key: Path | None, clients: Path | None = None) -> None:
    """Refuses files of TLS that are of no use without others."""
    if (certificate is None) != (key is None):
        raise typer.BadParameter("a certificate and its key belong together; give both")
    if clients is not None and certificate is None:
        raise typer.BadParameter("--clients is part of TLS; give --certificate and --key too")


def sql_text(sql: str | None, file: Path | None) -> str:
    """The SQL of a command: its argument, a file, or standard input. A bare name reads it all."""
    if sql is not None and file is not None:
        raise typer.BadParameter("give SQL or --file, not both")
    if file is not None:
        text = read_text(file)
    elif sql == "-" or (sql is None and not sys.stdin.isatty()):
        text = sys.stdin.read()
    elif sql is None:
        raise typer.BadParameter("give SQL, or --file FILE, or - for standard input")
    else:
        text = sql
    if not text.strip():
        raise typer.BadParameter("the SQL is empty")
    words = text.split()
    name = (versioned(words[0]) or (words[0],))[0]
    if len(words) == 1 and all(part.isidentifier() for part in name.split(".")):
        return f"SELECT * FROM {words[0]}"
    return text


def read_text(file: Path) -> str:
    """The text of a file, as UTF-8."""
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise BigheadError(f"cannot read {file}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise BigheadError(f"{file} is not UTF-8 text: {error}") from error


def duration_of(text: str, option: str) -> int:
    """Microseconds of an option such as '1h'."""
    try:
        return parse_duration(text)
    except ValueError as error:
        raise typer.BadParameter(f"{option}: {error}") from None


def named_values(given: Sequence[str], option: str) -> dict[str, str]:
    """What `option` says each time as NAME=VALUE."""
    found = {}
    for said in given:
        name, equals, value = said.partition("=")
        if not equals or not name:
            raise typer.BadParameter(f"{option} '{said}' is no NAME=VALUE")
        found[name] = value
    return found


def size_of(text: str, option: str) -> int:
    """Bytes of an option such as '4MiB'."""
    from bighead.planner.spill.memory import parse_size

    return parse_size(text, option)

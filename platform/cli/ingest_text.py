"""What `bighead ingest` shows of a store: how far streams were read, and dead letters."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime

from rich.table import Table

from bighead.platform.cli.console import print_table
from bighead.storage.ingest.positions import files_at, offsets_at
from bighead.storage.ingest.sources import sources_of
from bighead.storage.store import Store
from bighead.storage.writing.letters import Kept

Record = dict[str, str | int]


def offset_records(store: Store) -> list[Record]:
    """A record for each partition and file that has been read from."""
    found: list[Record] = []
    for source in sorted(sources_of(store)):
        at = list(offsets_at(store.database, source))
        at += sorted((f.path, f.position) for f in files_at(store.database, source))
        found += [{"source": source, "partition": p, "offset": o} for p, o in at]
    return found


def letter_record(kept: Kept) -> Record:
    """A dead letter without what it holds."""
    facts = kept.letter.facts
    return {
        "number": kept.number,
        "source": facts.source,
        "partition": facts.partition,
        "position": facts.position,
        "time": _time(facts.time),
        "tries": facts.tries,
        "form": facts.form,
        "size": len(kept.letter.raw),
        "reason": facts.reason,
    }


def print_records(records: Sequence[Record], columns: Sequence[str]) -> None:
    """A row a record, on standard output."""
    table = Table(box=None, pad_edge=False)
    for name in columns:
        right = name in ("offset", "position")
        table.add_column(name, justify="right" if right else "left", no_wrap=True)
    for record in records:
        values = (record[name] for name in columns)
        table.add_row(*(f"{v:,}" if isinstance(v, int) else v for v in values))
    print_table(table, sys.stdout)


def print_letter(kept: Kept) -> None:
    """A dead letter with what it holds, on standard output."""
    for name, value in letter_record(kept).items():
        sys.stdout.write(f"{name}: {value}\n")
    raw = kept.letter.raw
    if kept.letter.facts.form == "arrow":
        sys.stdout.write(f"\n{len(raw):,} bytes of an Arrow stream\n")
    else:
        sys.stdout.write(f"\n{raw.decode(errors='backslashreplace')}\n")


def _time(microseconds: int) -> str:
    moment = datetime.fromtimestamp(microseconds // 1_000_000, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")

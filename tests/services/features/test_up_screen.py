"""What `bighead up` shows, on a terminal and off one."""

from __future__ import annotations

import io
import json
from collections.abc import Callable

from rich.console import Console

from bighead.platform.cli.up_screen import Json, Lines, Picture, picture
from bighead.platform.features.screen import SetState, SourceState, State, Told
from bighead.platform.features.services import Heard
from bighead.storage.fetch.logs import Log
from bighead.storage.ingest.counters import Counters

NOW = 1_740_960_000
STATE = State(
    1_204,
    (
        SetState("listing_bookings@2", "served"),
        SetState("stay_risk@1", "uploading"),
        SetState("hosts@1", "failed"),
    ),
    (
        SourceState(
            "bookings",
            "data/bookings/*.jsonl",
            Counters(messages=1_250, rows=1_203, copies=40, late=12, rejected=7),
            (NOW - 90) * 1_000_000,
        ),
        SourceState("hosts", "kafka://hosts", Counters(), None, "no answer from Kafka"),
    ),
    (("gRPC", "127.0.0.1:7654"), ("REST", "127.0.0.1:7656"), ("producers", "127.0.0.1:7655")),
)
LISTENING = Told("listening", "gRPC on 127.0.0.1:7654", facts={"addresses": dict(STATE.addresses)})
READY = Told(
    "ready",
    "ready: stay_risk@1",
    facts={"examples": {"stay_risk": {"listing": "7", "city": "a b"}}},
)
FAILED = Told("failed", "hosts@1 cannot be uploaded: no file hosts.csv", "error")
TRY = (
    "try: bighead fetch stay_risk listing=7 'city=a b'\n"
    "try: curl 'http://127.0.0.1:7656/v1/sets/stay_risk/features?listing=7&city=a+b'\n"
)


def test_a_picture_says_how_things_stand(golden: Callable[[str, str], None]) -> None:
    file = io.StringIO()
    environment = {"TERM": "xterm"}
    console = Console(
        file=file, width=100, force_terminal=True, color_system=None, _environ=environment
    )
    with Picture("shop", console, lambda: NOW) as screen:
        screen.tell(LISTENING)
        screen.tell(READY)
        file.truncate(0)
        file.seek(0)
        screen.show(STATE)
        drawn = file.getvalue().splitlines()
    shown = "\n".join(line.rstrip() for line in drawn if "\x1b" not in line)
    golden("cli/up_picture.txt", shown.strip("\n") + "\n")


def test_a_pattern_with_brackets_is_shown_as_it_is_written() -> None:
    source = SourceState("bookings", "data/[a-z]*.jsonl", Counters(), None)
    console = Console(file=io.StringIO(), width=100)
    with console.capture() as shown:
        console.print(picture("shop", State(1, (), (source,)), NOW))
    assert "data/[a-z]*.jsonl" in shown.get()


def test_a_certificate_that_ends_soon_is_a_warning() -> None:
    file = io.StringIO()
    screen = Lines(0.0, Console(file=file, width=1_000, highlight=False))
    listening: list[dict[str, object]] = []
    log = Heard(screen=screen, listening=listening.append)
    log.write("listening", "info", port=1, certificate_days=90.0)
    log.write("listening", "warning", port=1, certificate_days=2.5)
    log.write("slow", "warning", method="Fetch")
    assert len(listening) == 2
    assert file.getvalue() == (
        "warning: the certificate ends in 2.5 days; renew it\nwarning: slow: method Fetch\n"
    )


def test_off_a_terminal_it_is_lines() -> None:
    file = io.StringIO()
    lines = Lines(0.0, Console(file=file, width=1_000, soft_wrap=True, highlight=False))
    for told in (LISTENING, READY, FAILED):
        lines.tell(told)
    lines.show(STATE)
    lines.show(STATE)
    assert file.getvalue() == (
        f"gRPC on 127.0.0.1:7654\nready: stay_risk@1\n{TRY}"
        "error: hosts@1 cannot be uploaded: no file hosts.csv\n"
        "1,250 messages, 1,203 rows taken, 40 copies, 12 late, 7 dead letters; commit 1,204\n"
    )


def test_for_scripts_it_is_json() -> None:
    file = io.StringIO()
    script = Json(0.0, Log(file))
    script.tell(FAILED)
    script.show(STATE)
    script.show(STATE)
    failed, counts = map(json.loads, file.getvalue().splitlines())
    assert (failed["event"], failed["level"], failed["text"]) == ("failed", "error", FAILED.text)
    assert (counts["event"], counts["commit"]) == ("counts", 1_204)
    assert counts["of"]["bookings"]["dead_letters"] == 7

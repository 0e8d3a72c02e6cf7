"""The demo from end to end: declare, join as of two hours ahead, train, show what a leak costs, and
bring the features online, where they are the same.

Two careless joins stand beside the right one, made by the same SQL with one line and with two lines
changed. In the first, flights count from their scheduled departure, as if their delay were known
before they have landed (no KNOWN AT). In the second, they are also joined up to the flight's own
departure: each row then sees its own delay.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import pyarrow as pa
import xgboost
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from bighead.examples.flights import data, model, online, report
from bighead.planner import Session

HERE = Path(__file__).parent
STATEMENTS = ("sources.sql", "features.sql", "training.sql")
AHEAD = timedelta(hours=2)
KNOWN_AT = "KNOWN AT time_hour + (minute + dep_delay + air_time) * INTERVAL '1' MINUTE\n"
STRICT, INCLUSIVE = "q.sched - INTERVAL '2' HOUR >", "q.sched >="

Join = Literal["point in time", "without KNOWN AT", "and up to departure"]
JOINS: tuple[Join, ...] = get_args(Join)


@dataclass(frozen=True, slots=True)
class Built:
    """A training set, the session it was made in, and the seconds it took."""

    session: Session
    table: pa.Table
    seconds: float


def statements(join: Join = "point in time") -> str:
    """The SQL of the example, with the telling lines of a careless join changed."""
    text = "\n".join((HERE / name).read_text(encoding="utf-8") for name in STATEMENTS)
    assert KNOWN_AT in text
    assert STRICT in text
    if join != "point in time":
        text = text.replace(KNOWN_AT, "")
    if join == "and up to departure":
        text = text.replace(STRICT, INCLUSIVE)
    return text


def build(folder: Path, join: Join = "point in time") -> Built:
    """The training set over the Parquet files of `folder`."""
    started = time.perf_counter()
    session = Session(folder=folder)
    session.sql(statements(join))
    table = session.sql("SELECT * FROM flight_delays").to_arrow()
    return Built(session, table, time.perf_counter() - started)


def run(folder: Path, console: Console) -> None:
    """Run the whole demo and print its report; files go to `folder`."""
    started = time.perf_counter()
    with console.status("reading the flights of 2013"):
        files = data.prepare(folder / "data")
    built: dict[Join, Built] = {}
    curves: list[report.Curve] = []
    trials: list[report.Trial] = []
    for join in JOINS:
        with console.status(f"joining features: {join}"):
            built[join] = build(files, join)
        rows = model.examples(built[join].table)
        if join == "point in time":
            live = rows
        with console.status(f"training on January to September: {join}"):
            booster, seconds = model.train(rows)
        if join == "point in time":
            honest, honest_seconds = booster, seconds
        promised, delivered = (_curve(join, booster, table) for table in (rows, live))
        trials.append(report.Trial(join, promised.auc, delivered.auc))
        curves.append(delivered)
    picture = folder / "flights.png"
    report.draw(curves, _importances(honest, live.names), picture)
    table = built["point in time"].table
    join_seconds = built["point in time"].seconds
    rate = table.num_rows / join_seconds
    console.rule("[bold]Will this flight arrive 15 minutes late or more?[/]", align="left")
    console.print("Asked two hours before its scheduled departure, with what was known then.\n")
    report.show_work(
        console,
        [
            ("training set", f"{table.num_rows:,} flights, {len(live.names)} features"),
            ("joined in", f"{join_seconds:.1f} s, {rate:,.0f} rows a second"),
            ("left out", f"{live.unlabelled:,} flights without a label (cancelled or diverted)"),
            ("trained on", f"{int((~live.test).sum()):,} flights, January to September"),
            ("trained in", f"{honest_seconds:.1f} s"),
            ("tested on", f"{int(live.test.sum()):,} flights, October to December"),
            ("late there", f"{live.late[live.test].mean():.1%}"),
        ],
    )
    console.print()
    report.show_trials(console, trials)
    console.print(
        "The second join forgets that a delay is known only at the landing; the third also joins "
        "up to the flight's own departure, so that each row sees its own delay. Both look better "
        "in the test and are worse live. The first gives live what it promised.\n"
    )
    explain_row(built["point in time"], console)
    console.print()
    go_online(folder, files, built["point in time"], console)
    console.print(f"\nplot     {picture}\nproject  {folder}\ndata     {files}")
    console.print(f"total    {time.perf_counter() - started:.1f} s")


def go_online(folder: Path, files: Path, built: Built, console: Console) -> None:
    """Replay the last week of the year as a stream, and compare what is served with training."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("going online", total=None)

        def hear(what: str, done: int, of: int) -> None:
            progress.update(task, description=what, completed=done, total=of)

        week = online.replay(folder, files.absolute(), built.session, built.table, hear)
    middle, last = np.quantile(week.requests, [0.5, 0.99]) * 1000
    console.rule("[bold]Online: the last week of 2013, as it came[/]", align="left")
    console.print(
        "'bighead up' keeps the features, follows the stream and serves, in one process.\n"
    )
    report.show_work(
        console,
        [
            ("uploaded", f"{week.uploaded:,} rows in {week.upload_seconds:.1f} s, for all joins"),
            ("streamed", f"{week.rows:,} flights and hours of weather, when they were known"),
            ("fetched", f"{week.flights:,} flights, each as of two hours before its departure"),
            ("a request", f"{middle:.0f} ms for an hour's flights (p99 {last:.0f} ms)"),
            ("replayed in", f"{week.replay_seconds:.1f} s"),
        ],
    )
    report.show_week(console, week.flights, len(week.features), week.different)


def explain_row(built: Built, console: Console) -> None:
    """Pick a flight and print the events behind some of its values."""
    # An aircraft that has flown twice since yesterday, and an airport not too busy to list.
    flown, nearby = (
        np.asarray(built.table[name]) for name in ("aircraft_flights_1d", "origin_flights_3h")
    )
    at = int(np.flatnonzero((flown == 2) & (nearby >= 4) & (nearby <= 6))[0])
    row = built.table.slice(at, 1).to_pylist()[0]
    as_of = row["sched"] - AHEAD
    flight = (
        built.session.sql(f"SELECT * FROM flights WHERE flight_id = {row['flight_id']}")
        .to_arrow()
        .to_pylist()[0]
    )
    title = (
        f"{flight['carrier']} {flight['flight']} from {flight['origin']} to {flight['dest']}, "
        f"departing {row['sched']:%Y-%m-%d %H:%M} UTC"
    )
    asked = [
        ("origin_dep_delay_3h", "AVG(dep_delay) OVER (LAST '3h')", "origin", timedelta(hours=3)),
        ("aircraft_arr_delay_1d", "AVG(arr_delay) OVER (LAST '1d')", "tailnum", timedelta(days=1)),
    ]
    seen = [
        _seen(built.session, name, meaning, key, flight, row[name], as_of, width)
        for name, meaning, key, width in asked
    ]
    report.show_row(console, title, as_of, seen)


def _seen(
    session: Session,
    feature: str,
    meaning: str,
    key: str,
    flight: dict[str, object],
    value: object,
    as_of: datetime,
    width: timedelta,
) -> report.Seen:
    """The flights of one key in `[as_of - width, as_of)` that had landed, by plain SQL."""
    at, since = (f"TIMESTAMPTZ '{t:%Y-%m-%d %H:%M:%S}+00:00'" for t in (as_of, as_of - width))
    events = session.sql(
        f"""
        SELECT carrier, flight, dest, sched, landed, dep_delay, arr_delay
        FROM (
          SELECT *,
                 time_hour + minute * INTERVAL '1' MINUTE AS sched,
                 time_hour + (minute + dep_delay + air_time) * INTERVAL '1' MINUTE AS landed
          FROM flights
        ) AS f
        WHERE {key} = '{flight[key]}' AND sched >= {since} AND sched < {at} AND landed < {at}
        ORDER BY sched, flight
        """
    ).to_arrow()
    return report.Seen(
        feature, f"{meaning} of {key} {flight[key]}", value, events.slice(0, 6), events.num_rows
    )


def _curve(join: Join, booster: xgboost.Booster, rows: model.Examples) -> report.Curve:
    chances = model.scores(booster, rows)
    color = dict(zip(JOINS, (report.HONEST, report.LIVE, report.LEAKY), strict=True))[join]
    return report.Curve(join, color, rows.late[rows.test], chances, model.auc(rows, chances))


def _importances(booster: xgboost.Booster, names: tuple[str, ...]) -> list[tuple[str, float]]:
    gains = booster.get_score(importance_type="total_gain")
    total = float(np.sum([np.sum(g) for g in gains.values()]))
    found = [(names[int(key[1:])], float(np.sum(gain)) / total) for key, gain in gains.items()]
    return sorted(found, key=lambda pair: -pair[1])[:15]

"""The demo from end to end: declare, join as of two hours ahead, train, and show what a leak costs.

The leaking table is made by the same SQL with two lines changed: flights count from their
scheduled departure (no KNOWN AT), and are joined up to and including the flight's own time. Such a
join is what one writes without thinking; each row then sees its own delay.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xgboost
from rich.console import Console

from bighead.examples.flights import data, model, report
from bighead.planner import Session

HERE = Path(__file__).parent
STATEMENTS = ("sources.sql", "features.sql", "training.sql")
AHEAD = timedelta(hours=2)
KNOWN_AT = "KNOWN AT time_hour + (minute + dep_delay + air_time) * INTERVAL '1' MINUTE\n"
STRICT, INCLUSIVE = "q.sched - INTERVAL '2' HOUR >", "q.sched >="


@dataclass(frozen=True, slots=True)
class Built:
    """A training set, the session it was made in, and the seconds it took."""

    session: Session
    table: pa.Table
    seconds: float


def statements(*, leak: bool = False) -> str:
    """The SQL of the example; with `leak`, its two telling lines changed."""
    text = "\n".join((HERE / name).read_text() for name in STATEMENTS)
    if leak:
        assert KNOWN_AT in text
        assert STRICT in text
        text = text.replace(KNOWN_AT, "").replace(STRICT, INCLUSIVE)
    return text


def build(folder: Path, *, leak: bool = False) -> Built:
    """The training set over the Parquet files of `folder`."""
    started = time.perf_counter()
    session = Session(folder=folder)
    session.sql(statements(leak=leak))
    table = session.sql("SELECT * FROM flight_delays").to_arrow()
    return Built(session, table, time.perf_counter() - started)


def run(folder: Path, console: Console) -> None:
    """Run the whole demo and print its report; files go to `folder`."""
    started = time.perf_counter()
    with console.status("reading the flights of 2013"):
        files = data.prepare(folder / "data")
    with console.status("joining features as of two hours before each departure"):
        honest = build(files)
    with console.status("joining them again, carelessly"):
        leaky = build(files, leak=True)
    with console.status("training on January to September"):
        truth, lie = model.examples(honest.table), model.examples(leaky.table)
        honest_model, seconds = model.train(truth)
        leaky_model, _ = model.train(lie)
    curves = [
        _curve("point in time, point in time", report.HONEST, honest_model, truth),
        _curve("leaking join, leaking join (what it promises)", report.LEAKY, leaky_model, lie),
        _curve("leaking join, live data (what it delivers)", report.LIVE, leaky_model, truth),
    ]
    picture = folder / "flights.png"
    report.draw(curves, _importances(honest_model, truth.names), picture)
    console.rule("[bold]Will this flight arrive 15 minutes late or more?[/]", align="left")
    console.print("Asked two hours before its scheduled departure, with what was known then.\n")
    report.show_work(
        console,
        [
            ("training set", f"{honest.table.num_rows:,} flights, {len(truth.names)} features"),
            ("joined in", f"{honest.seconds:.1f} s, {_rate(honest)} rows a second"),
            ("left out", f"{truth.unlabelled:,} flights without a label (cancelled or diverted)"),
            ("trained on", f"{int((~truth.test).sum()):,} flights, January to September"),
            ("trained in", f"{seconds:.1f} s"),
            ("tested on", f"{int(truth.test.sum()):,} flights, October to December"),
            ("late there", f"{truth.late[truth.test].mean():.1%}"),
        ],
    )
    console.print()
    report.show_models(console, curves)
    console.print(
        "\nThe leaking join differs in two lines: flights count before they have landed, and up to"
        "\nthe flight's own departure. It looks brilliant in training; on what is known in time it"
        "\nis worse than the honest model, which gives live what it gave in the test.\n"
    )
    explain_row(honest, console)
    console.print(f"\nplot    {picture}\ndata    {files}")
    console.print(f"total   {time.perf_counter() - started:.1f} s")


def explain_row(built: Built, console: Console) -> None:
    """Pick a flight and print the events behind some of its values."""
    table = built.table
    # A busy afternoon, an aircraft that has flown that morning: every window holds a few events.
    fits = pc.and_(
        pc.and_(
            pc.greater(table["sched"], pa.scalar(datetime(2013, 7, 10, 20, tzinfo=UTC))),
            pc.less_equal(pc.coalesce(table["origin_flights_3h"], 0), 6),
        ),
        pc.and_(
            pc.greater(pc.coalesce(table["origin_flights_3h"], 0), 0),
            pc.greater(pc.coalesce(table["aircraft_flights_1d"], 0), 0),
        ),
    )
    row = table.filter(fits).sort_by("flight_id").slice(0, 1).to_pylist()[0]
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


def _curve(name: str, color: str, booster: xgboost.Booster, rows: model.Examples) -> report.Curve:
    chances = model.scores(booster, rows)
    return report.Curve(name, color, rows.late[rows.test], chances, model.auc(rows, chances))


def _importances(booster: xgboost.Booster, names: tuple[str, ...]) -> list[tuple[str, float]]:
    gains = booster.get_score(importance_type="total_gain")
    total = float(np.sum([np.sum(g) for g in gains.values()]))
    found = [(names[int(key[1:])], float(np.sum(gain)) / total) for key, gain in gains.items()]
    return sorted(found, key=lambda pair: -pair[1])[:15]


def _rate(built: Built) -> str:
    return f"{built.table.num_rows / built.seconds:,.0f}"

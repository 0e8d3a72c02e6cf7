"""The report: what was built, what each join promised and delivers, and one row explained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pyarrow as pa
from matplotlib.figure import Figure
from numpy.typing import NDArray
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.padding import Padding
from rich.table import Table as RichTable
from sklearn.metrics import roc_curve

mpl.use("Agg")

INK, QUIET, HONEST, LEAKY, LIVE = "#1f2933", "#9aa5b1", "#0b7a75", "#d64545", "#e8a33d"


@dataclass(frozen=True, slots=True)
class Curve:
    """One model on one table: its name in the report, and how it ranks the test rows."""

    name: str
    color: str
    late: NDArray[np.bool_]
    chances: NDArray[np.float32]
    auc: float


@dataclass(frozen=True, slots=True)
class Trial:
    """What a model promised on its own table, and what it delivers on what is known in time."""

    join: str
    promised: float
    delivered: float


@dataclass(frozen=True, slots=True)
class Seen:
    """One feature of one row: its value, and the events that it saw."""

    feature: str
    meaning: str
    value: object
    events: pa.Table
    count: int


def draw(curves: list[Curve], importances: list[tuple[str, float]], path: Path) -> None:
    """Save the ROC curves and the most useful features as a PNG."""
    figure = Figure(figsize=(11, 5), dpi=130, facecolor="white", layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(1.15, 1))
    for curve in curves:
        wrong, right_rate, _ = roc_curve(curve.late, curve.chances)
        label = f"{curve.name}: {curve.auc:.3f}"
        left.plot(wrong, right_rate, color=curve.color, linewidth=2, label=label)
    left.plot([0, 1], [0, 1], color=QUIET, linewidth=1, linestyle=":", label="guessing: 0.500")
    left.set(xlabel="share of punctual flights flagged", ylabel="share of late flights found")
    left.set_xlim(0, 1)
    left.set_ylim(0, 1.005)
    left.set_title(
        "Live: late flights of October to December, AUC", loc="left", color=INK, fontsize=12
    )
    left.legend(frameon=False, loc="lower right", fontsize=9)
    names = [name for name, _ in reversed(importances)]
    right.barh(names, [gain for _, gain in reversed(importances)], color=HONEST, height=0.65)
    right.set_title("What the point-in-time model uses most", loc="left", color=INK, fontsize=12)
    right.set_xlabel("share of the total gain")
    right.tick_params(axis="y", labelsize=8, length=0)
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)


def show_work(console: Console, facts: list[tuple[str, str]]) -> None:
    """Print what was done, a line each."""
    table = RichTable.grid(padding=(0, 3))
    table.add_column(style="bold")
    table.add_column()
    for fact in facts:
        table.add_row(*fact)
    console.print(table)


def show_trials(console: Console, trials: list[Trial]) -> None:
    """Print the joins side by side."""
    table = RichTable(
        title="What point-in-time correctness buys: AUC of October to December",
        title_justify="left",
        title_style="bold",
        box=SIMPLE_HEAD,
    )
    table.add_column("features joined", no_wrap=True)
    table.add_column("promised", justify="right")
    table.add_column("live", justify="right")
    table.add_column("")
    for trial in trials:
        bar = "█" * round((trial.delivered - 0.5) * 120)
        table.add_row(trial.join, f"{trial.promised:.3f}", f"{trial.delivered:.3f}", bar)
    console.print(table)


def show_week(console: Console, flights: int, features: int, different: Mapping[str, int]) -> None:
    """Print whether what was served is what training had."""
    for name, count in different.items():
        console.print(f"[red]{name} differs in {count:,} of {flights:,} flights[/]")
    equal = features - len(different)
    style = "bold green" if not different else "bold red"
    every = "all" if not different else f"{equal} of"
    console.print(
        f"\n[{style}]{flights:,} flights fetched at their time: {every} {features} features equal "
        "to the training set's, to the bit.[/]",
        highlight=False,
    )


def show_row(console: Console, flight: str, as_of: datetime, seen: list[Seen]) -> None:
    """Print which events the features of one row saw."""
    console.print(f"[bold]One row explained[/]: {flight},")
    console.print(f"as of {as_of:%Y-%m-%d %H:%M} UTC")
    for item in seen:
        shown = "NULL" if item.value is None else f"{item.value:.6g}"
        console.print(f"\n  [bold]{item.feature} = {shown}[/]  {item.meaning}", highlight=False)
        if item.count == 0:
            console.print("    no event was visible", highlight=False)
            continue
        table = RichTable(box=None, pad_edge=False, padding=(0, 1), header_style="dim")
        for name in item.events.column_names:
            table.add_column(name, no_wrap=True)
        for row in item.events.to_pylist():
            table.add_row(*(_cell(value) for value in row.values()))
        console.print(Padding(table, (0, 0, 0, 4)), highlight=False)
        if item.count > item.events.num_rows:
            console.print(f"    ... and {item.count - item.events.num_rows} more", highlight=False)


def _cell(value: object) -> str:
    if isinstance(value, datetime):
        return f"{value:%m-%d %H:%M}"
    if isinstance(value, float):
        return f"{value:g}"
    return "NULL" if value is None else str(value)

"""What a verification found as one HTML page: no script, no network."""

from __future__ import annotations

from html import escape
from pathlib import Path

from bighead.platform.cli.page import write_page
from bighead.platform.cli.verify_text import example_text, remarks, row_text, summary
from bighead.platform.features.verify.report import OUTCOMES, Found, SetFound

TABLE = """
table { border-collapse: collapse; margin: .6rem 0 1.2rem; font-variant-numeric: tabular-nums; }
td, th { border-bottom: 1px solid var(--line); padding: .2rem .9rem .2rem 0; text-align: right; }
td:first-child, th:first-child, td:nth-child(2), th:nth-child(2) { text-align: left; }
.bad td { color: var(--bad); } li { margin: .4rem 0; } main { display: block; }
"""


def write_found(path: Path, name: str, found: Found) -> None:
    """Writes the page; BigheadError where the file cannot be written."""
    parts = "".join(f"<p>{escape(each)}</p>" for each in remarks(found))
    parts += "".join(_set(each) for each in found.sets)
    write_page(path, name, escape(summary(found)), parts, TABLE)


def _set(each: SetFound) -> str:
    titles = ("feature", "class", "compared", *OUTCOMES, "errors")
    head = "".join(f"<th>{title}</th>" for title in titles)
    rows = ""
    for f in each.features:
        bad = f.counts["different"] or f.counts["missing"]
        numbers = (f.compared, *(f.counts[o] for o in OUTCOMES), f.faults)
        cells = "".join(f"<td>{n:,}</td>" for n in numbers)
        rows += (
            f"<tr{' class=bad' if bad else ''}><td>{escape(f.name)}</td><td>{f.accuracy}</td>"
            f"{cells}</tr>"
        )
    told = "".join(
        f"<li>{escape(example_text(e))}<ul>"
        + "".join(f"<li>{escape(row_text(row))}</li>" for row in e.rows)
        + "</ul></li>"
        for e in each.examples
    )
    return f"<h2>{escape(each.name)}</h2><table><tr>{head}</tr>{rows}</table><ul>{told}</ul>"

"""Profiles and drift as one HTML page: no script, no network, charts drawn as SVG."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path

from bighead.platform.cli.page import write_page
from bighead.platform.cli.statistics_text import spelled
from bighead.zipline.statistics import Bar, ColumnDrift, ColumnProfile
from bighead.zipline.statistics.drift import Share
from bighead.zipline.statistics.measure import Kind

WIDE, HIGH = 300, 84
WIDEST = 12
"""Characters of a value that fit beside another."""
FEW = 6
"""Bars that have room for their names."""
STEP = 75.0
"""A bar takes no more, so that one alone is no wall."""
LETTER = 5.0
"""What a letter of a name takes, about."""


def write_profiles(path: Path, title: str, profiles: list[ColumnProfile]) -> None:
    """Writes a page with a card for each column; BigheadError where the file cannot be written."""
    rows = profiles[0].rows if profiles else 0
    cards = "".join(_profile_card(p) for p in profiles)
    write_page(path, title, f"{rows:,} rows, {len(profiles)} columns", cards)


def write_drifts(path: Path, before: str, after: str, drifts: list[ColumnDrift]) -> None:
    """Writes a page with a card for each column, those that drifted first."""
    moved = sum(d.drifted for d in drifts)
    head = (
        f"{moved} of {len(drifts)} columns drifted"
        f'<span class="key">{escape(before)}</span><span class="key two">{escape(after)}</span>'
    )
    ordered = sorted(drifts, key=lambda d: not d.drifted)
    write_page(path, "Drift", head, "".join(_drift_card(d) for d in ordered))


def _profile_card(p: ColumnProfile) -> str:
    at = dict(p.quantiles)
    facts = [("NULLs", f"{p.null_rate:.2%}"), ("distinct", f"{p.distinct:,}")]
    if p.kind != "category" and p.least is not None:
        facts += [
            ("mean", spelled(p.mean, p.kind)),
            ("median", spelled(at.get(0.5), p.kind)),
            ("least", spelled(p.least, p.kind)),
            ("greatest", spelled(p.greatest, p.kind)),
            ("5 %", spelled(at.get(0.05), p.kind)),
            ("95 %", spelled(at.get(0.95), p.kind)),
        ]
    if p.infinities:
        facts.append(("infinite", f"{p.infinities:,}"))
    total = sum(bar.count for bar in p.histogram) or 1
    bars = [(_label(bar, p), bar.count / total, None) for bar in p.histogram]
    ends = (bars[0][0], bars[-1][0]) if bars else None
    if p.kind != "category":
        ends = (spelled(p.least, p.kind), spelled(p.greatest, p.kind))
    return _card(p.name, p.type, facts, _chart(bars, ends), None, bad=False)


def _drift_card(d: ColumnDrift) -> str:
    facts = [
        ("PSI", "" if d.psi is None else f"{d.psi:.3f}"),
        ("JS", "" if d.js is None else f"{d.js:.3f}"),
        ("NULLs before", f"{d.nulls_before:.2%}"),
        ("after", f"{d.nulls_after:.2%}"),
        ("rows before", f"{d.rows_before:,}"),
        ("after", f"{d.rows_after:,}"),
    ]
    bars = [(_bounds(s, d.kind), s.before, s.after) for s in d.shares]
    said = "; ".join(d.reasons) or "steady"
    ends = (bars[0][0], bars[-1][0]) if bars else None
    return _card(d.name, "", facts, _chart(bars, ends), said, bad=d.drifted)


def _card(
    name: str, small: str, facts: list[tuple[str, str]], chart: str, said: str | None, *, bad: bool
) -> str:
    listed = "".join(f"<dt>{escape(k)}</dt><dd>{escape(v)}</dd>" for k, v in facts)
    wide = " class='wide'" if any(len(v) > WIDEST for _, v in facts) else ""
    verdict = "" if said is None else f'<div class="said">{escape(said)}</div>'
    return (
        f"<section{' class=bad' if bad else ''}><h2>{escape(name)}<small>{escape(small)}</small>"
        f"</h2>{verdict}{chart}<dl{wide}>{listed}</dl></section>"
    )


def _chart(bars: Sequence[tuple[str, float, float | None]], ends: tuple[str, str] | None) -> str:
    """Bars of shares, in pairs where there is a second share; pointed at, each tells its title."""
    most = max((max(one, two or 0.0) for _, one, two in bars), default=0.0)
    if not most:
        return ""
    step = min(WIDE / len(bars), STEP)
    drawn = []
    for i, (label, one, two) in enumerate(bars):
        width = step * (0.9 if two is None else 0.44)
        pair = [(one, "bar", 0.0)] + ([] if two is None else [(two, "after", width)])
        for share, kind, shift in pair:
            height = HIGH * share / most
            drawn.append(
                f'<rect class="{kind}" x="{i * step + shift:.1f}" y="{HIGH - height:.1f}" '
                f'width="{width:.1f}" height="{height:.1f}"><title>{escape(label)}: {share:.1%}'
                "</title></rect>"
            )
    if len(bars) <= FEW:
        texts = "".join(
            f'<text x="{i * step:.1f}" y="{HIGH + 12}">{escape(_cut(label, step))}</text>'
            for i, (label, _, _) in enumerate(bars)
        )
    else:
        assert ends is not None, "there are bars"
        low, high = (escape(_cut(end, WIDE / 2)) for end in ends)
        texts = (
            f'<text x="0" y="{HIGH + 12}">{low}</text>'
            f'<text x="{WIDE}" y="{HIGH + 12}" text-anchor="end">{high}</text>'
        )
    return f'<svg viewBox="0 0 {WIDE} {HIGH + 16}" role="img">{"".join(drawn)}{texts}</svg>'


def _cut(label: str, room: float) -> str:
    """As much of a name as there is room for."""
    most = int(room / LETTER) - 1
    return label if len(label) <= most else label[: most - 1] + "…"


def _label(bar: Bar, p: ColumnProfile) -> str:
    if bar.label is not None:
        return bar.label or "''"
    if (
        bar.low is not None and p.least == (p.histogram[0].low or 0.0) + 0.5
    ):  # whole numbers, one a bar
        return spelled(bar.low + 0.5, p.kind)
    return f"{spelled(bar.low, p.kind)} to {spelled(bar.high, p.kind)}"


def _bounds(share: Share, kind: Kind) -> str:
    if share.label is not None:
        return share.label or "''"
    low, high = spelled(share.low, kind), spelled(share.high, kind)
    if share.low is not None and share.low == share.high:
        return low
    if low and high:
        return f"{low} to {high}"
    return f"below {high}" if high else f"from {low}"

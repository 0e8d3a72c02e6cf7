"""Reports as one HTML page each: no script, no network."""

from __future__ import annotations

import os
from html import escape
from pathlib import Path

from bighead.zipline.errors import BigheadError

STYLE = """
:root { color-scheme: light dark; --ink: #1c2430; --soft: #66707f; --line: #e3e7ec; --paper: #fff;
  --bar: #3b78c3; --after: #e0812f; --bad: #c62f2f; --good: #2c8a4b; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ee; --soft: #98a2b0; --line: #323a46;
  --paper: #171b21; --bar: #6aa3e8; --after: #f0a35e; --bad: #ff7b72; --good: #5cc27f; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  margin: 2.5rem auto; max-width: 72rem; padding: 0 1.5rem; }
h1 { font-size: 1.6rem; margin: 0 0 .2rem; } h2 { font-size: 1rem; margin: 0; }
p { color: var(--soft); margin: 0 0 1.5rem; }
main { display: grid; grid-template-columns: repeat(auto-fill, minmax(19rem, 1fr)); gap: 1rem; }
section { border: 1px solid var(--line); border-radius: 8px; padding: 1rem; min-width: 0; }
section.bad { border-color: var(--bad); }
h2 small { color: var(--soft); font-weight: normal; float: right; }
dl { display: grid; grid-template-columns: auto 1fr auto 1fr; gap: 0 .8rem; margin: .6rem 0 0;
  font-size: .85rem; font-variant-numeric: tabular-nums; }
dl.wide { grid-template-columns: auto 1fr; } dt { color: var(--soft); }
dd { margin: 0; text-align: right; }
svg { width: 100%; height: auto; display: block; margin-top: .6rem; }
.bar { fill: var(--bar); } .after { fill: var(--after); }
text { fill: var(--soft); font-size: 9px; }
.said { font-size: .85rem; font-weight: 600; color: var(--good); margin: .3rem 0 0; }
.bad .said { color: var(--bad); }
.key::before { content: ''; display: inline-block; width: .7em; height: .7em;
  margin: 0 .35em 0 .8em;
  border-radius: 2px; background: var(--bar); } .key.two::before { background: var(--after); }
"""


def write_page(path: Path, title: str, said: str, body: str, style: str = "") -> None:
    """Writes a page whole, or not at all.

    said: HTML below the title. body: HTML of the rest. style: CSS beside that of all pages. Raises
    BigheadError where the file cannot be written.
    """
    page = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}{style}</style></head>"
        f"<body><h1>{escape(title)}</h1><p>{said}</p><main>{body}</main></body></html>\n"
    )
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_text(page, encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise BigheadError(f"cannot write {path}: {error.strerror or error}") from error

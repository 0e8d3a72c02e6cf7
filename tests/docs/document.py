"""Runs the examples of a Markdown document, and writes or compares what they print.

A document is run from top to bottom in one folder and one Python namespace. Blocks by their word:

* `python`: executed; what it prints stands in the `text` block that follows.
* `sql`: run by the namespace's session `s`; its result, if a `text` block follows. `sql error`:
  must fail, with the text that follows.
* `console`: each `$ command` is run by a shell in the folder, and the lines below it are its
  output.
* Any other word (`text` alone, `toml`, `bash`, ...) is shown and not run.

An HTML comment that starts with `setup` holds Python that readers need not see.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from bighead.planner import Session
from bighead.zipline.errors import BigheadError

BLOCK = re.compile(
    r"^```(?P<word>[^\n`]*)\n(?P<body>.*?)^```$|^<!-- ?setup\n(?P<setup>.*?)-->$",
    re.MULTILINE | re.DOTALL,
)

WITHOUT_CURL = Path(__file__).parent / "without_curl"
"""Behind all others on the path: a curl for machines that have none."""


@dataclass(slots=True)
class Document:
    """A document's text, the folder its examples run in, and their namespace."""

    path: Path
    folder: Path

    def run(self) -> str:
        """The document with the outputs that its examples really gave."""
        text = self.path.read_text(encoding="utf-8")
        names: dict[str, object] = {"s": Session(folder=self.folder), "folder": self.folder}
        pieces: list[str] = []
        end, output = 0, None
        for match in BLOCK.finditer(text):
            pieces.append(text[end : match.start()])
            end = match.end()
            word, body = (match["word"] or "").strip(), match["body"] or ""
            if match["setup"] is not None:
                self._python(match["setup"], names)
                pieces.append(match[0])
            elif word == "text" and output is not None and not pieces[-1].strip():
                pieces.append(f"```text\n{output}```")
                output = None
            else:
                output, shown = self._block(word, body, names)
                pieces.append(f"```{match['word']}\n{shown}```")
        return "".join([*pieces, text[end:]])

    def _block(self, word: str, body: str, names: dict[str, object]) -> tuple[str | None, str]:
        """What a block prints (None: nothing to show), and the block as it should read."""
        if word == "python":
            return self._python(body, names), body
        if word == "sql":
            session = names["s"]
            assert isinstance(session, Session)
            return _tidy(str(session.sql(body))), body
        if word == "sql error":
            session = names["s"]
            assert isinstance(session, Session)
            try:
                session.sql(body).to_arrow()
            except BigheadError as error:
                return _tidy(str(error)), body
            raise AssertionError(f"{self.path.name}: should have failed:\n{body}")
        if word == "console":
            return None, self._console(body)
        return None, body

    def _python(self, code: str, names: dict[str, object]) -> str:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed), contextlib.chdir(self.folder):
            exec(compile(code, str(self.path), "exec"), names)
        return _tidy(printed.getvalue())

    def _console(self, body: str) -> str:
        shown = []
        for line in body.splitlines():
            if not line.startswith("$ "):
                continue
            environment = os.environ | {
                "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}:{WITHOUT_CURL}",
                "COLUMNS": "100",
                "NO_COLOR": "1",
                "TERM": "dumb",
            }
            done = subprocess.run(
                ["/bin/sh", "-c", line[2:]],
                cwd=self.folder,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
                timeout=120,
            )
            shown += [line + "\n", _tidy(done.stdout)]
            if line.startswith("$ cd "):
                self.folder = (self.folder / line[5:].strip()).resolve()
        return "".join(shown)


def _tidy(text: str) -> str:
    """Without trailing blanks, and with one newline at the end unless empty."""
    lines = [line.rstrip() for line in text.rstrip().splitlines()]
    return "".join(f"{line}\n" for line in lines)

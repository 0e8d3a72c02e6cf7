"""What can go wrong, as users meet it.

One root, `BigheadError`, so that one `except` catches all of it; below it one class for each thing
a caller may want to tell apart. A message names the thing, the reason and the next step. A bug of
ours is not one of these: it stays an AssertionError.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class BigheadError(Exception):
    """The root of all errors that users can cause or mend."""


class SqlError(BigheadError):
    """A statement that cannot be understood or breaks a rule; shows where.

    Parameters
    ----------
    reason: what is wrong, in one sentence without a final period.
    text: the whole text that was given, if known.
    line, column: 1-based position of the first offending character, 0 if unknown.
    length: how many characters to underline, at least 1.
    suggestion: the next step ("did you mean 'price'?", "write LAST '30d'").

    >>> print(SqlError("no column 'pric' in bookings", text="SELECT pric", line=1, column=8,
    ...                length=4, suggestion="did you mean 'price'?"))
    no column 'pric' in bookings; did you mean 'price'?
      at line 1, column 8
        SELECT pric
               ^^^^
    """

    def __init__(
        self,
        reason: str,
        *,
        text: str = "",
        line: int = 0,
        column: int = 0,
        length: int = 1,
        suggestion: str = "",
    ) -> None:
        self.reason = reason
        self.text = text
        self.line = line
        self.column = column
        self.length = max(length, 1)
        self.suggestion = suggestion
        super().__init__(self._message())

    def _message(self) -> str:
        head = f"{self.reason}; {self.suggestion}" if self.suggestion else self.reason
        if not self.line:
            return head
        place = f"  at line {self.line}, column {self.column}"
        lines = self.text.splitlines()
        if not 0 < self.line <= len(lines):
            return f"{head}\n{place}"
        shown = lines[self.line - 1]
        # Tabs are kept in the margin so that the underline stands below its words in any terminal.
        margin = "".join("\t" if c == "\t" else " " for c in shown[: self.column - 1])
        width = max(1, min(self.length, len(shown) - self.column + 1))
        return f"{head}\n{place}\n    {shown}\n    {margin}{'^' * width}"


class ExpressionError(BigheadError):
    """A function that does not exist, or does not take what it is given; knows no place in a text.

    >>> print(ExpressionError("SUM takes numbers, not VARCHAR", "write CAST(x AS DOUBLE)"))
    SUM takes numbers, not VARCHAR; write CAST(x AS DOUBLE)
    """

    def __init__(self, reason: str, suggestion: str = "") -> None:
        self.reason = reason
        self.suggestion = suggestion
        super().__init__(f"{reason}; {suggestion}" if suggestion else reason)


class CatalogError(BigheadError):
    """A name that is unknown, taken, or still in use."""


class SchemaError(BigheadError):
    """Data whose columns or types do not fit what was declared."""


class DataError(BigheadError):
    """A row or a value that breaks a rule: a NULL time, an overflow, two unequal copies."""


class SourceError(BigheadError):
    """Data that cannot be read: no such file, a corrupt file, no access."""


class UnsupportedError(BigheadError):
    """A correct request that this engine or version does not answer; says what does."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A suggestion for a misspelt name, or the list of what there is, or nothing.

    >>> did_you_mean("pric", ["price", "listing"])
    "did you mean 'price'?"
    >>> did_you_mean("zzz", ["price", "listing"])
    'there are: listing, price'
    """
    names = sorted(set(known))
    if hint := _read_as_one(name, names):
        return hint
    folded = {n.casefold(): n for n in names}
    close = difflib.get_close_matches(name.casefold(), list(folded), n=1, cutoff=0.6)
    if close:
        return f"did you mean '{folded[close[0]]}'?"
    if not names:
        return ""
    shown = ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")
    return f"there are: {shown}"


def _read_as_one(name: str, names: Iterable[str]) -> str:
    """What to do where a name is part of one that there is: a header by another separator."""
    for whole in names:
        for separator, remedy in _REMEDIES.items():
            parts = [part.strip(' "').casefold() for part in whole.split(separator)]
            if len(parts) > 1 and name.casefold() in parts:
                shown = whole.replace("\t", "\\t")
                return f"'{shown}' was read as one column; {remedy}"
    return ""


_REMEDIES = {
    ",": "a file with commas between its columns is named .csv",
    "\t": "a file with tabs between its columns is named .tsv",
    ";": "write the file with commas for its semicolons",
    "|": "write the file with commas for its bars",
}
"""By what separates the columns of a file that was read by another separator."""

"""The dialect: SQL text on one side, statements with a bound meaning on the other.

Three steps, and each may be taken alone:

``parse(text, dialect=None) -> list[Statement]``
    One ``Statement`` for each statement of the text, in order. ``dialect`` is ``None`` (this
    project's own), ``"duckdb"``, ``"snowflake"`` or ``"spark"``: the engine whose reading of a bare
    ``ASOF JOIN`` is meant. Nothing is looked up yet. Raises ``SqlError``.

``bind(statement, catalog) -> Command``
    Resolves the names against a ``Catalog``, types every expression, checks every rule, and gives
    one of the commands of ``commands.py``: ``CreateSource``, ``CreateFeatureSet``,
    ``CreateTrainingSet``, ``Drop``, ``Show``, ``Describe``, ``Explain``, ``Query``. Nothing is
    changed: whoever holds the catalog carries the command out. Raises ``SqlError``.

``references(statement) -> dict``
    The set that a statement defines, and the names that it reads, without looking any of them up.

``fmt(text, from_=None) -> str``
    The canonical spelling of a text, with its comments; ``from_`` is a dialect as in ``parse``.

``notation.load_notation(text, name=None) -> str``
    The SQL that a definition in the older notation means (HOCON, or YAML with the same keys).

``unparse.unparse(definition) -> str``
    The statement that makes a definition, wherever it came from.

This is the only package that imports sqlglot; no tree of sqlglot's leaves it.
"""

from bighead.zipline.sql.bind import bind
from bighead.zipline.sql.commands import Command
from bighead.zipline.sql.grammar.dialect import parse
from bighead.zipline.sql.references import references
from bighead.zipline.sql.spelling.fmt import fmt
from bighead.zipline.sql.tree import Statement

__all__ = ["Command", "Statement", "bind", "fmt", "parse", "references"]

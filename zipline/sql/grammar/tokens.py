"""The words: a closed list of keywords and operators, far shorter than sqlglot's own.

Whatever is not listed is a plain name, so LAST, NEXT, BY, LABEL, ID and the rest of the dialect's
own words stay usable as column names: the parser knows them by their place alone. Types are listed
with the meaning that users of DuckDB and PostgreSQL expect (INT8 has eight bytes, not eight bits).
"""

from __future__ import annotations

from typing import ClassVar

from sqlglot import TokenType, tokens

OPERATORS = ("==", "::", "||", ">=", "<=", "<>", "!=", "=>")

_SINGLE = """
ALL AND ANTI ANY AS ASC ASOF BETWEEN CASE CROSS CUBE DESC DISTINCT ELSE END ESCAPE EXCEPT EXISTS
FALSE FILTER FOR FROM FULL HAVING ILIKE IN INNER INTERSECT INTERVAL IS JOIN LATERAL LEFT LIKE LIMIT
NATURAL NOT NULL OFFSET ON OR OUTER OVER QUALIFY RANGE RECURSIVE RIGHT ROLLUP ROW ROWS SELECT SEMI
THEN TRUE UNION UNNEST USING VALUES WHEN WHERE WINDOW WITH
"""
WORDS = (*_SINGLE.split(), "GROUP BY", "ORDER BY", "PARTITION BY", "GROUPING SETS")
"""The keywords of queries; those of statements are known by their place."""

TYPES: dict[str, TokenType] = {
    "BOOLEAN": TokenType.BOOLEAN,
    "BOOL": TokenType.BOOLEAN,
    "TINYINT": TokenType.TINYINT,
    "SMALLINT": TokenType.SMALLINT,
    "INT2": TokenType.SMALLINT,
    "INTEGER": TokenType.INT,
    "INT": TokenType.INT,
    "INT4": TokenType.INT,
    "BIGINT": TokenType.BIGINT,
    "INT8": TokenType.BIGINT,
    "LONG": TokenType.BIGINT,
    "UTINYINT": TokenType.UTINYINT,
    "USMALLINT": TokenType.USMALLINT,
    "UINTEGER": TokenType.UINT,
    "UBIGINT": TokenType.UBIGINT,
    "FLOAT": TokenType.FLOAT,
    "FLOAT4": TokenType.FLOAT,
    "REAL": TokenType.FLOAT,
    "DOUBLE": TokenType.DOUBLE,
    "DOUBLE PRECISION": TokenType.DOUBLE,
    "FLOAT8": TokenType.DOUBLE,
    "DECIMAL": TokenType.DECIMAL,
    "NUMERIC": TokenType.DECIMAL,
    "VARCHAR": TokenType.VARCHAR,
    "TEXT": TokenType.VARCHAR,
    "STRING": TokenType.VARCHAR,
    "BINARY": TokenType.BINARY,
    "VARBINARY": TokenType.BINARY,
    "BLOB": TokenType.BINARY,
    "BYTEA": TokenType.BINARY,
    "DATE": TokenType.DATE,
    "TIMESTAMP": TokenType.TIMESTAMP,
    "TIMESTAMPTZ": TokenType.TIMESTAMPTZ,
    "MAP": TokenType.MAP,
    "STRUCT": TokenType.STRUCT,
}


class Tokenizer(tokens.Tokenizer):
    """Text to tokens; comments stay with their tokens."""

    KEYWORDS = {
        **{word: tokens.Tokenizer.KEYWORDS[word] for word in (*OPERATORS, *WORDS)},
        "MATCH_CONDITION": TokenType.MATCH_CONDITION,
        **TYPES,
    }
    COMMANDS: ClassVar[set[TokenType]] = set()
    HINT_START = ""
    NESTED_COMMENTS = True

"""The grammar of statements: CREATE, DROP, SHOW, DESCRIBE, EXPLAIN, and queries.

The clauses of a source come in any order, each at most once; the tree holds them by name, and the
canonical text gives them one order.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlglot import Token, TokenType, exp

from bighead.zipline.errors import did_you_mean
from bighead.zipline.sql import tree
from bighead.zipline.sql.grammar.queries import QueryParser
from bighead.zipline.sql.grammar.tokens import TYPES

VERBS = ("CREATE", "DROP", "SHOW", "DESCRIBE", "EXPLAIN", "SELECT", "WITH")
SOURCE_CLAUSES = (
    "PRIMARY KEY",
    "EVENT TIME",
    "CHANGED AT",
    "STATIC",
    "KNOWN AT",
    "SEQUENCE",
    "IDENTITY",
    "UNIT",
    "SKIP NULL TIMES",
    "WITH",
)
QUERY_STARTS = (TokenType.SELECT, TokenType.WITH, TokenType.L_PAREN)


class StatementParser(QueryParser):
    """One statement at a time; `sqlglot` calls `_parse_statement` for each."""

    def _parse_statement(self) -> exp.Expr | None:
        if not self._curr:
            return None
        verbs: dict[str, Callable[[], exp.Expr]] = {
            "CREATE": self._parse_create,
            "DROP": self._parse_drop_thing,
            "SHOW": self._parse_show_things,
            "DESCRIBE": self._parse_describe_thing,
            "EXPLAIN": self._parse_explain,
        }
        verb = verbs.get(self._curr.text.upper())
        if verb is not None and self._curr.token_type == TokenType.VAR:
            self._advance()
            return verb()
        return self._parse_query()

    def _parse_query(self) -> exp.Expr:
        if self._curr.token_type not in QUERY_STARTS:
            word = self._curr.text if self._curr else ""
            raise self.refuse(
                f"expected a statement, not {word!r}" if word else "a query is missing",
                self._curr,
                did_you_mean(word.upper(), VERBS) if word else "write SELECT ...",
            )
        query = self._parse_set_operations(self._parse_select(nested=True))
        if not isinstance(query, exp.Query):
            raise self.refuse("expected a query", self._curr, "write SELECT ...")
        return self._parse_query_modifiers(query)

    # -- names ----------------------------------------------------------------------------------

    def _parse_name(self, what: str) -> exp.Table:
        """A name, dotted or not."""
        parts = [self._parse_name_part(what)]
        while self._match(TokenType.DOT):
            parts.append(self._parse_name_part(what))
        if len(parts) > 3:
            raise self.refuse(f"the name of {what} has at most three parts", self._prev)
        keys = ("this", "db", "catalog")
        table = exp.Table(**dict(zip(keys, reversed(parts), strict=False)))
        return self._parse_version_number(self.expression(table))

    def _parse_unversioned(self, what: str, reason: str) -> exp.Table:
        name = self._parse_name(what)
        if name.args.get(tree.PIN):
            raise self.refuse(f"{reason}; here stands a name alone", self._prev, "leave out @")
        return name

    def _parse_name_part(self, what: str) -> exp.Expr:
        name = self._parse_id_var(any_token=False)
        if name is None:
            raise self.refuse(f"expected the name of {what}", self._curr)
        return name

    def _parse_names(self, what: str) -> list[exp.Expr]:
        if not self._match(TokenType.L_PAREN):
            raise self.refuse(f"expected ( before {what}", self._curr, "write (column, ...)")
        names = self._parse_csv(lambda: self._parse_name_part(what))
        self._match_r_paren()
        return names

    def _expect(self, *words: str, suggestion: str = "") -> None:
        if not self._match_text_seq(*words):
            found = self._curr.text if self._curr else ""
            reason = f"expected {' '.join(words)}" + (f", not {found!r}" if found else "")
            raise self.refuse(reason, self._curr, suggestion)

    def _one_of(self, phrases: tuple[str, ...], after: str) -> str:
        for phrase in phrases:
            if self._match_text_seq(*phrase.split()):
                return phrase
        word = f"{self._text_after(0)} {self._text_after(1)}".strip()
        raise self.refuse(
            f"{after} {word} is not known" if word else f"{after} needs to know what",
            self._curr,
            did_you_mean(word, phrases) or f"write {after} {phrases[0]}",
        )

    # -- create ---------------------------------------------------------------------------------

    def _parse_create(self) -> exp.Expr:  # type: ignore[override]
        replace = self._match_text_seq("OR", "REPLACE")
        kinds = ("EVENT SOURCE", "ENTITY SOURCE", "FEATURE SET", "TRAINING SET")
        kind, noun = self._one_of(kinds, "CREATE").split()
        name = self._parse_unversioned(f"the {kind.lower()} {noun.lower()}", "apply gives versions")
        if noun == "SOURCE":
            return self._parse_source(kind, name, bool(replace))
        return self._parse_set_definition(kind, name, bool(replace))

    def _parse_source(self, kind: str, name: exp.Table, replace: bool) -> exp.Expr:
        args: dict[str, Any] = {"this": name, "kind": kind, "replace": replace}
        if self._match(TokenType.L_PAREN):
            args["columns"] = self._parse_csv(self._parse_column_definition)
            self._match_r_paren()
        while self._curr:
            word = self._curr
            key, value = self._parse_source_clause(kind)
            if key in args:
                raise self.refuse(f"{key.replace('_', ' ').upper()} is stated twice", word)
            args[key] = value
        return self.expression(tree.CreateSource(**args))

    def _parse_column_definition(self) -> exp.Expr:
        name = self._parse_name_part("a column")
        token = self._curr
        kind = self._parse_types(schema=True)
        if not isinstance(kind, exp.DataType):
            word = token.text if token and token.text.isidentifier() else ""
            raise self.refuse(
                f"unknown type {word!r}" if word else f"column {name.name} has no type",
                token or None,
                did_you_mean(word.upper(), TYPES) if word else "write a type, such as BIGINT",
            )
        if self._match_text_seq("NOT", "NULL"):
            raise self.refuse("columns carry no constraints", self._prev, "leave out NOT NULL")
        return self.expression(exp.ColumnDef(this=name, kind=kind))

    def _parse_source_clause(self, kind: str) -> tuple[str, Any]:
        if self._match_text_seq("PRIMARY", "KEY"):
            return "primary_key", self._parse_names("the key's columns")
        if self._match_text_seq("EVENT", "TIME"):
            return "event_time", self._parse_time("EVENT TIME")
        if self._match_text_seq("CHANGED", "AT"):
            return "changed_at", self._parse_time("CHANGED AT")
        if self._match_text_seq("KNOWN", "AT"):
            return "known_at", self._parse_time("KNOWN AT")
        if self._match_text_seq("STATIC"):
            return "static", True
        if self._match_text_seq("SEQUENCE"):
            return "sequence", self._parse_time("SEQUENCE")
        if self._match_text_seq("IDENTITY"):
            return "identity", self._parse_names("the identity's columns")
        if self._match_text_seq("UNIT"):
            return "unit", self._parse_text("UNIT", "write UNIT 's', 'ms' or 'us'")
        if self._match_text_seq("SKIP"):
            self._expect("NULL", "TIMES", suggestion="write SKIP NULL TIMES")
            return "skip_null_times", True
        if self._match(TokenType.WITH):
            return "options", self._parse_options()
        word = f"{self._text_after(0)} {self._text_after(1)}".strip() or self._curr.text
        raise self.refuse(
            f"unexpected {self._curr.text!r} in the {kind.lower()} source",
            self._curr,
            did_you_mean(word, SOURCE_CLAUSES),
        )

    def _parse_time(self, clause: str) -> exp.Expr:
        value = self._parse_disjunction()
        if value is None:
            raise self.refuse(f"{clause} needs a column", self._curr)
        return value

    def _parse_text(self, clause: str, suggestion: str) -> exp.Expr:
        token = self._curr
        if not self._match(TokenType.STRING):
            raise self.refuse(f"{clause} needs a text in quotes", token, suggestion)
        return exp.Literal.string(token.text).update_positions(token)

    def _parse_set_definition(self, kind: str, name: exp.Table, replace: bool) -> exp.Expr:
        args: dict[str, Any] = {"this": name, "kind": kind, "replace": replace}
        while not self._match(TokenType.ALIAS):
            word = self._curr
            if "options" not in args and self._match(TokenType.WITH):
                args["options"] = self._parse_options()
            elif "ids" not in args and kind == "TRAINING" and self._match_text_seq("ID"):
                args["ids"] = self._parse_names("the columns that identify a row")
            else:
                found = f", not {word.text!r}" if word else ""
                raise self.refuse(f"expected AS before the query{found}", word)
        args["expression"] = self._parse_query()
        return self.expression(tree.CreateSet(**args))

    # -- options --------------------------------------------------------------------------------

    def _parse_options(self) -> list[exp.Expr]:
        if not self._match(TokenType.L_PAREN):
            raise self.refuse("expected ( after WITH", self._curr, "write WITH (owner = 'me')")
        options = self._parse_csv(self._parse_option)
        self._match_r_paren()
        return options

    def _parse_option(self) -> exp.Expr:
        name = self._parse_name_part("an option")
        if not self._match(TokenType.EQ):
            raise self.refuse(
                f"expected = after the option {name.name}", self._curr, f"write {name.name} = '...'"
            )
        return self.expression(tree.Option(this=name, expression=self._parse_option_value()))

    def _parse_option_value(self) -> exp.Expr:
        token = self._curr
        if self._match(TokenType.L_BRACKET):
            items: list[exp.Expr] = []
            if not self._match(TokenType.R_BRACKET):
                items = self._parse_csv(self._parse_option_value)
                if not self._match(TokenType.R_BRACKET):
                    raise self.refuse("expected ] after the list", self._curr)
            return self.expression(exp.Array(expressions=items).update_positions(token))
        kinds = (TokenType.STRING, TokenType.NUMBER, TokenType.TRUE, TokenType.FALSE)
        value = self._parse_primary() if token.token_type in kinds else None
        if value is None:
            raise self.refuse(
                "an option's value is a text in quotes, a number, true, false or a list of these",
                token,
            )
        return value

    # -- the other statements -------------------------------------------------------------------

    def _parse_drop_thing(self) -> exp.Expr:
        kind = self._one_of(tree.DROPPED, "DROP")
        exists = self._match_text_seq("IF", "EXISTS")
        name = self._parse_unversioned(f"the {kind.lower()}", "versions are kept for ever")
        return self.expression(tree.DropThing(this=name, kind=kind, exists=bool(exists)))

    def _parse_show_things(self) -> exp.Expr:
        word: Token = self._curr or self._prev
        kind = self._one_of(tree.SHOWN, "SHOW")
        return self.expression(tree.ShowThings(kind=kind).update_positions(word))

    def _parse_describe_thing(self) -> exp.Expr:
        return self.expression(tree.DescribeThing(this=self._parse_name("what to describe")))

    def _parse_explain(self) -> exp.Expr:
        analyze = self._match_text_seq("ANALYZE")
        stage = None
        if self._match_text_seq("STAGE"):
            word = self._curr
            stage = word.text.lower() if word else ""
            if stage not in tree.STAGES:
                raise self.refuse(
                    f"unknown stage {word.text!r}" if word else "STAGE needs a name",
                    word,
                    did_you_mean(stage, tree.STAGES),
                )
            self._advance()
        query = self._parse_query()
        return self.expression(tree.ExplainQuery(this=query, analyze=bool(analyze), stage=stage))

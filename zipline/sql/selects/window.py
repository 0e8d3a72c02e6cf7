"""SQL's own window functions in a plain SELECT: columns beside the rows, which keep their order."""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from bighead.zipline.ir.expr import Column
from bighead.zipline.names import quoted
from bighead.zipline.sql import tree
from bighead.zipline.sql.binding.relational import ROW, listed, numbered
from bighead.zipline.sql.binding.scope import match
from bighead.zipline.sql.selects.calls import (
    WINDOW_FUNCTIONS,
    is_aggregate,
    only_in_sets,
    plain_call,
)
from bighead.zipline.sql.selects.expressions import Output
from bighead.zipline.sql.selects.group import GroupBinder
from bighead.zipline.sql.spelling.generator import spell


class WindowBinder(GroupBinder):
    """The window functions of one SELECT."""

    def windows(self, outputs: Sequence[Output]) -> None:
        found: dict[exp.Window, None] = {}
        for node in self.sources_of_calls(outputs):
            for part in node.find_all(exp.Window):
                if not only_in_sets(part) and part.find_ancestor(exp.Query) is self.query:
                    found[part] = None
        if not found:
            return
        texts = [(node, self._window_text(node)) for node in found]
        names = list(self.node.schema.names)
        added = [self.steps.fresh() for _ in texts]
        items = [f"{t} AS {quoted(n)}" for (_, t), n in zip(texts, added, strict=True)]
        sql = (
            f"SELECT {listed(names)}{', ' if names else ''}{', '.join(items)} "
            f"FROM {numbered('rows')} ORDER BY {quoted(ROW)}"
        )
        self.node = self.steps.asked(self.query, sql, {"rows": self.node}, [*names, *added])
        for (node, _), name in zip(texts, added, strict=True):
            self.known[node] = Column(name, self.node.schema.field(name).type)

    def _window_text(self, node: exp.Window) -> str:
        call = plain_call(node.this)
        if call is None or not (is_aggregate(call) or call.name in WINDOW_FUNCTIONS):
            raise self.context.error(node, "OVER belongs to an aggregate or a window function")
        bucketed = node.this.find(tree.Bucketed)
        if bucketed is not None:
            raise self.context.error(
                bucketed, "BY makes buckets of a group, and not of a window", "write GROUP BY"
            )
        parts = []
        window = self._named_window(node)
        partition = [self.expr(p) for p in window.args.get("partition_by") or []]
        if partition:
            self.node, names = self.steps.columns(self.node, partition)
            parts.append(f"PARTITION BY {listed(names)}")
        order = window.args.get("order")
        if order is not None:
            every = next((o for o in order.expressions if isinstance(o.this, exp.Var)), None)
            if every is not None:
                raise self.context.error(
                    every, "ORDER BY ALL orders a query, not a window", "name the columns"
                )
            parts.append(
                f"ORDER BY {self.order_text([(o, self.expr(o.this)) for o in order.expressions])}"
            )
        spec = window.args.get("spec")
        if spec is not None:
            parts.append(spell(spec, flat=True))
        return self.call_text(call, node, f" OVER ({' '.join(parts)})")

    def _named_window(self, node: exp.Window) -> exp.Window:
        """The window with what the WINDOW clause says of its name."""
        alias = node.args.get("alias")
        if alias is None:
            return node
        for window in self.query.args.get("windows") or []:
            if isinstance(window, exp.Window) and match(alias, [window.this.name]):
                merged = window.copy()
                for key in ("partition_by", "order", "spec"):
                    if node.args.get(key):
                        merged.set(key, node.args[key])
                return merged
            if not isinstance(window, exp.Window) and match(alias, [window.this.name]):
                raise self.context.error(
                    node,
                    "windows back from t belong to a feature set",
                    "join (SELECT ... GROUP BY key)",
                )
        raise self.context.error(alias, f"no window '{alias.name}'", "define it: WINDOW w AS (...)")

"""Content addresses: what means the same has the same address.

An address is the SHA-256 of the serialised form, without what is said *about* a definition (its
text, owner, description and tags). Two definitions differ in address exactly when they differ in
meaning: another spelling, a comment or another owner is not a change.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace

from bighead.zipline.catalog import FeatureSet
from bighead.zipline.ir.expr import columns_of, rename
from bighead.zipline.ir.nodes import Lookup, Node, Project, Scan, View
from bighead.zipline.ir.rewrite import transform_plan
from bighead.zipline.ir.serialize import Content, serialize
from bighead.zipline.ir.sources import Table

REMARKS = frozenset({"owner", "description", "tags"})
"""Options that no row depends on."""


def address(content: Content) -> str:
    """The address of a plan or a definition: 64 hexadecimal digits.

    >>> import pyarrow as pa
    >>> table = Table("t", pa.schema([("a", pa.int64())]))
    >>> address(table) == address(replace(table, options=(("owner", "homes"),)))
    True
    """
    return hashlib.sha256(serialize(bare(content))).hexdigest()


def address_of_feature(definition: FeatureSet, column: str) -> str:
    """The address of one column of a feature set: of its expression and of all that this reads.

    It stays when other columns of the set come, go or change.
    """
    expr = dict(definition.columns)[column]
    if isinstance(definition.view, Lookup):
        view = replace(definition.view, columns=columns_of(expr))
        return address(Project(view, ((column, expr),)))
    features = {f.name: f for f in definition.view.features}
    # Parts that the set computes for its columns have names that depend on the other columns.
    names = {name: f"part_{i}" for i, name in enumerate(columns_of(expr))}
    parts = tuple(replace(features[old], name=new) for old, new in names.items())
    expr = rename(expr, lambda name: names.get(name, name))
    return address(Project(replace(definition.view, features=parts), ((column, expr),)))


def bare(content: Content) -> Content:
    """The plan or definition without remarks; the same object where there are none."""
    if isinstance(content, Node):
        return transform_plan(content, _bare_node)
    options = tuple(option for option in content.options if option[0] not in REMARKS)
    if isinstance(content, Table):
        return content if options == content.options else replace(content, options=options)
    if isinstance(content, FeatureSet):
        view = transform_plan(content.view, _bare_node)
        assert isinstance(view, View | Lookup)
        return replace(content, view=view, sql="", options=options)
    return replace(content, plan=transform_plan(content.plan, _bare_node), sql="", options=options)


def _bare_node(node: Node) -> Node:
    if not isinstance(node, Scan):
        return node
    source = bare(node.source)
    assert isinstance(source, Table)
    return node if source is node.source else replace(node, source=source)

"""A catalog for the tests of the binder: definitions in a dict, schemas asked of DataFusion."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping

import datafusion
import pyarrow as pa

from bighead.zipline.aggregates import UserAggregate
from bighead.zipline.catalog import Definition
from bighead.zipline.errors import BigheadError
from bighead.zipline.ir.sources import Table
from bighead.zipline.sql import bind, parse
from bighead.zipline.sql.commands import (
    Command,
    CreateFeatureSet,
    CreateSource,
    CreateTrainingSet,
    Drop,
)
from tests.conftest import GOLDEN
from tests.schemas import schema


class MemoryCatalog:
    """Definitions by name, and statements that change them."""

    def __init__(self) -> None:
        self.definitions: dict[str, Definition] = {}

    def find(self, name: str) -> Definition | None:
        return self.definitions.get(name.casefold())

    def names(self) -> Iterable[str]:
        return [d.name for d in self.definitions.values()]

    def aggregates(self) -> Mapping[str, UserAggregate]:
        return {}

    def relational_schema(self, sql: str, tables: Mapping[str, pa.Schema]) -> pa.Schema:
        config = datafusion.SessionConfig().set(
            "datafusion.sql_parser.map_string_types_to_utf8view", "false"
        )
        session = datafusion.SessionContext(config)
        for name, columns in tables.items():
            session.from_arrow(columns.empty_table(), name)
        try:
            return session.sql(sql).schema()
        except Exception as error:  # noqa: BLE001  (the binding raises a bare Exception)
            raise BigheadError(str(error)) from None

    def run(self, text: str) -> list[Command]:
        """Binds each statement and carries out those that define or drop."""
        commands = []
        for statement in parse(text):
            command = bind(statement, self)
            commands.append(command)
            match command:
                case CreateSource(source=definition):
                    self.definitions[definition.name.casefold()] = definition
                case CreateFeatureSet(feature_set=definition):
                    self.definitions[definition.name.casefold()] = definition
                case CreateTrainingSet(training_set=definition):
                    self.definitions[definition.name.casefold()] = definition
                case Drop(name=str(name)):
                    del self.definitions[name.casefold()]
        return commands


@functools.cache
def _homes() -> MemoryCatalog:
    catalog = MemoryCatalog()
    catalog.run((GOLDEN / "homes.sql").read_text(encoding="utf-8"))
    columns = schema(a=pa.int64(), day=pa.date32(), at=pa.timestamp("us"), note=pa.string())
    catalog.definitions["plain"] = Table("plain", columns)
    return catalog


def homes() -> MemoryCatalog:
    """The definitions of `tests/golden/homes.sql`, in a catalog of its own."""
    catalog = MemoryCatalog()
    catalog.definitions.update(_homes().definitions)
    return catalog

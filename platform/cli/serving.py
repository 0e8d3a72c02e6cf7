"""Which sets a store is to serve: those of a project that are named, or declared online."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from bighead.platform.cli.opening import open_registry
from bighead.platform.cli.project import need_project
from bighead.platform.cli.settings import Settings
from bighead.platform.cli.workspace import open_draft
from bighead.platform.registry import Version
from bighead.storage.fetch.served import serve
from bighead.storage.store import Store
from bighead.zipline.catalog import FeatureSet, TrainingSet
from bighead.zipline.errors import BigheadError, CatalogError, did_you_mean
from bighead.zipline.names import versioned


def defined(
    settings: Settings, path: Path, names: Sequence[str], draft: bool
) -> Iterator[tuple[str, str]]:
    """Define the sets in a store; for each its name with version, and a remark."""
    versions = chosen(settings, names, draft)
    with Store.open(path) as store:
        for version in versions:
            assert isinstance(version.definition, FeatureSet | TrainingSet)
            known = set(store.sets)
            offer = serve(store, version.definition, version.number or None)
            fresh = sorted(set(offer.sets.values()) - known)
            yield offer.name, f"; it keeps {', '.join(fresh)} for it" if fresh else ""


def chosen(settings: Settings, names: Sequence[str], draft: bool) -> list[Version]:
    """The sets that are named, or those that are online. Raises CatalogError."""
    project = need_project(settings.start)
    registry = open_registry(project, settings)
    live = open_draft(project, registry).definitions if draft else registry.state().live
    sets = {n: v for n, v in live.items() if isinstance(v.definition, FeatureSet | TrainingSet)}
    if not names:
        online = [v for v in sets.values() if dict(v.definition.options).get("online") is True]
        if not online:
            raise BigheadError(
                "no set is declared with online = true; name the sets that are to be served"
            )
        return online
    folded = {name.casefold(): version for name, version in sets.items()}
    found = []
    for name in names:
        pin = versioned(name)
        version = registry.version(*pin) if pin is not None else folded.get(name.casefold())
        if version is None or not isinstance(version.definition, FeatureSet | TrainingSet):
            hint = did_you_mean(name, sets) or "apply one by 'bighead apply'"
            raise CatalogError(f"no set '{name}'; {hint}")
        found.append(version)
    return found

"""Which sets a store is to serve: those of a project that are named, or declared online."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from bighead.platform.cli.opening import open_registry
from bighead.platform.cli.project import need_project
from bighead.platform.cli.settings import Settings
from bighead.platform.cli.times import shown
from bighead.platform.cli.workspace import open_draft
from bighead.platform.registry import Version
from bighead.storage.requests.asking import ask
from bighead.zipline.catalog import FeatureSet, TrainingSet
from bighead.zipline.errors import BigheadError, CatalogError, did_you_mean
from bighead.zipline.ir.serialize import serialize
from bighead.zipline.names import versioned


def defined(
    settings: Settings, path: Path, names: Sequence[str], draft: bool, beside: bool
) -> Iterator[tuple[str, str]]:
    """Define the sets in a store; for each its name with version, and a remark."""
    versions = chosen(settings, names, draft)
    for held in asked_for(path, versions, serve="beside" if beside else "yes"):
        yield held["name"], "".join(f"; {remark}" for remark in _remarks(held["fresh"]))


def _remarks(fresh: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """How sets that are kept from now on begin."""
    kept = [name for name, how in fresh.items() if not how["of"] or how["since"] is not None]
    if kept:
        yield f"it keeps {', '.join(kept)} for it"
    for name, how in fresh.items():
        if how["since"] is not None:
            yield (
                f"{name} counts further back than {shown(how['since'])}, from which on rows of "
                f"{how['of']} are kept: upload it, or wait"
            )
        elif how["of"]:
            yield f"it reads {name} from what it keeps of {how['of']}"


Serve = Literal["no", "yes", "beside"]
"""Whether a set is served from now on; beside: under its name with its version alone."""


def asked_for(path: Path, versions: Sequence[Version], *, serve: Serve) -> list[dict[str, Any]]:
    """Have sets kept, and perhaps served, by whoever writes a store; a new one is made.

    Of each: its name, the sets of the store by group, and which of them are new.
    """
    sets = []
    for version in versions:
        assert isinstance(version.definition, FeatureSet | TrainingSet)
        held = serialize(version.definition).hex()
        sets.append({"definition": held, "version": version.number or None, "serve": serve})
    found: list[dict[str, Any]] = ask(path, "define", {"sets": sets}, create=True)["sets"]
    return found


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

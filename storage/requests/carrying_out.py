"""What others may have the writer of a store do, and how it does it between its commits.

What is done in one commit has its answer at once. What takes several, as going back to a generation
does, has none until it is done, and is looked at again after each turn.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bighead.storage.errors import StoreError
from bighead.storage.fetch.served import Offer, keep, serve, withdraw
from bighead.storage.ingest.choosing import Chosen
from bighead.storage.ingest.replaying import Replay, drop_some
from bighead.storage.requests.spool import Facts, answer, take_up
from bighead.storage.retiring import clear, due, expire, sweep, unserved
from bighead.storage.store import Store
from bighead.storage.upload.switching import go_back, switches
from bighead.storage.upload.uploads import adopt_waiting
from bighead.zipline.catalog import FeatureSet, TrainingSet
from bighead.zipline.errors import BigheadError
from bighead.zipline.ir.serialize import deserialize


@dataclass(slots=True)
class Carrier:
    """Whoever writes a store, and how far it has come with what takes several commits."""

    store: Store
    path: Path
    """The store's folder."""
    replays: dict[str, Replay] = field(default_factory=dict, init=False)
    """By what was asked for."""
    drops: dict[str, tuple[Chosen, int]] = field(default_factory=dict, init=False)
    """Likewise, with how many letters went."""

    def carry_out(self, kind: str, facts: Facts) -> Facts:
        """Do what is asked for to its end. Raises BigheadError where that cannot be done."""
        while (said := WAYS[kind](self, facts)) is None:
            adopt_waiting(self.store, self.path)
        return said

    def turn(self) -> bool:
        """Go a step on with what others left for the writer; whether there is more to do.

        These are requests, and uploads. It is called between commits.
        """
        more = False
        for request in take_up(self.path):
            try:
                way = WAYS.get(request.kind)
                if way is None:
                    raise StoreError(
                        f"the process that writes the store knows no '{request.kind}'; start it "
                        "anew with the version that asks"
                    )
                said = way(self, request.facts)
            except BigheadError as error:
                said = {"error": str(error)}
            except Exception as error:  # noqa: BLE001  # a request of no sense may not end the writer
                said = {"error": f"the request '{request.kind}' cannot be carried out ({error!r})"}
            if said is None:
                more = True
            else:
                answer(self.path, request, said)
        return adopt_waiting(self.store, self.path) or more


def _replay(of: Carrier, facts: Facts) -> Facts | None:
    """numbers: of dead letters, of which those that are gone were taken; or None: all that there
    were at the commit `until`, or those of a `source`."""
    numbers, asked = facts["numbers"], _key(facts)
    replay = of.replays.pop(asked, None)
    if replay is None:
        replay = Replay.of(of.store, numbers, facts.get("source"), facts.get("until"))
    try:
        over = replay.step()
    except BaseException:
        replay.close()
        raise
    if not over:
        of.replays[asked] = replay
        return None
    done = replay.replayed
    taken = done.taken if numbers is None else len(set(numbers)) - done.left
    return {"taken": taken, "left": done.left}


def _drop(of: Carrier, facts: Facts) -> Facts | None:
    """numbers: of dead letters; or None: all that there were at the commit `until`, or those of a
    `source`."""
    store, asked = of.store, _key(facts)
    chosen, dropped = of.drops.pop(asked, (None, 0))
    if chosen is None:
        until = facts.get("until", store.committed)
        chosen = Chosen(store.database, facts["numbers"], facts.get("source"), until)
    dropped += drop_some(store, chosen)
    if not chosen.over:
        of.drops[asked] = chosen, dropped
        return None
    return {"dropped": dropped}


def _key(facts: Facts) -> str:
    return json.dumps(dict(facts), sort_keys=True)


def _back(of: Carrier, facts: Facts) -> Facts | None:
    """set, to: the generation that it is to have, which is the one before."""
    store = of.store
    name, to = facts["set"], facts["to"]
    definition, _ = store.plan(name)
    if any(s.set == name for s in switches(store.database)):
        return None
    if definition.generation == to:
        return {}
    if definition.previous is not None and definition.previous.number != to:
        raise StoreError(f"{name} was uploaded meanwhile; see what it holds, and ask again")
    go_back(store, name)
    return None


def _define(of: Carrier, facts: Facts) -> Facts:
    """sets: of each its definition, its version, and whether it is served from now on: no, yes, or
    beside the version that has the name."""
    store = of.store
    return {"sets": [_defined(store, asked) for asked in facts["sets"]]}


def _defined(store: Store, asked: Facts) -> dict[str, Any]:
    definition = deserialize(bytes.fromhex(asked["definition"]))
    if not isinstance(definition, FeatureSet | TrainingSet):
        raise StoreError("what is to be kept is no set")
    before = set(store.sets)
    held = keep(store, definition, asked["version"])
    offer = Offer(definition, asked["version"], held)
    if asked["serve"] != "no":
        offer = serve(store, definition, asked["version"], beside=asked["serve"] == "beside")
    fresh = {name: _begun(store, name) for name in sorted(set(held.values()) - before)}
    return {"name": offer.name, "sets": dict(held), "fresh": fresh}


def _begun(store: Store, name: str) -> dict[str, Any]:
    """How a set that is new begins: `of` another one, or empty.

    `since`: what that one keeps goes back to this time only, and the new set counts further back.
    """
    definition = store.sets[name]
    if definition.of:
        return {"of": definition.of, "since": None}
    shared = store.shared(definition.right, but=name)
    if shared is None:
        return {"of": "", "since": None}
    return {"of": shared.owner.name, "since": shared.owner.horizon}


def _withdraw(of: Carrier, facts: Facts) -> Facts:
    """name: that is served no more."""
    store = of.store
    withdraw(store, facts["name"])
    return {}


def _sweep(of: Carrier, facts: Facts) -> Facts | None:
    """set, before: rows of earlier times go, in microseconds; without a set all that is due."""
    store = of.store
    if facts.get("set") is None:
        wanted = due(store, time.time_ns() // 1000)
    else:
        name, before = store.owner(facts["set"]), int(facts["before"])
        definition, plan = store.plan(name)
        if plan.keeps_all:
            raise StoreError(
                f"no row of {name} can go: an aggregate of yours reads all history; give that "
                "feature a window (OVER (LAST '90d')), or clear the set"
            )
        wanted = {name: before} if definition.swept or definition.horizon < before else {}
    for name, horizon in wanted.items():
        sweep(store, name, horizon)
        return None
    if store.guards:
        expire(store)
        return None
    return {"kept": {name: d.horizon for name, (d, _) in store.owned().items()}}


def _clear(of: Carrier, facts: Facts) -> Facts:
    """sets: that nothing served is read from; all of them where none is named."""
    store = of.store
    names = facts["sets"] or unserved(store)
    for name in sorted(names, key=lambda name: not store.plan(name)[0].of):
        clear(store, name)
    return {"cleared": names}


Way = Callable[[Carrier, Facts], "Facts | None"]
"""How something is done: what came of it, or None where it goes on."""

WAYS: dict[str, Way] = {
    "replay": _replay,
    "drop": _drop,
    "back": _back,
    "define": _define,
    "withdraw": _withdraw,
    "sweep": _sweep,
    "clear": _clear,
}

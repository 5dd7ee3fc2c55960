"""A campaign's folder as its supervisor leaves it, with findings of the flawed targets, for tests of what comes after."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec
from flawed_targets import written

from ipc_gauntlet.fuzz.campaign.ledger import Seen, SliceEnd
from ipc_gauntlet.fuzz.campaign.records import Plan, TargetPlan
from ipc_gauntlet.fuzz.campaign.state import State
from ipc_gauntlet.fuzz.child.handle import Child
from ipc_gauntlet.fuzz.corpus.store import Store
from ipc_gauntlet.fuzz.findings import Finding
from ipc_gauntlet.fuzz.spec import Progress
from ipc_gauntlet.fuzz.triage.targets import Settings, Targets
from ipc_gauntlet.fuzz.work import digest


def finding_of(targets: Targets, data: bytes, target: str = "t.clumsy") -> Finding:
    """What an input does that it must not."""
    with Child(targets.orders(target)) as child:
        found = child.one(data).finding
    assert found is not None
    return msgspec.structs.replace(found, engine="portable", seed=7, execution=123)


def campaign(folder: Path, inputs: Sequence[bytes], name: str = "night") -> tuple[Store, Path]:
    """Targets in a folder, and a store in it with a campaign that found these inputs."""
    store = Store(folder / "store")
    module = str(written(folder))
    place = store.campaigns / name
    plan = Plan(
        name=name,
        seconds=1.0,
        hang_seconds=0.3,
        memory_mb=200,
        modules=(module,),
        targets={"t.clumsy": TargetPlan(module=module, measured=("flawed_parsers",))},
    )
    place.mkdir(parents=True)
    targets = Targets([module], Settings(hang_seconds=0.3, memory_mb=200))
    seen: dict[str, Seen] = {}
    for data in inputs:
        finding = finding_of(targets, data)
        path = place / "findings" / finding.signature / f"{digest(data)}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(finding.to_json())
        seen[finding.signature] = Seen(
            signature=finding.signature,
            kind=finding.kind,
            message=finding.message,
            count=5,
            smallest=digest(data),
            size=len(data),
        )
    with State.open(place, writable=True) as state:
        state.adopt(plan)
        end = SliceEnd(
            name="1",
            target="t.clumsy",
            engine="portable",
            outcome="done",
            progress=Progress(),
            at=1.0,
            findings=tuple(seen.values()),
        )
        state.merge(end, given=1.0, passed=1.0)
    return store, place

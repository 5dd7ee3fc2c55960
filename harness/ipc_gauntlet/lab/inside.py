"""What a case can ask of, and do to, the inside of an implementation: resources, counters, the ledger, armed faults."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from ipc_gauntlet.errors import CallFailed, Inconclusive, NotApplicable, Unsupported
from ipc_gauntlet.judge.outcome import Role
from ipc_gauntlet.lab.access import Access
from ipc_gauntlet.lab.waiting import RESOURCE_POLL_S, RESOURCE_POLLS


@dataclass(frozen=True, slots=True)
class Execution:
    """One operation that took effect, as the driver's ledger or its notifications tell it.

    Args:
        operation: Its name.
        payload: What it was given.
        key: The idempotency key, if any.
        peer: Whose request it was, if the driver tells.
        conn: The connection, as the server's driver calls it.
    """

    operation: str
    payload: bytes
    key: bytes | None = None
    peer: str | None = None
    conn: str | None = None


class Inside(Access):
    """The part of a lab that looks and reaches into the drivers."""

    def memory(self, role: Role) -> int:
        """Resident memory of a role's driver process, in bytes; 0 when it has none."""
        pid = self.driver(role).pid
        try:
            return int(psutil.Process(pid).memory_info().rss) if pid is not None else 0
        except psutil.Error:
            return 0

    def resources(self, role: Role) -> dict[str, int]:
        """What a role's driver says it holds: descriptors, threads, connections; empty when it cannot count."""
        try:
            answer = self.call(role, "inspect", {"what": ["resources"]}).get("resources")
        except (Unsupported, CallFailed):
            return {}
        counts = answer if isinstance(answer, dict) else {}
        return {name: value for name, value in counts.items() if isinstance(value, int)}

    def require_resources(self, role: Role, before: Mapping[str, int]) -> None:
        """Demand that a driver comes back to what it held before (polled; nothing if it cannot count).

        Raises:
            RequirementViolated: It does not within some seconds.
        """
        surplus: dict[str, int] = {}
        for _ in range(RESOURCE_POLLS):
            now = self.resources(role)
            surplus = {name: now[name] - count for name, count in before.items() if now.get(name, 0) > count}
            if not surplus:
                break
            self.pause(RESOURCE_POLL_S)
        told = ", ".join(f"{count} more {name}" for name, count in surplus.items())
        self.require_that(not surplus, "resources back at their baseline", told, "leak")

    def configure(self, role: Role, action: str, /, **params: object) -> None:
        """Have a driver do what section 7 of the driver protocol names, and wait until it is in force.

        Args:
            role: Whose driver.
            action: Such as `policy`, `revoke`, `grant`, `open-gate`.
            **params: What the action needs; bytes become base64.

        Raises:
            NotApplicable: The driver does not support it.
            Inconclusive: It could not.
        """
        try:
            self.call(role, "configure", {"action": action, **params})
        except Unsupported as missing:
            raise NotApplicable(f"the {role}'s driver does not support {action}: {missing}") from missing
        except CallFailed as failure:
            raise Inconclusive(f"the {role} could not {action}: {failure}") from failure

    def arm(self, role: Role, point: str, what: str) -> None:
        """Have a driver's program fail at a point, once: `kill`, `raise`, `hang` or `none`.

        Raises:
            NotApplicable: The statement does not name this point.
            Inconclusive: The driver could not be armed.
        """
        if point not in self.statement.faults:
            raise NotApplicable(f"the driver cannot be made to fail at {point!r}")
        self.configure(role, "arm", point=point, what=what)
        self.did(f"armed the {role}: {what} at {point}")

    def metrics(self, role: Role) -> Counter[str]:
        """A driver's counters since the last `reset`; those that it does not tell are 0.

        Raises:
            NotApplicable: The driver has none.
        """
        found = self._inspected(role, "metrics")
        counts = found if isinstance(found, Mapping) else {}
        return Counter({name: value for name, value in counts.items() if isinstance(value, int)})

    def ledger(self, role: Role = "server") -> list[Execution]:
        """What a driver's ledger holds, in order of execution; with a durable store also from before a restart.

        Raises:
            NotApplicable: The driver has none.
        """
        entries = self._inspected(role, "ledger")
        return [_execution(entry) for entry in entries] if isinstance(entries, list) else []

    def executed(self, role: Role = "server") -> list[Execution]:
        """What a driver said was executed, at the moment it was, in all its lives within this case."""
        told = [one for one in self.driver(role).observations if one.method == "executed"]
        return [_execution({**one.params, "conn": one.conn}) for one in told]

    def store_path(self, name: str = "store") -> str:
        """A file of this case, for the option `store`; it survives `restart` and is removed after the case."""
        return str(Path(self.directory, name))

    def _inspected(self, role: Role, topic: str) -> Any:  # noqa: ANN401 - JSON, checked against the protocol's types
        try:
            return self.call(role, "inspect", {"what": [topic]}).get(topic)
        except Unsupported as missing:
            raise NotApplicable(f"the {role}'s driver does not tell its {topic}: {missing}") from missing


def _execution(entry: Mapping[str, Any]) -> Execution:
    key = entry.get("key")
    return Execution(
        operation=str(entry.get("operation", "")),
        payload=base64.b64decode(entry.get("payload", "")),
        key=base64.b64decode(key) if isinstance(key, str) else None,
        peer=entry.get("peer"),
        conn=entry.get("conn"),
    )

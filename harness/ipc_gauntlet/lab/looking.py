"""What can be seen of a session: what both drivers told about it, and what passed on the wire."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import msgspec

from ipc_gauntlet.adversary import Link, Relay, describe_fault
from ipc_gauntlet.driver import Driver, Observation
from ipc_gauntlet.errors import Inconclusive
from ipc_gauntlet.judge.outcome import Direction, EndView, Outcome, Role, receiver
from ipc_gauntlet.lab.plan import SessionPlan
from ipc_gauntlet.lab.taps import Tap
from ipc_gauntlet.lab.views import view_of

if TYPE_CHECKING:
    from ipc_gauntlet.lab.lab import Lab

_TRACE_CONTEXT = 6


class Looking:
    """The state of a session, and every question about it.

    Args:
        lab: The case's lab.
        plan: How it is set up.
    """

    def __init__(self, lab: Lab, plan: SessionPlan) -> None:
        self.lab = lab
        self.plan = plan
        self.deployment = plan.deployment or (
            plan.served.deployment if plan.served is not None else lab.issuer.good()
        )
        self.refused: dict[Role, str] = {}
        self.served = plan.served
        self.relay: Relay | None = None
        self.conn = lab.new_conn()
        self.sent: dict[Direction, list[bytes]] = {"c2s": [], "s2c": []}
        self.opened = False
        self._warm: set[bytes] = set()
        self._failures: dict[Role, list[str]] = {"client": [], "server": []}
        self._since: dict[Role, int] = {"client": 0, "server": 0}
        self._taps: dict[Role, Tap] = {}

    def directions(self) -> tuple[Direction, ...]:
        """The directions in which this pair can send events."""
        return ("c2s", "s2c") if self.lab.has("push") else ("c2s",)

    @property
    def link(self) -> Link | None:
        """The adversary's first link, once the client has connected."""
        return self.relay.links[0] if self.relay is not None and self.relay.links else None

    def the_link(self) -> Link:
        """The adversary's first link.

        Raises:
            Inconclusive: The client never connected.
        """
        if self.link is None:
            raise Inconclusive("the client never connected")
        return self.link

    def driver(self, role: Role) -> Driver:
        """The driver that plays a role in this session (a reflection case has one driver play both)."""
        if role == "server" and self.served is not None:
            return self.lab.driver(self.served.role)
        return self.lab.driver(role)

    def conn_of(self, role: Role) -> str:
        """The connection's id at a role's driver.

        Raises:
            Inconclusive: The server never told of a connection.
        """
        if role == "client":
            return self.conn
        for seen in self._observed("server"):
            if seen.conn is not None:
                return seen.conn
        raise Inconclusive("the server never told of a connection")

    def knows_server(self) -> bool:
        """Whether the server's driver told of a connection."""
        return any(seen.conn is not None for seen in self._observed("server"))

    def is_established(self, role: Role) -> bool:
        """Whether a role called the session established (or cannot tell)."""
        return self._established(role)

    def is_over(self, role: Role) -> bool:
        """Whether a role told its application that the session ended or was refused."""
        return self._ended(role)

    def whole_endpoint(self) -> Outcome:
        """This session's outcome with the server's view of every connection to its endpoint."""
        outcome = self.outcome()
        return outcome if self.served is None else dataclasses.replace(outcome, server=self.served.view())

    def view(self, role: Role) -> EndView:
        """One end's view so far, without the greetings."""
        view = view_of(self._observed(role), self._failures[role])
        kept = tuple(payload for payload in view.delivered if payload not in self._warm)
        return dataclasses.replace(view, delivered=kept)

    def outcome(self) -> Outcome:
        """Everything seen so far."""
        wire: dict[Direction, bytes] = {"c2s": b"", "s2c": b""}
        if self.relay is not None:
            for direction in wire:
                frames = [frame.data for link in self.relay.links for frame in link.frames(direction)]
                wire[direction] = b"".join(frames)
        sent: dict[Direction, tuple[bytes, ...]] = {d: tuple(p) for d, p in self.sent.items()}
        return Outcome(self.view("client"), self.view("server"), sent, self._stage(), wire)

    def firings(self) -> list[str]:
        """What each fault really did, one line each."""
        if self.relay is None:
            return []
        return [firing.describe() for link in self.relay.links for firing in link.firings]

    def unfired(self) -> list[str]:
        """The faults that never fired, one line each."""
        return [describe_fault(fault) for fault in self.relay.unfired()] if self.relay is not None else []

    def schedule(self) -> list[object]:
        """The fault schedule as JSON values."""
        return [msgspec.to_builtins(fault) for fault in self.plan.faults]

    def trace(self) -> list[str]:
        """The frames around the first fault, or the session's last ones."""
        lines: list[str] = []
        for link in self.relay.links if self.relay is not None else ():
            around = link.firings[0].frame_index if link.firings else None
            lines += [str(line) for line in link.trace(around, _TRACE_CONTEXT)]
        return lines

    # -- inside -----------------------------------------------------------------------------------------------------

    def _never_was(self, role: Role) -> bool:
        """Whether there is no connection to use, because it was refused before it came about."""
        return bool(self.refused) or (self._ended(role) and not self._has(role, "established"))

    def _frames(self, direction: Direction) -> int:
        return self.link.count(direction) if self.link is not None else 0

    def _tap(self, role: Role) -> Tap | None:
        tap = self._taps.get(role)
        if tap is not None:
            return tap
        if role == "server":
            if self.served is None:
                return None
            tap = self.served.tap(self._since["server"])
        else:
            client = self.lab.driver("client")
            tap = Tap(lambda: client.observations, self._since["client"], lambda one: one.conn == self.conn)
        self._taps[role] = tap
        return tap

    def _observed(self, role: Role) -> list[Observation]:
        tap = self._tap(role)
        return tap.seen() if tap is not None else []

    def _has(self, role: Role, *methods: str) -> bool:
        tap = self._tap(role)
        if tap is None:
            return False
        tap.seen()
        return not tap.methods.isdisjoint(methods)

    def _client_told(self) -> bool:
        return self._has("client", "established", "rejected", "closed")

    def _server_told(self) -> bool:
        return self._has("server", "established", "rejected", "closed")

    def _usable(self) -> bool:
        if self._ended("client") or self._ended("server"):
            return False
        return self._established("client") and self._established("server")

    def _established(self, role: Role) -> bool:
        observes = self.driver(role).statement.observes
        return self._has(role, "established") or "established" not in observes

    def _ended(self, role: Role) -> bool:
        return self._has(role, "closed", "rejected")

    def _over(self) -> bool:
        return self._ended("client") or self._ended("server")

    def _decided(self) -> bool:
        return self._over() or (self._established("client") and self._established("server"))

    def _delivered(self, role: Role) -> list[bytes]:
        tap = self._tap(role)
        if tap is None:
            return []
        tap.seen()
        return tap.delivered

    def _arrived(self, direction: Direction, payload: bytes) -> bool:
        return payload in self._delivered(receiver(direction))

    def _all_arrived(self, direction: Direction) -> bool:
        wanted = len(self.sent[direction])
        delivered = self._delivered(receiver(direction))
        if not 0 < wanted <= len(delivered):
            return False
        return sum(payload not in self._warm for payload in delivered) >= wanted

    def _activity(self) -> tuple[int, tuple[int, int]]:
        return self.lab.told(), self.relay.activity() if self.relay is not None else (0, 0)

    def _stage(self) -> str:
        if self.opened or (self._has("client", "established") and self._has("server", "established")):
            return "closing" if self._over() else "established"
        if self.link is not None and self.link.bytes_seen("c2s"):
            return "handshake"
        return "transport" if self.link is not None else "setup"

"""A session: one client connection, through the adversary, to one server."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from ipc_gauntlet.adversary import Link, Relay, describe_fault
from ipc_gauntlet.credentials.deployment import b64
from ipc_gauntlet.driver import Call, Driver, Observation
from ipc_gauntlet.errors import CallFailed, Inconclusive, Unsupported
from ipc_gauntlet.judge.outcome import Direction, EndView, Outcome, Role, receiver, sender
from ipc_gauntlet.lab.plan import SessionPlan, connect_params
from ipc_gauntlet.lab.views import view_of
from ipc_gauntlet.lab.waiting import PATIENCE_S, PATIENT_QUIET_S, QUIET_S

if TYPE_CHECKING:
    from ipc_gauntlet.lab.lab import Lab

SEND_TIMEOUT_S = 3.0
BLOCKED_AFTER_S = 0.25
FRAME_WAIT_S = 0.5
_TRACE_CONTEXT = 6


@dataclass(frozen=True, slots=True)
class Flood:
    """What came of sending without end.

    Args:
        sent_bytes: How much was taken without blocking.
        blocked: Whether a sending call blocked or failed.
        failed: Whether that call failed in time, or the session ended.
        blocked_s: How long the last call took, in seconds.
    """

    sent_bytes: int
    blocked: bool
    failed: bool
    blocked_s: float

    @property
    def how(self) -> str:
        """What ended it, for a person."""
        if not self.blocked:
            return "the test stopped it"
        return "a send failed" if self.failed else "a send blocked for good"


class Session:
    """One attempt to talk, with everything both drivers and the wire showed.

    Args:
        lab: The case's lab.
        plan: How to set it up.
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
        self._listen()

    # -- setting up -------------------------------------------------------------------------------------------------

    def _listen(self) -> None:
        lab = self.lab
        self._since = {role: len(self.driver(role).observations) for role in ("client", "server")}
        if self.served is None and self.plan.upstream is None:
            try:
                self.served = lab.listen(self.deployment, self.plan.options)
            except (CallFailed, Unsupported) as refusal:
                self._refuse("server", refusal)
                return
        upstream = self.plan.upstream or (self.served.address if self.served else {})
        self.relay = lab.relay(upstream, self.plan.faults)

    def connect(self) -> bool:
        """Start the client's attempt.

        Returns:
            False if the implementation refused at once, on either side.
        """
        if self.relay is None:
            return False
        params = connect_params(self.conn, self.relay.address, self.deployment, self.plan.options)
        call = self.lab.submit("client", "connect", params)
        self.lab.wait(lambda: call.done or self._client_told() or self._server_told(), SEND_TIMEOUT_S)
        if call.done:
            try:
                call.result()
            except (CallFailed, Unsupported) as refusal:
                self._refuse("client", refusal)
                return False
        return True

    def _refuse(self, role: Role, refusal: CallFailed | Unsupported) -> None:
        """Note that a side refused its configuration; no session can come of it, as after a refusal on the wire."""
        self.refused[role] = refusal.reason if isinstance(refusal, CallFailed) else "unsupported"
        self.lab.note(f"the {role} refused to be set up this way: {refusal}")

    def open(self, *, warm: bool = True) -> bool:
        """Connect, wait until both ends call the session established, exchange a greeting each way, mark.

        The mark separates everything that belongs to the set-up, also what is sent late, from what the script does.

        Args:
            warm: Whether to exchange the greetings and mark.

        Returns:
            Whether the session is usable.
        """
        if not self.connect():
            return False
        # What comes before the mark is meant to go well: there a short silence on a busy machine must not end the wait.
        self.await_decision(patient=warm or self.plan.patient)
        if not self._usable():
            return False
        self.opened = True
        if warm and not self.warm_up():
            self.opened = False
        return self.opened

    def await_decision(self, *, patient: bool = False) -> None:
        """Wait until the attempt has succeeded on both sides, or failed, or nothing moves any more."""
        self.settle(self._decided, limit_s=PATIENCE_S, patient=patient)

    def warm_up(self) -> bool:
        """Exchange one message each way and set the mark."""
        for direction in self.directions():
            payload = self.lab.payload("greeting")
            self._warm.add(payload)
            if not self._send(direction, payload):
                return False
            if not self.lab.wait(lambda p=payload, d=direction: self._arrived(d, p) or self._over()):  # type: ignore[misc]
                return False
            if not self._arrived(direction, payload):
                return False
        self.mark()
        return True

    def mark(self) -> None:
        """Set the phase boundary on the session's link."""
        if self.link is not None:
            self.link.mark()

    def directions(self) -> tuple[Direction, ...]:
        """The directions in which this pair can send events."""
        return ("c2s", "s2c") if self.lab.has("push") else ("c2s",)

    # -- acting -----------------------------------------------------------------------------------------------------

    def send(self, direction: Direction, payload: bytes | None = None) -> bool:
        """Send one message and wait until it is on the wire.

        Returns:
            Whether the sending call succeeded.
        """
        body = payload if payload is not None else self.lab.payload()
        self.sent[direction].append(body)
        return self._send(direction, body)

    def exchange(self, direction: Direction, count: int = 4) -> None:
        """Send numbered messages one after the other, until one cannot be sent."""
        for _ in range(count):
            if not self.send(direction):
                return

    def submit(self, role: Role, method: str, **params: object) -> Call:
        """Call a role's driver about this session's connection, without waiting."""
        return self.driver(role).submit(method, {"conn": self.conn_of(role), **params})

    def close_end(self, role: Role, mode: str = "graceful", *, timeout_s: float = SEND_TIMEOUT_S) -> bool:
        """Close one end and wait for the call to return.

        Returns:
            Whether it returned in time, with or without an error.
        """
        call = self.submit(role, "close", mode=mode)
        return self.lab.wait(lambda: call.done, timeout_s)

    def settle(
        self, until: Callable[[], bool] | None = None, *, limit_s: float = 5.0, patient: bool = False
    ) -> bool:
        """Wait until a condition holds or nothing moves any more.

        Args:
            until: A predicate; without one, only quiet ends the wait.
            limit_s: Give up after this many seconds.
            patient: Whether the condition is expected to hold, so that only a long silence counts.

        Returns:
            Whether the condition held.
        """
        predicate = until or (lambda: False)
        patient = until is not None and (patient or self.plan.patient)
        silence = PATIENT_QUIET_S if patient else QUIET_S
        reactor = self.lab.reactor
        last, since = self._activity(), reactor.now()

        def quiet() -> bool:
            nonlocal last, since
            activity = self._activity()
            if activity != last:
                last, since = activity, reactor.now()
            return reactor.now() - since >= silence

        deadline = reactor.now() + limit_s
        while reactor.now() < deadline:
            if self.lab.wait(lambda: bool(predicate()), QUIET_S / 5):
                return True
            if quiet():
                break
        return bool(predicate())

    def settle_delivery(self, direction: Direction) -> None:
        """Wait until everything sent has arrived, or the receiver has ended, or nothing moves any more.

        Under attack more may come than was sent; there the wait goes on until the receiver ends or it is quiet.
        """
        role = receiver(direction)
        self.settle(lambda: self._all_arrived(direction) or self._ended(role))
        if not self.plan.patient:
            self.settle(lambda: self._ended(role))

    def settle_end(self, role: Role) -> bool:
        """Wait until a role reported the end, or nothing moves any more."""
        return self.settle(lambda: self._ended(role))

    def request(
        self, operation: str, payload: bytes, *, key: bytes | None = None, deadline_ms: int | None = None
    ) -> Call:
        """Start a request from the client; its outcome is the call's result (driver protocol, section 4)."""
        params: dict[str, object] = {"kind": "request", "operation": operation, "payload": b64(payload)}
        if key is not None:
            params["key"] = b64(key)
        if deadline_ms is not None:
            params["deadline_ms"] = deadline_ms
        return self.submit("client", "send", **params)

    def configure(self, role: Role, action: str) -> None:
        """Have one end do something that the driver protocol's section 7 names, and wait for it.

        Raises:
            Inconclusive: It could not.
        """
        call = self.submit(role, "configure", action=action)
        if not self.lab.wait(lambda: call.done, SEND_TIMEOUT_S):
            raise Inconclusive(f"the {role} did not answer {action}")
        try:
            call.result()
        except CallFailed as failure:
            raise Inconclusive(f"the {role} could not {action}: {failure}") from failure

    def flood(
        self, direction: Direction, chunk: int, limit: int, *, timeout_s: float = SEND_TIMEOUT_S
    ) -> Flood:
        """Send until a sending call blocks or fails, or `limit` bytes have been taken.

        Args:
            direction: Which way to send.
            chunk: Bytes for each message.
            limit: Stop after this many bytes.
            timeout_s: How long a blocked call is waited for.
        """
        role, body, sent = sender(direction), b64(bytes(chunk)), 0
        while sent < limit:
            start = self.lab.reactor.now()
            call = self.submit(role, "send", payload=body)
            blocked = not self._returned(role, call, timeout_s)
            if blocked or _failed(call):
                failed = self.is_over(role) or (call.done and _failed(call))
                return Flood(sent, True, failed, self.lab.reactor.now() - start)
            sent += chunk
        return Flood(sent, False, False, 0.0)

    def settle_wire_end(self, direction: Direction) -> None:
        """Wait until the sender of a direction has ended it on the wire, or nothing moves any more."""
        self.settle(lambda: self.link is not None and self.link.ended(direction) is not None)

    # -- looking ----------------------------------------------------------------------------------------------------

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

    def finish(self) -> Outcome:
        """Return the outcome and close the adversary's side of the session."""
        outcome = self.outcome()
        self.close()
        return outcome

    def close(self) -> None:
        """Close the adversary's side. Idempotent; what was captured stays readable."""
        if self.relay is not None:
            self.relay.close()

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

    def _send(self, direction: Direction, payload: bytes) -> bool:
        role = sender(direction)
        if self._never_was(role):
            self._failures[role].append("not-connected")
            return False
        before = self._frames(direction)
        call = self.submit(role, "send", payload=b64(payload))
        finished = self.lab.wait(lambda: call.done, SEND_TIMEOUT_S)
        if not finished:
            self._failures[role].append("timeout")
            return False
        try:
            call.result()
        except CallFailed as failure:
            self._failures[role].append(failure.reason)
            return False
        except Unsupported as missing:
            raise Inconclusive(f"the {role}'s driver cannot send: {missing}") from missing
        self.lab.wait(lambda: self._frames(direction) > before or self._ended(role), FRAME_WAIT_S)
        return True

    def _returned(self, role: Role, call: Call, timeout_s: float) -> bool:
        """Whether a sending call returned without blocking; if it blocks, wait until it fails or the time is over."""
        if self.lab.wait(lambda: call.done, BLOCKED_AFTER_S):
            return True
        self.lab.wait(lambda: call.done or self.is_over(role), timeout_s)
        return False

    def _never_was(self, role: Role) -> bool:
        """Whether there is no connection to use, because it was refused before it came about."""
        return bool(self.refused) or (self._ended(role) and not self._has(role, "established"))

    def _frames(self, direction: Direction) -> int:
        return self.link.count(direction) if self.link is not None else 0

    def _observed(self, role: Role) -> list[Observation]:
        if role == "server":
            return self.served.seen(self._since["server"]) if self.served is not None else []
        everything = self.lab.driver("client").observations[self._since["client"] :]
        return [one for one in everything if one.conn == self.conn]

    def _has(self, role: Role, *methods: str) -> bool:
        return any(one.method in methods for one in self._observed(role))

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

    def _arrived(self, direction: Direction, payload: bytes) -> bool:
        return any(
            one.method == "delivered" and one.payload == payload
            for one in self._observed(receiver(direction))
        )

    def _all_arrived(self, direction: Direction) -> bool:
        delivered = self.view(receiver(direction)).delivered
        return len(delivered) >= len(self.sent[direction]) > 0

    def _activity(self) -> tuple[int, int, int]:
        links: Iterable[Link] = self.relay.links if self.relay is not None else ()
        told = len(self.lab.client.observations) + len(self.lab.server.observations)
        heard = sum(link.bytes_seen("c2s") + link.bytes_seen("s2c") for link in links)
        return told, heard, sum(link.waiting() for link in links)

    def _stage(self) -> str:
        if self.opened or (self._has("client", "established") and self._has("server", "established")):
            return "closing" if self._over() else "established"
        if self.link is not None and self.link.bytes_seen("c2s"):
            return "handshake"
        return "transport" if self.link is not None else "setup"


def _failed(call: Call) -> bool:
    try:
        call.result()
    except CallFailed:
        return True
    return False

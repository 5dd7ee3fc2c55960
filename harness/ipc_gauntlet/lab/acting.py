"""What a script does with a session: send, ask, flood, close, and wait until that has had its effect."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TypedDict, Unpack

from ipc_gauntlet.credentials.deployment import b64
from ipc_gauntlet.driver import Call
from ipc_gauntlet.errors import CallFailed, Inconclusive, Unsupported
from ipc_gauntlet.judge.outcome import Direction, Role, receiver, sender
from ipc_gauntlet.lab.looking import Looking

SEND_TIMEOUT_S = 3.0
FLOOD_LIMIT_S = 30.0
FRAME_WAIT_S = 0.5


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


class MessageExtras(TypedDict, total=False):
    """What a message or a request may have besides its payload, each with a feature of its own.

    Args:
        lane: Ordering key.
        label: Sensitivity, 0 to 3.
        purpose: What it may be used for.
        schema: Version of the operation's schema.
        token: A capability token.
        signed: A claim of who speaks, as the driver protocol's section 4 has it.
    """

    lane: str
    label: int
    purpose: str
    schema: int
    token: bytes
    signed: Mapping[str, object]


class Acting(Looking):
    """The acting half of a session."""

    # -- acting -----------------------------------------------------------------------------------------------------

    def send(
        self, direction: Direction, payload: bytes | None = None, **extras: Unpack[MessageExtras]
    ) -> bool:
        """Send one message and wait until it is on the wire.

        Args:
            direction: Which way.
            payload: What; a fresh one by default.
            **extras: What else the driver protocol's section 4 lets a message have.

        Returns:
            Whether the sending call succeeded.
        """
        body = payload if payload is not None else self.lab.payload()
        self.sent[direction].append(body)
        return self._send(direction, body, extras)

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

    def configure(self, role: Role, action: str, **params: object) -> None:
        """Have one end's connection do something that the driver protocol's section 7 names, and wait for it.

        Args:
            role: Which end.
            action: Such as `rekey` or `set-counter`.
            **params: What it needs besides `conn`.

        Raises:
            Inconclusive: It could not.
        """
        call = self.submit(role, "configure", action=action, **params)
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

        Raises:
            Inconclusive: So slow is every call that one cannot tell whether any would block.
        """
        role, body, sent = sender(direction), b64(bytes(chunk)), 0
        now = self.lab.reactor.now
        deadline = now() + FLOOD_LIMIT_S
        while sent < limit:
            start = now()
            if start > deadline:
                raise Inconclusive(f"sending {sent >> 10} KiB took {FLOOD_LIMIT_S:g} s: too slow to tell")
            call = self.submit(role, "send", payload=body)
            self.lab.wait(partial(self._is_decided, role, call), timeout_s)
            # A call that took its time and then succeeded is a slow one; what blocks never succeeds here.
            if not call.done or _failed(call):
                failed = call.done or self.is_over(role)
                return Flood(sent, True, failed, now() - start)
            sent += chunk
        return Flood(sent, False, False, 0.0)

    # -- waiting ----------------------------------------------------------------------------------------------------

    def settle(
        self, until: Callable[[], bool] | None = None, *, limit_s: float = 5.0, patient: bool = False
    ) -> bool:
        """Wait until a condition holds or nothing moves any more, neither on the wire nor at the drivers.

        Args:
            until: A predicate; without one, only quiet ends the wait.
            limit_s: Give up after this many seconds.
            patient: Whether the condition is expected to hold, so that only a long silence counts.

        Returns:
            Whether the condition held.
        """
        patient = until is not None and (patient or self.plan.patient)
        return self.lab.settle(until, activity=self._activity, patient=patient, limit_s=limit_s)

    def settle_delivery(self, direction: Direction) -> None:
        """Wait until everything sent has arrived, or the receiver has ended, or nothing moves any more.

        Under attack more may come than was sent; there the wait goes on until the receiver ends or it is quiet.
        """
        role = receiver(direction)
        ended = self.lab.when_told(lambda: self._ended(role))
        arrived = self.lab.when_told(lambda: self._all_arrived(direction))
        held = self.settle(lambda: arrived() or ended())
        if held and not self.plan.patient:
            self.settle(ended)

    def settle_end(self, role: Role) -> bool:
        """Wait until a role reported the end, or nothing moves any more."""
        return self.settle(self.lab.when_told(lambda: self._ended(role)))

    def settle_wire_end(self, direction: Direction) -> None:
        """Wait until the sender of a direction has ended it on the wire, or nothing moves any more."""
        self.settle(lambda: self.link is not None and self.link.ended(direction) is not None)

    # -- inside -----------------------------------------------------------------------------------------------------

    def _send(self, direction: Direction, payload: bytes, extras: MessageExtras | None = None) -> bool:
        role = sender(direction)
        if self._never_was(role):
            self._failures[role].append("not-connected")
            return False
        before = self._frames(direction)
        call = self.submit(role, "send", payload=b64(payload), **(extras or {}))
        finished = self.lab.wait(lambda: call.done, SEND_TIMEOUT_S)
        if not finished:
            self._failures[role].append("timeout")
            return False
        try:
            refusal = self.lab.refusal(call)
        except Unsupported as missing:
            raise Inconclusive(f"the {role}'s driver cannot send: {missing}") from missing
        if refusal is not None:
            self._failures[role].append(refusal)
            return False
        self.lab.wait(lambda: self._frames(direction) > before or self._ended(role), FRAME_WAIT_S)
        return True

    def _is_decided(self, role: Role, call: Call) -> bool:
        return call.done or self.is_over(role)


def _failed(call: Call) -> bool:
    try:
        call.result()
    except CallFailed:
        return True
    return False

"""What the cases about sequences of records share: scripts, large messages, and a check."""

import base64
from collections.abc import Sequence
from typing import Literal

from ipc_gauntlet import (
    Call,
    Check,
    Direction,
    Finding,
    Lab,
    NotApplicable,
    Outcome,
    Role,
    Session,
    checks,
    receiver,
    sender,
)
from ipc_gauntlet_suites.scripts import Script

Size = Literal["small", "large"]

#: Bytes of a message that most protocols put into more than one record.
LARGE = 150_000
#: What a driver's framing or an implementation's limit may take of a message of the greatest length.
_SPARE = 64


def kept_or_ended(direction: Direction) -> Check:
    """All was delivered in the order of sending, or a prefix of it and then the receiver ended the session."""
    prefix, end = checks.delivered_prefix(direction), checks.ended(receiver(direction))

    def check(outcome: Outcome) -> Finding | None:
        if outcome.delivered(direction) == outcome.sent[direction]:
            return None
        return prefix(outcome) or end(outcome)

    return check


def sized_payload(lab: Lab, size: Size) -> bytes:
    """A payload for one record, or one for several as far as the implementation takes it."""
    if size == "small":
        return lab.payload()
    limit = lab.statement.limits.max_message
    return lab.payload("large", LARGE if limit is None else max(64, min(LARGE, limit - _SPARE)))


def settled(session: Session, direction: Direction) -> None:
    """Wait for everything, or for the receiver's end; a receiver that does neither is given a long time."""
    role = receiver(direction)
    session.settle_delivery(direction)
    if len(session.view(role).delivered) < len(session.sent[direction]):
        session.settle(lambda: session.is_over(role), patient=True)


def told_end(session: Session, role: Role) -> None:
    """Wait until a role has told of the end. A reset may be on its way for a while, and nothing moves meanwhile."""
    session.settle(lambda: session.is_over(role), patient=True)


def poured(
    session: Session, direction: Direction, payloads: Sequence[bytes], *, waits: bool = True
) -> list[Call]:
    """Send messages without waiting in between.

    Args:
        session: Whose.
        direction: Which way.
        payloads: What each holds.
        waits: Whether to wait until every sending call has returned.
    """
    role = sender(direction)
    calls: list[Call] = []
    for payload in payloads:
        session.sent[direction].append(payload)
        text = base64.b64encode(payload).decode("ascii")
        calls.append(session.submit(role, "send", payload=text))
    if waits:
        session.lab.wait(lambda: all(call.done for call in calls) or session.is_over(role))
    return calls


def sequence(direction: Direction, *sizes: Size | int, close: bool = False) -> Script:
    """Open a session, send messages of these sizes one way, and wait for what comes of it.

    Args:
        direction: Which way.
        *sizes: Of each message; a number stands for so many small ones.
        close: Whether the sender then closes gracefully.
    """

    each: list[Size] = []
    for one in sizes:
        each += ["small"] * one if isinstance(one, int) else [one]

    def script(session: Session) -> None:
        if not session.open():
            return
        for size in each:
            if not session.send(direction, sized_payload(session.lab, size)):
                break
        if not close:
            settled(session, direction)
            return
        session.settle_delivery(direction)
        session.close_end(sender(direction))
        told_end(session, receiver(direction))

    return script


def closing_control(lab: Lab, script: Script, direction: Direction, count: int) -> Outcome:
    """Run a script that sends so many small messages and closes, as positive control.

    Raises:
        NotApplicable: The sender puts nothing on the wire behind its messages, so its end of a stream is no message.
    """
    frames: list[int] = []

    def counted(session: Session) -> None:
        script(session)
        frames.append(len(session.the_link().since_mark(direction)) - count)

    outcome = lab.control(counted, checks.delivered_all(direction))
    if frames[-1] < 1:
        raise NotApplicable("its end of a stream is not a message")
    return outcome

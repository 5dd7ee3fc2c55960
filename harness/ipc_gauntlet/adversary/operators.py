"""What each fault does to the frame that it waited for.

Rule of this file: an operator changes the `Plan` of one frame and returns what it did, or returns None and leaves a
note when it could do nothing. Only what really changes the receiver's stream counts as having fired.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec

from ipc_gauntlet.adversary import faults as f
from ipc_gauntlet.adversary.frames import Change, Frame, edit, reframe

Resolve = Callable[[f.Recorded], bytes | None]
"""Finds the frame that another link has captured."""


class Effect(msgspec.Struct, frozen=True):
    """What an operator did; see `Firing` for the members."""

    detail: str
    offset: int | None = None
    old: bytes = b""
    new: bytes = b""


class Later(msgspec.Struct, frozen=True):
    """Bytes that follow after some later frames.

    Args:
        frames: How many.
        data: The bytes.
        moved: Whether the frame itself waits, so that only being overtaken counts as an effect.
        what: What to say when it happened.
    """

    frames: int
    data: bytes
    moved: bool
    what: str


@dataclass(slots=True)
class Plan:
    """What is to become of one frame.

    Args:
        frame: As it was received.
        data: What is forwarded in its place; None for nothing.
        before: What is sent in front of it.
        after: What is sent behind it.
        back: What is sent to its sender.
        later: What follows later.
        held: What is withheld until it is released.
        cut: The cut that follows, if any.
        passing: Bytes of the frame that pass in front of the cut.
        notes: What could not be done as asked.
    """

    frame: Frame
    data: bytes | None
    before: list[bytes] = field(default_factory=list)
    after: list[bytes] = field(default_factory=list)
    back: list[bytes] = field(default_factory=list)
    later: Later | None = None
    held: bytes | None = None
    cut: f.Cut | None = None
    passing: int = 0
    notes: list[str] = field(default_factory=list)

    def take(self) -> bytes:
        """Take the frame off its way."""
        data, self.data = self.data or b"", None
        return data


def apply(fault: f.FrameFault, plan: Plan, resolve: Resolve) -> Effect | None:
    """Have a fault act on a frame.

    Args:
        fault: Whose selector matches the frame.
        plan: What earlier faults of the schedule have made of the frame.
        resolve: Finds frames of other links.

    Returns:
        What was done; None when nothing was, or when it will only be done later (see `Plan.later`).
    """
    if plan.data is None or plan.cut is not None:
        plan.notes.append(f"{type(fault).__name__.lower()}: an earlier fault took the frame away")
        return None
    match fault:
        case f.Flip():
            return _flip(fault, plan, plan.data)
        case f.Edit():
            return _edit(fault, plan, plan.data)
        case f.Replace():
            return _replace(fault, plan, plan.data, resolve)
        case f.Inject():
            return _inject(fault, plan, resolve)
        case f.Duplicate():
            return _duplicate(fault, plan, plan.data)
        case f.Cut():
            return _cut(fault, plan, len(plan.data))
        case f.Reflect():
            return _reflect(fault, plan, plan.data)
        case _:
            return _withhold(fault, plan)


def _withhold(fault: f.Drop | f.Swap | f.Delay | f.Hold, plan: Plan) -> Effect | None:
    data = plan.take()
    match fault:
        case f.Drop():
            return Effect(f"dropped {len(data)} bytes")
        case f.Hold():
            plan.held = data
            return Effect(f"withheld {len(data)} bytes")
        case f.Swap():
            plan.later = Later(1, data, moved=True, what="swapped with the next frame")
        case f.Delay():
            plan.later = Later(fault.frames, data, moved=True, what=f"delayed by {fault.frames} frames")
    return None


def _flip(fault: f.Flip, plan: Plan, data: bytes) -> Effect | None:
    if not data:
        plan.notes.append("flip: the frame is empty")
        return None
    at = _position(fault, plan, len(data), len(data) - 1)
    new = bytes((data[at] ^ fault.mask,))
    plan.data = data[:at] + new + data[at + 1 :]
    return Effect("flipped", at, data[at : at + 1], new)


def _edit(fault: f.Edit, plan: Plan, data: bytes) -> Effect | None:
    size = len(data)
    at = max(0, size - fault.delete) if fault.append else _position(fault, plan, size, size)
    lengths = plan.frame.lengths if fault.fix_length else ()
    edited = edit(data, Change(at, fault.delete, fault.insert), lengths)
    if edited.note:
        plan.notes.append(edited.note)
    if edited.data == data:
        plan.notes.append("edit: it changed nothing")
        return None
    plan.data = edited.data
    length = ", length corrected" if edited.corrected else ""
    return Effect(f"edited, {size} bytes became {len(edited.data)}{length}", at, edited.old, fault.insert)


def _replace(fault: f.Replace, plan: Plan, data: bytes, resolve: Resolve) -> Effect | None:
    new = _bytes_of(fault.data, plan, resolve, framed=fault.framed)
    if new is None:
        return None
    if new == data:
        plan.notes.append("replace: by the same bytes")
        return None
    plan.data = new
    return Effect("replaced", 0, data, new)


def _inject(fault: f.Inject, plan: Plan, resolve: Resolve) -> Effect | None:
    data = _bytes_of(fault.data, plan, resolve, framed=fault.framed)
    if not data:
        return None
    (plan.before if fault.before else plan.after).append(data)
    return Effect(f"injected {len(data)} bytes {'before' if fault.before else 'behind'} it")


def _duplicate(fault: f.Duplicate, plan: Plan, data: bytes) -> Effect | None:
    if fault.delay_frames:
        what = f"sent {fault.copies} more time(s) after {fault.delay_frames} frames"
        plan.later = Later(fault.delay_frames, data * fault.copies, moved=False, what=what)
        return None
    plan.after.extend([data] * fault.copies)
    return Effect(f"sent {fault.copies} more time(s) at once")


def _cut(fault: f.Cut, plan: Plan, size: int) -> Effect:
    plan.cut = fault
    plan.passing = size if fault.after else 0
    if fault.inside is not None:
        wanted = fault.inside if fault.inside >= 0 else size + fault.inside
        plan.passing = min(max(wanted, 0), max(size - 1, 0))
        if plan.passing != wanted:
            plan.notes.append(f"cut: byte {fault.inside} is not inside of {size} bytes, took {plan.passing}")
    return Effect(f"cut ({fault.how}, toward {fault.toward}) after {plan.passing} of its {size} bytes")


def _reflect(fault: f.Reflect, plan: Plan, data: bytes) -> Effect:
    plan.back.append(data)
    if fault.instead:
        plan.take()
    return Effect(f"sent back to its sender{' instead of being forwarded' if fault.instead else ''}")


def _bytes_of(data: f.Data, plan: Plan, resolve: Resolve, *, framed: bool) -> bytes | None:
    found = data if isinstance(data, bytes) else resolve(data)
    if found is None:
        plan.notes.append("the frame to take is not captured yet")
        return None
    return reframe(plan.frame, found) if framed else found


def _position(fault: f.Flip | f.Edit, plan: Plan, size: int, last: int) -> int:
    if fault.offset < 0:
        wanted = size + fault.offset
    else:
        wanted = fault.offset + (0 if fault.header else plan.frame.header)
    at = min(max(wanted, 0), last)
    if at != wanted:
        plan.notes.append(f"byte {fault.offset} is not in a frame of {size} bytes, took byte {at}")
    return at

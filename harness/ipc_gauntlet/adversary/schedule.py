"""Schedules as JSON, and in words."""

from collections.abc import Sequence

import msgspec

from ipc_gauntlet.adversary import faults as f
from ipc_gauntlet.adversary.faults import Fault, Selector
from ipc_gauntlet.errors import UsageError

_decoder = msgspec.json.Decoder(list[Fault])


def schedule_to_json(faults: Sequence[Fault]) -> str:
    """Return a schedule as JSON text that `schedule_from_json` turns back into the same faults."""
    return msgspec.json.encode(list(faults)).decode()


def schedule_from_json(text: str | bytes) -> list[Fault]:
    """Return the faults of a JSON text.

    Raises:
        UsageError: When it is not a schedule; the message names the place.
    """
    try:
        return _decoder.decode(text)
    except msgspec.DecodeError as problem:  # also the base of ValidationError
        raise UsageError(f"not a fault schedule: {problem}") from problem


def describe_selector(at: Selector) -> str:
    """Return for example `c2s record 2 after the mark`."""
    return f"{at.direction} {at.label or 'frame'} {at.nth} {'after the mark' if at.since_mark else 'from the start'}"


def describe_fault(fault: Fault) -> str:
    """Say in one line what a fault is to do."""
    where = "" if fault.link == 0 else " on every link" if fault.link is None else f" on link {fault.link}"
    return _words(fault) + where


def _words(fault: Fault) -> str:
    match fault:
        case f.Flip():
            return f"flip mask {fault.mask:02x} of byte {_place(fault)} of {describe_selector(fault.at)}"
        case f.Edit():
            place = "at the end" if fault.append else f"at byte {_place(fault)}"
            return f"{place} of {describe_selector(fault.at)} delete {fault.delete}, insert {len(fault.insert)} bytes"
        case f.Replace():
            return f"replace {describe_selector(fault.at)} by {_source(fault.data)}"
        case f.Drop():
            return f"drop {fault.count}, beginning with {describe_selector(fault.at)}"
        case f.Duplicate():
            when = f"{fault.delay_frames} frames later" if fault.delay_frames else "at once"
            return f"send {describe_selector(fault.at)} {fault.copies} more time(s), {when}"
        case f.Inject():
            side = "before" if fault.before else "behind"
            return f"inject {_source(fault.data)} {side} {describe_selector(fault.at)}"
        case f.Cut():
            return (
                f"cut ({fault.how}, seen by {fault.toward}) {_cut_place(fault)} {describe_selector(fault.at)}"
            )
        case f.Swap():
            return f"swap {describe_selector(fault.at)} with the next"
        case f.Delay():
            return f"delay {describe_selector(fault.at)} by {fault.frames} frames"
        case f.Hold():
            return f"withhold {describe_selector(fault.at)} until released"
        case f.Reflect():
            return (
                f"reflect {describe_selector(fault.at)}{' instead of forwarding it' if fault.instead else ''}"
            )
        case _:
            return _link_words(fault)


def _link_words(fault: f.LinkFault) -> str:
    match fault:
        case f.InjectOnOpen():
            return f"inject {_source(fault.data)} in front of everything {fault.direction}"
        case f.Rechunk():
            return f"re-chunk {fault.direction}: {fault.sizes}"
        case f.Stall():
            after = f" after {describe_selector(fault.after)}" if fault.after is not None else ""
            return f"stall {fault.direction}{after}, {'discarding' if fault.reading else 'without reading'}"
        case f.Redirect():
            return f"redirect to {fault.address}"
        case f.Takeover():
            return f"attach to the server of link {fault.of}"


def _place(fault: f.Flip | f.Edit) -> str:
    return f"{fault.offset}{' (with header)' if fault.header else ''}"


def _source(data: f.Data) -> str:
    if isinstance(data, bytes):
        return f"{len(data)} bytes"
    return f"{describe_selector(data.at)} of link {data.link}"


def _cut_place(fault: f.Cut) -> str:
    if fault.inside is not None:
        return f"inside (byte {fault.inside})"
    return "after" if fault.after else "before"

"""A finding on the screen: what is required, what happened, where, the bytes with what they mean, and how to go on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ipc_gauntlet.cli.console import put
from ipc_gauntlet.fuzz.triage.case import case_name
from ipc_gauntlet.fuzz.triage.hexdump import decoded, plain
from ipc_gauntlet.fuzz.triage.packaged import home
from ipc_gauntlet.fuzz.work import digest
from ipc_gauntlet.report.text import one_line, visible

if TYPE_CHECKING:
    from rich.console import Console

    from ipc_gauntlet.fuzz.campaign.records import FindingState
    from ipc_gauntlet.fuzz.corpus.store import Store
    from ipc_gauntlet.fuzz.target import Target
    from ipc_gauntlet.fuzz.triage.saved import Saved

REQUIRED = {
    "crash": "every input is accepted or refused with {rejects}; no other exception leaves the parser",
    "native": "no input ends the process",
    "hang": "every input is answered within the limit",
    "memory": "no input makes the process use up its memory",
    "slow": "the time for an input grows as its length does, and not faster",
    "greedy": "the memory for an input grows as its length does, and not faster",
    "noncanonical": "a value has one encoding, and no other bytes are accepted for it",
    "disagreement": "the implementation and the reference judge and read every input alike",
    "wrong-answer": "an input is refused with the class of error that fits it",
    "residue": "an input that is refused leaves nothing behind",
}
"""What each kind of finding violates."""

_RAW_LINES = 16
_LONG = ("stack", "stderr", "said")


def print_finding(
    console: Console,
    saved: Saved,
    target: Target | None,
    state: FindingState | None,
    where: Store,
    options: str,
) -> None:
    """Print all that is known of a finding.

    Args:
        console: Where.
        saved: The finding.
        target: Its target, None if that is gone.
        state: What its campaign counted, None if there is no campaign.
        where: The store, for where a regression case would go.
        options: What commands need to find it: ` --store DIR`, or nothing.
    """
    case = saved.case
    put(console, (f"{case.kind.upper()}  ", "bold red"), (case.signature, "bold"), f"  {case.target}")
    for name, text in _facts(saved, target, state):
        put(console, (f"  {name + ':':<11}", "bold"), text)
    if case.frames:
        put(console, ("  stack:", "bold"))
        for frame in case.frames:
            put(console, f"    {frame.file}:{frame.line}  {frame.function}")
    put(console, ("  bytes:", "bold"))
    for line in _dump(case.data, target):
        put(console, f"    {visible(line)}")
    for name, text in case.details.items():
        if name in _LONG:
            put(console, (f"  {name}:", "bold"))
            for line in text.rstrip().splitlines()[-_RAW_LINES:]:
                put(console, (f"    {visible(line)}", "dim"))
        else:
            put(console, (f"  {one_line(name)}: ", "bold"), one_line(text, 200))
    name = saved.signature if saved.campaign is not None else str(saved.path)
    put(console, ("  replay:    ", "bold"), f"ipc-gauntlet fuzz replay {name}{options}")
    put(console, ("  fixed?     ", "bold"), f"ipc-gauntlet fuzz fix-check {name}{options}")
    put(
        console,
        ("  adopt:     ", "bold"),
        f"ipc-gauntlet fuzz adopt {name}{options}",
        (f"   makes {home(where) / case_name(case)}.json", "dim"),
    )


def _facts(saved: Saved, target: Target | None, state: FindingState | None) -> Iterator[tuple[str, str]]:
    case = saved.case
    if target is not None:
        yield "target", one_line(target.title, 200)
    yield "required", REQUIRED[case.kind].format(rejects=_rejects(target))
    yield "happened", one_line(case.message, 300)
    if case.expect != "no-finding":
        yield "expected", case.expect
    counted = f"seen {state.count} times" if state is not None else ""
    again = f"shown again by {case.reproduced} runs" if case.reproduced else "not triaged yet"
    yield "how often", ", ".join(part for part in (counted, again) if part)
    size = f"{len(case.data)} bytes"
    if case.minimised_from:
        size += f", minimised from {case.minimised_from}"
    more = f"; {len(saved.inputs)} inputs are saved" if len(saved.inputs) > 1 else ""
    yield "input", f"{size}, SHA-256 {digest(case.data)[:16]}{more}"
    yield "file", str(saved.path)
    if case.engine:
        yield "found by", f"{case.engine}, seed {case.seed}, execution {case.execution}"


def _rejects(target: Target | None) -> str:
    if target is None:
        return "what the target declares"
    return " or ".join(error.__name__ for error in target.rejects) or "nothing"


def _dump(data: bytes, target: Target | None) -> list[str]:
    parts = target.structure.explain(data) if target is not None and target.structure is not None else []
    return decoded(data, parts) if parts else plain(data, most=_RAW_LINES)

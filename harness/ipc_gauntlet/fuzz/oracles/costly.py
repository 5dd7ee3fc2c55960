"""Looks for inputs that cost more than their length is worth: time or memory that grows faster than the input does.

For some inputs of a corpus, the families of each are measured at sizes that double. Lines and memory are counted, so the
first look is exact. Work within the interpreter's own functions (copying a buffer for every byte) makes no lines; for
the families that make the parser do most, CPU time is measured as well, at larger sizes, and believed only if it shows
each of three times. Whatever a parser refuses at once costs the same at every size, and is left alone.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from ipc_gauntlet.fuzz.child.handle import Child
from ipc_gauntlet.fuzz.child.messages import MOST_LINES, Answer, Measure
from ipc_gauntlet.fuzz.findings import Finding, FindingKind, Frame
from ipc_gauntlet.fuzz.oracles.families import Family, families
from ipc_gauntlet.fuzz.oracles.growth import LIMIT, exponent_of_counts, exponent_of_times, sizes
from ipc_gauntlet.fuzz.signature import sign
from ipc_gauntlet.fuzz.target import Target
from ipc_gauntlet.fuzz.triage.budget import Budget

_LEAST_LINES = 2_000
_LEAST_PEAK = 256 << 10
_LEAST_NS = 3_000_000
_LINES_PER_BYTE = 2_000
_MANY_LINES = 100_000
_PEAK_PER_BYTE = 1_024
_HIGH_PEAK = 2 << 20
_TIMED_TOP = 1 << 18
_MOST_NS = 200_000_000
_POINTS = 4
_LEAST_FAMILIES = 4
_FLAT = 20
_TIMED = 3
_TIMES = 3
_TIMES_LIMIT = 1.6
"""Times are measured, not counted: quadratic work comes to 2 where it dominates, linear work to 1."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A family at several sizes.

    Attributes:
        family: Which.
        inputs: Its members, the smallest first.
        answers: What each cost.
    """

    family: Family
    inputs: tuple[bytes, ...]
    answers: tuple[Answer, ...]

    @property
    def per_byte(self) -> float:
        """Lines executed for each byte of the largest."""
        return self.answers[-1].lines / max(len(self.inputs[-1]), 1)


@dataclass(frozen=True, slots=True)
class _Seen:
    """What makes a finding.

    Attributes:
        what: What was measured; it also says how to measure it again.
        text: One line for a person.
        hot: Where most of the work was done.
        details: What is needed to measure it again.
    """

    what: str
    text: str
    hot: Frame | None = None
    details: dict[str, str] = field(default_factory=dict)


def costly(target: Target, child: Child, inputs: Sequence[bytes], budget: Budget) -> Iterator[Finding]:
    """Look at some inputs and their families.

    Args:
        target: What they are for.
        child: Where to execute them.
        inputs: The most promising first.
        budget: When to stop; counts families, of which a few are measured in any case.

    Raises:
        GauntletError: Inputs cannot be executed.
    """
    seen: set[str] = set()
    floor = _floor(child, inputs)
    promising: list[Measured] = []
    taken = 0
    for data in inputs:
        for finding in one_input(target, data, child.one(data, measure="count"), floor):
            yield from _new(finding, seen)
        for family in families(data, target):
            if not budget.take() and taken >= _LEAST_FAMILIES:
                break
            taken += 1
            measured = measure(family, target, child, counted_sizes(family, target), "count")
            if measured is None:
                continue
            for finding in judge_counts(target, measured):
                yield from _new(finding, seen)
            if not _is_flat(measured.inputs, measured.answers):
                promising.append(measured)
    promising.sort(key=lambda one: (-one.per_byte, one.family.recipe, one.family.base))
    for one in promising[:_TIMED]:
        if (slow := timed(target, child, one.family, one.answers[-1].hot)) is not None:
            yield from _new(slow, seen)


def _new(finding: Finding, seen: set[str]) -> Iterable[Finding]:
    if finding.signature in seen:
        return ()
    seen.add(finding.signature)
    return (finding,)


def _floor(child: Child, inputs: Sequence[bytes]) -> tuple[int, int]:
    """Lines and memory that any input costs: a session that has to be made first, for example."""
    answers = list(child.run([b"", *inputs[:8]], measure="count"))
    good = [answer for answer in answers if answer.finding is None]
    if not good:
        return 0, 0
    return min(answer.lines for answer in good), min(answer.peak for answer in good)


def one_input(target: Target, data: bytes, answer: Answer, floor: tuple[int, int]) -> Iterator[Finding]:
    """Findings of one input that costs far more than others do for as many bytes."""
    length = max(len(data), 1)
    lines, peak = answer.lines - floor[0], answer.peak - floor[1]
    if lines > _MANY_LINES and lines > _LINES_PER_BYTE * length:
        text = f"{len(data)} bytes make the parser execute {lines} lines"
        yield _finding(target, "slow", data, _Seen("amount", text, answer.hot))
    if peak > _HIGH_PEAK and peak > _PEAK_PER_BYTE * length:
        text = f"{len(data)} bytes make the parser allocate {peak >> 10} KiB"
        yield _finding(target, "greedy", data, _Seen("amount", text))


def counted_sizes(family: Family, target: Target) -> list[int]:
    """Sizes at which lines and memory are counted: up to the longest input, and four doublings in any case."""
    return sizes(max(target.longest, len(family.base) << 4), 8)


def measure(family: Family, target: Target, child: Child, at: Sequence[int], how: Measure) -> Measured | None:
    """Execute a family at some sizes, up to the one at which it takes too long.

    Returns:
        None if it has no members of these sizes, or they are other findings.
    """
    inputs: list[bytes] = []
    answers: list[Answer] = []
    for size in (one for one in at if one > len(family.base)):
        if len(inputs) == _POINTS and _is_flat(inputs, answers):
            break
        member = family.member(size, target)
        if member is None:
            break
        answer = child.one(member, measure=how)
        if answer.finding is not None or answer.lines >= MOST_LINES:
            break
        inputs.append(member)
        answers.append(answer)
        if answer.cpu_ns > _MOST_NS:
            break
    return Measured(family, tuple(inputs), tuple(answers)) if len(inputs) >= _POINTS else None


def _is_flat(inputs: Sequence[bytes], answers: Sequence[Answer]) -> bool:
    """Whether what was counted hardly grows with the input: the parser does not even look at most of it."""
    longer = len(inputs[-1]) - len(inputs[0])
    lines = answers[-1].lines - answers[0].lines
    return (
        answers[-1].cpu_ns == 0 and lines * _FLAT < longer and answers[-1].peak - answers[0].peak < longer * 4
    )


def judge_counts(target: Target, measured: Measured) -> Iterator[Finding]:
    """Findings of a family whose lines or memory grow too fast."""
    last = measured.answers[-1]
    lines = exponent_of_counts([answer.lines for answer in measured.answers])
    if lines > LIMIT and last.lines >= _LEAST_LINES:
        yield _grows(target, measured, "slow", "lines", lines, last.hot)
    peak = exponent_of_counts([answer.peak for answer in measured.answers])
    if peak > LIMIT and last.peak >= _LEAST_PEAK:
        yield _grows(target, measured, "greedy", "peak", peak, None)


def timed(target: Target, child: Child, family: Family, hot: Frame | None) -> Finding | None:
    """The finding of a family whose CPU time grows too fast, seen three times in a row.

    Args:
        target: What it is for.
        child: Where to execute it.
        family: Inputs of any size.
        hot: The function in which most lines are executed.
    """
    found: Finding | None = None
    for _ in range(_TIMES):
        measured = measure(family, target, child, sizes(_TIMED_TOP, 10), "time")
        if measured is None or measured.answers[-1].cpu_ns < _LEAST_NS:
            return None
        exponent = exponent_of_times([answer.cpu_ns for answer in measured.answers])
        if exponent <= _TIMES_LIMIT:
            return None
        found = _grows(target, measured, "slow", "cpu_ns", exponent, hot)
    return found


def _grows(
    target: Target, measured: Measured, kind: FindingKind, what: str, exponent: float, hot: Frame | None
) -> Finding:
    costs = [int(getattr(answer, what)) for answer in measured.answers]
    lengths = [len(data) for data in measured.inputs]
    words = {"lines": "lines executed", "peak": "bytes allocated", "cpu_ns": "nanoseconds of CPU time"}[what]
    text = f"{words} grow with the input's length to the power of {exponent:.1f}: " + ", ".join(
        f"{cost} for {length} bytes" for cost, length in zip(costs, lengths, strict=True)
    )
    details = {
        "recipe": measured.family.recipe,
        "base": base64.b64encode(measured.family.base).decode(),
        "exponent": f"{exponent:.2f}",
    }
    return _finding(target, kind, measured.inputs[-1], _Seen(what, text, hot, details))


def _finding(target: Target, kind: FindingKind, data: bytes, seen: _Seen) -> Finding:
    frames = (seen.hot,) if seen.hot is not None else ()
    where = f", most of it in {seen.hot.function} ({seen.hot.file}:{seen.hot.line})" if seen.hot else ""
    return Finding(
        target=target.name,
        kind=kind,
        signature=sign(kind, seen.what, frames, target.name),
        message=seen.text + where,
        input_b64=base64.b64encode(data).decode(),
        error=seen.what,
        frames=frames,
        details={"oracle": seen.what, **seen.details},
    )

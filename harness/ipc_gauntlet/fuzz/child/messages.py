"""What is said between a process that wants inputs executed and the one that executes them: a JSON object on each line."""

from __future__ import annotations

import base64
from typing import Literal

import msgspec

from ipc_gauntlet.fuzz.findings import Finding, Frame


class Orders(msgspec.Struct, frozen=True, kw_only=True):
    """The first line: what to load.

    Attributes:
        target: Name of the target that requests mean if they name none.
        module: Module or file that it comes from.
        measured: Prefixes of modules to instrument.
        coverage: Whether to instrument them; without, answers have no features.
        hang_seconds: One execution may take so long.
        memory_mb: The process may use so much memory beyond its start; 0 for no limit.
        driver: Command line of an implementation under test, for findings of the engine `driver` and pairs of verdicts.
    """

    target: str
    module: str
    measured: tuple[str, ...]
    coverage: bool = False
    hang_seconds: float = 0.5
    memory_mb: int = 512
    driver: str = ""


MOST_LINES = 300_000
"""An execution is cut short after so many lines when they are counted."""

Measure = Literal[
    "verdict",  # what the parser made of it
    "count",  # also: lines executed and where most of them were, peak of allocated memory
    "time",  # also: CPU time
]


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """Inputs to execute, in this order.

    Attributes:
        inputs: In base64.
        target: Another target of the same module; empty for the one of the orders.
        measure: What to find out about each.
        levels: Also tell the memory held after every so many inputs; 0 for not. Then all inputs are in one request.
    """

    inputs: tuple[str, ...]
    target: str = ""
    measure: Measure = "verdict"
    levels: int = 0


class Answer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one input did. One line for each input, written as soon as it is known.

    Attributes:
        accepted: Whether the parser took it.
        reason: Why not.
        finding: What it did that it must not.
        features: What it covered, if that is measured: numbers that mean the same until the process ends.
        lines: Lines of Python that were executed (measure `count`); no more than `MOST_LINES` are counted.
        hot: The function with most of these lines, within the measured modules if there is one.
        peak: Most bytes that were allocated at a time, beyond those before (measure `count`).
        cpu_ns: CPU time in nanoseconds (measure `time`).
        held: Bytes allocated after this input, -1 if that was not asked for.
        pair: Which check of the reference refused and what the implementation under test said, if there is one; then a
            finding is about that.
        theirs: Edges of the implementation, if its driver tells them.
        trouble: Why this input and those after it have no answer, through no fault of theirs; empty for none.
    """

    accepted: bool = False
    reason: str = ""
    finding: Finding | None = None
    features: tuple[int, ...] = ()
    lines: int = 0
    hot: Frame | None = None
    peak: int = 0
    cpu_ns: int = 0
    held: int = -1
    pair: str = ""
    theirs: tuple[int, ...] = ()
    trouble: str = ""

    @property
    def verdict(self) -> str:
        """The verdict as a word: `accepted`, `rejected:<reason>`, or the signature of the finding."""
        return self.finding.signature if self.finding is not None else self.said

    @property
    def said(self) -> str:
        """What the parser made of it, whatever else was found: `accepted` or `rejected:<reason>`."""
        return "accepted" if self.accepted else f"rejected:{self.reason}"


class Ready(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The first answer: the target is loaded, or why not.

    Attributes:
        error: Why not; empty if it is.
        usage: Whether that is the user's fault.
        edges: Edges that were instrumented.
    """

    error: str = ""
    usage: bool = False
    edges: int = 0


def pack(data: bytes) -> str:
    """An input as it stands in a request."""
    return base64.b64encode(data).decode("ascii")


def unpack(text: str) -> bytes:
    """The input that `pack` made this of."""
    return base64.b64decode(text)

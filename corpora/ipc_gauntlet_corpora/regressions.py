"""Inputs that once made a parser do what it must not, with what is expected of them: one JSON file for each.

Those that name a `parser` of the driver protocol are for anybody's implementation: a suite can hand them to `parse`.
Made by `ipc-gauntlet fuzz adopt`.
"""

import base64
import json
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any


@dataclass(frozen=True, slots=True)
class Frame:
    """A call on the stack of a finding.

    Args:
        file: Path below its import root.
        line: Line number at that time.
        function: Qualified name.
    """

    file: str
    line: int
    function: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Regression:
    """One case.

    Args:
        name: Name of its file, without the ending.
        target: The fuzz target that it was found with.
        kind: What went wrong: `crash`, `hang`, `noncanonical` and so on.
        signature: Groups findings with one cause.
        message: What happened then, in one line.
        input_b64: The input in base64.
        expect: `accepted`, `rejected:<reason class>`, `rejected`, or `no-finding`: whatever is no finding.
        parser: Name of the driver protocol's parser that reads the same bytes; empty if there is none.
        error: Type of the exception, if there was one.
        engine: What found it.
        frames: The stack, innermost last.
        details: Anything else, as short texts.
    """

    name: str
    target: str
    kind: str
    signature: str
    message: str
    input_b64: str
    expect: str = "no-finding"
    parser: str = ""
    error: str = ""
    engine: str = ""
    frames: tuple[Frame, ...] = ()
    details: dict[str, str] = field(default_factory=dict)

    @property
    def data(self) -> bytes:
        """The input."""
        return base64.b64decode(self.input_b64)

    @property
    def accepted(self) -> bool | None:
        """Whether the input is to be accepted; None where that is not said."""
        if self.expect == "accepted":
            return True
        return False if self.expect.startswith("rejected") else None

    @property
    def reason(self) -> str:
        """The reason class with which it is to be refused; empty where that is not said."""
        return self.expect.partition(":")[2]


@cache
def regressions() -> tuple[Regression, ...]:
    """All cases, in the order of their names."""
    folder = files("ipc_gauntlet_corpora") / "regressions"
    entries = sorted(
        (entry for entry in folder.iterdir() if entry.name.endswith(".json")), key=lambda entry: entry.name
    )
    return tuple(_read(entry.name.removesuffix(".json"), json.loads(entry.read_bytes())) for entry in entries)


def regressions_for(parser: str) -> tuple[Regression, ...]:
    """The cases for anybody's implementation of a parser, those that say what is expected.

    Args:
        parser: Its name in the driver protocol.
    """
    return tuple(case for case in regressions() if case.parser == parser and case.accepted is not None)


def _read(name: str, document: dict[str, Any]) -> Regression:
    known = {
        key: document[key]
        for key in (
            "target",
            "kind",
            "signature",
            "message",
            "input_b64",
            "expect",
            "parser",
            "error",
            "engine",
        )
        if key in document
    }
    frames = tuple(Frame(**frame) for frame in document.get("frames", ()))
    return Regression(name=name, frames=frames, details=dict(document.get("details", {})), **known)

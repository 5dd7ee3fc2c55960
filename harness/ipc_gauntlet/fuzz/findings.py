"""A finding: an input with which a target did what it must not, and all that is needed to see it again."""

from __future__ import annotations

import base64
from typing import Literal

import msgspec

FindingKind = Literal[
    "crash",  # an exception that the target does not declare
    "native",  # the process died: signal, abort, exit
    "hang",  # no answer within the limit
    "memory",  # the process hit its memory limit
    "slow",  # time grows faster than the input
    "greedy",  # memory grows faster than the input
    "noncanonical",  # accepted, but it is not the encoding of what it means
    "disagreement",  # two implementations judge differently
    "wrong-answer",  # refused with another class of error than the specification names
    "residue",  # a rejection left state or memory behind
]
"""What kind of thing went wrong."""


class Frame(msgspec.Struct, frozen=True):
    """One call on the stack, innermost last.

    Attributes:
        file: Path below its import root, with forward slashes: `sipc/cbor.py`.
        line: Line number, 0 if unknown.
        function: Qualified name.
    """

    file: str
    line: int
    function: str


class Finding(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One input and what it did.

    Attributes:
        schema: Version of this format.
        target: Name of the target.
        kind: What went wrong.
        signature: Groups findings with one cause: `kind:type:frames`, hashed; stable between runs and machines.
        message: One line for a person.
        input_b64: The input in base64.
        error: Type of the exception, if there was one.
        frames: The stack within the measured code, innermost last.
        engine: Which engine found it.
        seed: Seed of the slice that found it.
        execution: How many executions into its slice.
        details: Anything else worth knowing, as short texts.
    """

    schema: int = 1
    target: str
    kind: FindingKind
    signature: str
    message: str
    input_b64: str
    error: str = ""
    frames: tuple[Frame, ...] = ()
    engine: str = ""
    seed: int = 0
    execution: int = 0
    details: dict[str, str] = {}

    @property
    def data(self) -> bytes:
        """The input."""
        return base64.b64decode(self.input_b64)

    def to_json(self) -> bytes:
        """Encode, indented, ending with a newline."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n"


def from_json(text: bytes) -> Finding:
    """Decode.

    Raises:
        msgspec.ValidationError: It is not a finding.
        msgspec.DecodeError: It is not JSON.
    """
    return msgspec.json.decode(text, type=Finding)

"""What is fuzzed: one parser, what it may answer, and where its coverage is measured.

A target is data around one function from bytes to a value. It is made in the process that fuzzes, after the modules it
measures have been instrumented, so a module of targets must be cheap to import and must import the code under test at
its top.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any, Protocol

from ipc_gauntlet.errors import UsageError

LAYERS = (
    "frame",
    "negotiation",
    "handshake",
    "certificate",
    "cbor",
    "record",
    "fragment",
    "envelope",
    "token",
    "driver",
    "sequence",
    "other",
)
"""What a target's bytes are, from the outermost layer inwards."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a parser made of its input.

    Attributes:
        accepted: Whether it took the input.
        reason: Why not: a stable word such as a reason class; empty when accepted.
        value: What it made of it, comparable with `==`; None when refused.
    """

    accepted: bool
    reason: str = ""
    value: object = None


@dataclass(frozen=True, slots=True)
class Part:
    """One piece of an input, for a person who reads a finding.

    Attributes:
        offset: Where it begins.
        length: Its length in bytes.
        path: Name of the field, with the fields around it: `record.payload.tag`.
        value: What it says, as text.
        depth: How many fields are around it.
    """

    offset: int
    length: int
    path: str
    value: str
    depth: int = 0


class Structure(Protocol):
    """The wire schema of a target's bytes: makes, changes and explains inputs with their fields known.

    Everything is a pure function of its arguments. No method may raise for any bytes.
    """

    def generate(self, rng: Random) -> bytes:
        """Make an input that is valid or nearly so."""

    def mutate(self, data: bytes, rng: Random) -> bytes:
        """Change fields of an input; lengths, checksums and encodings around them are put right, or broken on purpose."""

    def smaller(self, data: bytes) -> Iterator[bytes]:
        """Inputs with less structure than this one, the smallest first; each is shorter or simpler."""

    def explain(self, data: bytes) -> list[Part]:
        """Name the fields of an input, as far as it can be read; the rest is one part named `rest`."""


def _no_seeds() -> Iterable[bytes]:
    return ()


def reason_of(error: BaseException) -> str:
    """The word for a rejection: the exception's attribute `reason`, else the name of its class."""
    reason = getattr(error, "reason", None)
    return reason if isinstance(reason, str) and reason else type(error).__name__


@dataclass(frozen=True, kw_only=True)
class Target:
    """One thing to fuzz.

    Attributes:
        name: Dotted, lower case, unique: `sipc.cbor`.
        title: One sentence: what is parsed, and what would be bad.
        layer: One of `LAYERS`.
        parse: From bytes to anything: what it returns means accepted, what it raises out of `rejects` means refused,
            everything else it raises is a finding. It must not keep state between calls.
        rejects: The exceptions with which the parser refuses. Declared as narrowly as the parser's documentation has it.
        reason: The stable word for a rejection.
        measured: Prefixes of modules whose branches count (`sipc.cbor` is itself and all below). Never empty.
        seeds: Valid inputs and interesting ones.
        tokens: Byte strings that mean something to the parser.
        structure: Its wire schema, None for plain bytes.
        encode: From an accepted value back to its bytes, None where there is no such thing.
        canonical: Whether each value has one encoding: then `encode(parse(data)) == data` must hold (RFC 8949 4.2).
        reach: Functions which a campaign must have entered, `module:qualified.name`; one that was not is reported, and
            the campaign is blind there.
        residue: What is kept between calls, as something comparable: it must be the same before and after a rejection.
        reference_parser: Name of the driver protocol's parser that reads the same bytes, empty for none.
        cases_for: Name of that parser where the target does more than it, such as to ask a second implementation: no
            driver is asked, and its regression cases are all the same for anybody's implementation of that parser.
        told: What that parser's answer has as the value of an accepted input, as JSON; with it another
            implementation's values are compared. Without it they are where values have one encoding, in base64.
        longest: No input is longer, in bytes.
        changed_with: Paths of files or folders, relative to a checkout, whose change makes the target worth a run on a
            pull request, beside the files of `measured`.
    """

    name: str
    title: str
    layer: str
    parse: Callable[[bytes], object]
    measured: tuple[str, ...]
    rejects: tuple[type[BaseException], ...] = ()
    reason: Callable[[BaseException], str] = reason_of
    seeds: Callable[[], Iterable[bytes]] = _no_seeds
    tokens: tuple[bytes, ...] = ()
    structure: Structure | None = None
    encode: Callable[[Any], bytes] | None = None
    canonical: bool = False
    reach: tuple[str, ...] = ()
    residue: Callable[[], object] | None = None
    reference_parser: str = ""
    cases_for: str = ""
    told: Callable[[bytes], object] | None = None
    longest: int = 4096
    changed_with: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        self._check_types()
        if not self.name or self.name != self.name.lower() or any(c in self.name for c in "/\\ :*?"):
            raise UsageError(f"the name of a fuzz target is dotted lower case, not {self.name!r}")
        if self.layer not in LAYERS:
            raise UsageError(f"target {self.name}: no layer {self.layer!r}; there are {', '.join(LAYERS)}")
        if not self.measured:
            raise UsageError(f"target {self.name}: name the modules whose coverage counts (`measured`)")
        if self.canonical and self.encode is None:
            raise UsageError(f"target {self.name}: `canonical` needs `encode`")

    def _check_types(self) -> None:
        """Say what is wrong where it is written: a forgotten comma makes a text of a tuple."""
        for field_, kind in (("name", str), ("title", str), ("layer", str)):
            if not isinstance(getattr(self, field_), kind):
                raise UsageError(
                    f"target {self.name}: `{field_}` must be a text, not {getattr(self, field_)!r}"
                )
        for field_, of in (("measured", str), ("reach", str), ("changed_with", str), ("tokens", bytes)):
            value = getattr(self, field_)
            if not isinstance(value, tuple) or not all(isinstance(one, of) for one in value):
                raise UsageError(
                    f"target {self.name}: `{field_}` must be a tuple of {of.__name__}, not {value!r}"
                )
        rejects: Any = self.rejects
        if not isinstance(rejects, tuple) or not all(
            isinstance(one, type) and issubclass(one, BaseException) for one in rejects
        ):
            raise UsageError(f"target {self.name}: `rejects` must be a tuple of exceptions, not {rejects!r}")
        if self.longest < 1:
            raise UsageError(f"target {self.name}: `longest` must be at least 1, not {self.longest}")

    @property
    def case_parser(self) -> str:
        """For whose implementations its regression cases are, empty for nobody's else."""
        return self.reference_parser or self.cases_for

    def judge(self, data: bytes) -> Verdict:
        """Parse once.

        Raises:
            BaseException: Whatever the parser raises beyond `rejects`: a finding.
        """
        try:
            value = self.parse(data)
        except self.rejects as error:
            return Verdict(False, self.reason(error))
        return Verdict(True, "", value)


Targets = Mapping[str, Target]
"""Targets by name."""

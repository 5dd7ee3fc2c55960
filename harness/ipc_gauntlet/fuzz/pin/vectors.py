"""Vectors for parsers: inputs with their verdicts, each with the checks that it pins.

They are JSON, for implementations in any language: who judges one otherwise lacks a check, or has one too many.

A check is named so that edits elsewhere in the file do not change its name: module, function, operator, a digest of the
code before and after, and which of several such places in the function it is.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import msgspec

from ipc_gauntlet.errors import GauntletError
from ipc_gauntlet.fuzz.pin.bench import Bench
from ipc_gauntlet.fuzz.pin.cover import Chosen
from ipc_gauntlet.fuzz.pin.mutants import Mutant
from ipc_gauntlet.fuzz.target import Target
from ipc_gauntlet.fuzz.work import write_whole

# Operators in the order in which they speak for a check: what a reader understands best comes first.
_SPEAKING = (
    "drop-raise",
    "drop-condition",
    "compare",
    "drop-reason",
    "subclass",
    "negate",
    "skip-branch",
    "drop-return",
    "drop-entry",
    "and-or",
    "drop-except",
    "pattern",
    "codec",
    "slice",
    "drop-statement",
)


class Pin(msgspec.Struct, frozen=True, kw_only=True):
    """A check that a vector pins.

    Attributes:
        id: Its stable name.
        function: Where it is: `sipc.cbor:_argument`.
        before: The code.
        after: What a parser without the check has there; `pass` or `-` for nothing.
    """

    id: str
    function: str
    before: str
    after: str


class Vector(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One input.

    Attributes:
        name: Unique within its parser.
        input: In base64.
        accepted: Whether a parser must accept it.
        reason: The class of the rejection.
        value: What the driver protocol's `parse` makes of it, if it was asked.
        why: One line for a person.
        pins: The checks that it was chosen for.
    """

    name: str
    input: str
    accepted: bool
    reason: str = ""
    value: object = None
    why: str = ""
    pins: tuple[Pin, ...] = ()

    @property
    def data(self) -> bytes:
        """The input."""
        return base64.b64decode(self.input)


class VectorFile(msgspec.Struct, frozen=True, kw_only=True):
    """All vectors of a parser.

    Attributes:
        schema: Version of this format.
        parser: Its name in the driver protocol.
        target: Name of the fuzz target it was made with.
        about: What this is, and how to make it again.
        mutants: How many mutants of the parser there were.
        pinned: How many of them the vectors pin.
        vectors: The vectors, the shortest first.
    """

    schema: int = 1
    parser: str
    target: str
    about: str
    mutants: int
    pinned: int
    vectors: tuple[Vector, ...]

    def to_json(self) -> bytes:
        """Encode, indented, ending with a newline."""
        return msgspec.json.format(msgspec.json.encode(self), indent=1) + b"\n"


def read_vectors(path: Path) -> VectorFile:
    """Read vectors.

    Raises:
        GauntletError: The file cannot be read, or is something else.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=VectorFile)
    except (OSError, msgspec.DecodeError) as error:
        raise GauntletError(f"cannot read parser vectors from {path}: {error}") from error


def write_vectors(file: VectorFile, folder: Path) -> Path:
    """Write vectors as `PARSER.json`.

    Raises:
        GauntletError: The file cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise GauntletError(f"cannot make the folder {folder}: {error.strerror or error}") from error
    path = folder / f"{file.parser}.json"
    write_whole(path, file.to_json())
    return path


def pin_ids(mutants: Iterable[Mutant]) -> dict[str, str]:
    """Stable names of mutants, by the names that tell their lines."""
    counts: dict[str, int] = {}
    found: dict[str, str] = {}
    for mutant in mutants:
        text = f"{mutant.before}\n{mutant.after}".encode()
        place = f"{mutant.module}:{mutant.function or '(module)'}"
        base = f"{place}:{mutant.operator}:{hashlib.sha256(text).hexdigest()[:10]}"
        count = counts.get(base, 0)
        counts[base] = count + 1
        found[mutant.name] = f"{base}:{count}" if count else base
    return found


def vector_file(bench: Bench, chosen: Sequence[Chosen], values: Mapping[bytes, object]) -> VectorFile:
    """Make vectors out of a minimal set.

    Args:
        bench: The mutants.
        chosen: The set.
        values: What the driver protocol's `parse` made of accepted inputs; may be empty.
    """
    target = bench.target
    parser = target.reference_parser or target.name
    ids = pin_ids(bench.made.all)
    ordered = sorted(chosen, key=lambda one: (len(one.data), one.data))
    vectors = tuple(
        _vector(bench, one, ids, f"{parser}-{number:03}", values) for number, one in enumerate(ordered, 1)
    )
    return VectorFile(
        parser=parser,
        target=target.name,
        about=(
            "Made by `ipc-gauntlet fuzz pin --write-vectors`, not by hand: inputs that tell the parser from copies of "
            "it that lack one check each (pins). See docs/fuzzing-pinning.md."
        ),
        mutants=len(bench.mutants),
        pinned=sum(len(one.pins) for one in chosen),
        vectors=vectors,
    )


def _vector(
    bench: Bench, one: Chosen, ids: Mapping[str, str], name: str, values: Mapping[bytes, object]
) -> Vector:
    outcome = bench.run(one.data).outcome
    mutants = [bench.mutants[at] for at in one.pins]
    return Vector(
        name=name,
        input=base64.b64encode(one.data).decode(),
        accepted=outcome[0] == "accepted",
        reason=outcome[1],
        value=values.get(one.data),
        why=_why(bench.target, one.data, mutants),
        pins=tuple(
            Pin(
                id=ids[mutant.name],
                function=f"{mutant.module}:{mutant.function or '(module)'}",
                before=mutant.before,
                after=mutant.after,
            )
            for mutant in mutants
        ),
    )


def _why(target: Target, data: bytes, mutants: Sequence[Mutant]) -> str:
    said = "accepted"
    try:
        target.parse(data)
    except target.rejects as error:
        said = " ".join(str(error).split()) or target.reason(error)
    if not mutants:
        return f"{said}; shows that a parser accepts what is right"
    rank = {name: at for at, name in enumerate(_SPEAKING)}
    first = min(mutants, key=lambda one: (rank.get(one.operator, len(rank)), one.name))
    where = first.function or first.module
    more = f", and {len(mutants) - 1} more" if len(mutants) > 1 else ""
    if first.operator == "drop-raise":
        return f"{said}; pins that {where} refuses it at all{more}"
    without = " left out" if first.after in ("pass", "-") else f" as `{first.after}`"
    return f"{said}; pins `{first.before}` in {where}, which{without} judges otherwise{more}"

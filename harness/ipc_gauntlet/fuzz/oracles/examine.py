"""All oracles that need more than one execution, for one target."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points
from importlib.resources import files

import msgspec

from ipc_gauntlet.errors import HarnessError
from ipc_gauntlet.fuzz.child.handle import Child
from ipc_gauntlet.fuzz.child.messages import Answer
from ipc_gauntlet.fuzz.corpus.store import Store
from ipc_gauntlet.fuzz.findings import Finding
from ipc_gauntlet.fuzz.oracles.answers import Expected, of_cases, wrong_answers
from ipc_gauntlet.fuzz.oracles.costly import costly
from ipc_gauntlet.fuzz.oracles.leak import leak
from ipc_gauntlet.fuzz.pin.vectors import VectorFile
from ipc_gauntlet.fuzz.target import Target
from ipc_gauntlet.fuzz.triage.budget import Budget
from ipc_gauntlet.fuzz.triage.packaged import packaged
from ipc_gauntlet.fuzz.triage.targets import Targets
from ipc_gauntlet.requirements import GROUP

_ACCEPTED = 6
_REFUSED = 4
_LOOKED_AT = 400
_PATIENCE = 4
_FAMILIES = 0.5


@dataclass(frozen=True, slots=True)
class Examined:
    """What was done for a target.

    Attributes:
        target: Its name.
        findings: What was found.
        families: Families of inputs that were measured.
        answers: Inputs with a known right answer that were executed.
        trouble: Why it could not be done; empty if it could.
    """

    target: str
    findings: tuple[Finding, ...] = ()
    families: int = 0
    answers: int = 0
    trouble: str = ""


def examine(name: str, targets: Targets, store: Store, seconds: float, seed: int = 1) -> Examined:
    """Look for what costs too much, is kept, or is answered wrongly.

    Args:
        name: Of the target.
        targets: Where it is found.
        store: Where its corpus is.
        seconds: Wall-clock time; half of it at least is for families of inputs, whatever the rest takes.
        seed: Of random choices.

    Raises:
        GauntletError: Inputs cannot be executed.
    """
    target = targets.get(name)
    orders = targets.orders(name)
    # What is measured here is far larger than what is fuzzed, and may take longer before it counts as a hang.
    orders = msgspec.structs.replace(orders, hang_seconds=orders.hang_seconds * _PATIENCE)
    begun = time.monotonic()
    found: dict[str, Finding] = {}
    with Child(orders) as child:
        inputs = chosen(target, child, store)
        expected = list(right_answers(target))
        findings = list(wrong_answers(target, child, expected))
        if (kept := leak(target, child, inputs, seed)) is not None:
            findings.append(kept)
        # The families get what is left, and something in any case.
        left = max(seconds - (time.monotonic() - begun), seconds * _FAMILIES)
        budget = Budget(seconds=left, clock=time.monotonic)
        findings += costly(target, child, inputs, budget)
    for finding in findings:
        found.setdefault(finding.signature, msgspec.structs.replace(finding, engine="oracles", seed=seed))
    return Examined(name, tuple(found.values()), budget.used, len(expected))


def chosen(target: Target, child: Child, store: Store) -> list[bytes]:
    """Inputs to grow, of a target's seeds and corpus: accepted ones first, short ones and busy ones in turn.

    A short one leaves room to grow in before there are too many lines to count; one that makes the parser do much goes
    where there is something to do.

    Raises:
        GauntletError: Inputs cannot be executed.
    """
    inputs = dict.fromkeys(bytes(data) for data in [*target.seeds(), *store.inputs(target.name)])
    short = [data for data in inputs if 0 < len(data) <= target.longest][:_LOOKED_AT]
    answers = list(zip(short, child.run(short, measure="count"), strict=True))
    good = [(data, answer) for data, answer in answers if answer.finding is None]
    accepted = _in_turn([pair for pair in good if pair[1].accepted], _ACCEPTED)
    refused = _in_turn([pair for pair in good if not pair[1].accepted], _REFUSED)
    return accepted + refused


def _in_turn(pairs: Sequence[tuple[bytes, Answer]], most: int) -> list[bytes]:
    shortest = sorted(pairs, key=lambda pair: (len(pair[0]), pair[0]))
    busiest = sorted(pairs, key=lambda pair: (-pair[1].lines, len(pair[0]), pair[0]))
    mixed = [pair for both in zip(shortest, busiest, strict=True) for pair in both]
    # The first of each verdict before a second of any.
    firsts = {answer.verdict: data for data, answer in reversed(mixed)}
    return list(dict.fromkeys([*reversed(firsts.values()), *(data for data, _ in mixed)]))[:most]


def right_answers(target: Target) -> Iterator[Expected]:
    """Inputs of installed corpora with the answer that is right for a target: regression cases and vectors.

    Raises:
        HarnessError: A package cannot be read.
    """
    yield from of_cases((one.case for one in packaged()), target)
    if target.reference_parser:
        for file in _vector_files():
            if file.parser == target.reference_parser:
                for vector in file.vectors:
                    answer = "accepted" if vector.accepted else f"rejected:{vector.reason}".rstrip(":")
                    yield Expected(vector.data, answer, f"vector {file.parser}/{vector.name}")


def _vector_files() -> Iterator[VectorFile]:
    """Vectors for parsers of installed corpora: their folder `vectors/parsers`."""
    for entry in entry_points(group=GROUP):
        folder = files(entry.module) / "vectors" / "parsers"
        if not folder.is_dir():
            continue
        for file in sorted(folder.iterdir(), key=lambda one: one.name):
            if file.name.endswith(".json"):
                try:
                    yield msgspec.json.decode(file.read_bytes(), type=VectorFile)
                except (OSError, msgspec.DecodeError) as error:
                    raise HarnessError(
                        f"cannot read the vectors {file.name} of {entry.value}: {error}"
                    ) from error

"""Asking an implementation's parser about a vector, and putting what is wrong into words."""

import base64
from collections.abc import Iterable
from dataclasses import dataclass

from ipc_gauntlet import CallFailed, Lab, NotApplicable
from ipc_gauntlet_corpora import ParserVector, parser_vectors, regressions_for, seed_targets, seeds

SHOWN = 5
_TOLD_NOTHING = ("", "unspecified")


@dataclass(frozen=True, slots=True)
class Reading:
    """What a parser made of a vector.

    Args:
        vector: The vector.
        accepted: Whether it took it; None if the call failed instead.
        reason: Why not, or what failed.
        value: What it made of it; None if it does not say.
    """

    vector: ParserVector
    accepted: bool | None
    reason: str
    value: object

    @property
    def right(self) -> bool:
        """Whether it was accepted or refused as it has to be."""
        return self.accepted is self.vector.accepted

    @property
    def other_value(self) -> bool:
        """Whether it says that the input means something else."""
        told = self.value is not None and self.vector.value is not None
        return self.vector.accepted and told and self.value != self.vector.value

    @property
    def other_reason(self) -> bool:
        """Whether it refuses, rightly, and gives another reason; one that tells none is not blamed."""
        told = self.reason not in _TOLD_NOTHING
        return self.accepted is False and self.right and told and self.reason != self.vector.reason

    def __str__(self) -> str:
        vector = self.vector
        shown = (
            vector.data.hex()
            if len(vector.data) <= 24
            else f"{vector.data[:24].hex()}… ({len(vector.data)} bytes)"
        )
        made = {True: "accepted", False: f"refused ({self.reason})", None: f"failed ({self.reason})"}[
            self.accepted
        ]
        if self.other_value:
            made += f" as {self.value!r}, not {vector.value!r}"
        return f"{vector.name} {shown}: {made}; {vector.why}"


def spellings(parser: str) -> list[ParserVector]:
    """The fuzz targets' seeds that are for a parser, and what fuzzing found once: more of what is right, and of what is not."""
    found: dict[bytes, ParserVector] = {}
    for target in seed_targets():
        given = seeds(target)
        for number, seed in enumerate(given.seeds if given.parser == parser else (), 1):
            verdict, _, reason = seed.verdict.partition(":")
            found.setdefault(
                seed.data,
                ParserVector(
                    name=f"{target}#{number}",
                    parser=parser,
                    data=seed.data,
                    accepted=verdict == "accepted",
                    reason=reason,
                    value=None,
                    why="a seed of the fuzz target",
                    pins=(),
                ),
            )
    for case in regressions_for(parser):
        if case.accepted or case.reason:
            found.setdefault(
                case.data,
                ParserVector(
                    name=case.name,
                    parser=parser,
                    data=case.data,
                    accepted=bool(case.accepted),
                    reason=case.reason,
                    value=None,
                    why=f"a parser failed here once: {case.message}",
                    pins=(),
                ),
            )
    return list(found.values())


class Parser:
    """One parser of the implementation under test.

    Args:
        lab: The case's lab.
        name: Of the parser, as the driver protocol has it.

    Raises:
        NotApplicable: The implementation does not have it.
    """

    def __init__(self, lab: Lab, name: str) -> None:
        if name not in lab.statement.parsers:
            raise NotApplicable(f"the implementation has no parser {name}")
        self._lab = lab
        self.name = name
        self.vectors = (*parser_vectors(name), *spellings(name))

    def read(self, vector: ParserVector) -> Reading:
        """Ask about one vector."""
        params = {"parser": self.name, "data": base64.b64encode(vector.data).decode()}
        try:
            answer = self._lab.call("server", "parse", params)
        except CallFailed as failure:
            return Reading(vector, None, str(failure), None)
        reason = answer.get("reason")
        return Reading(vector, answer["accepted"] is True, str(reason or ""), answer.get("value"))

    def read_all(self, accepted: bool) -> list[Reading]:
        """Ask about all vectors that must be accepted, or refused."""
        return [self.read(vector) for vector in self.vectors if vector.accepted is accepted]

    def control(self, accepted: bool) -> None:
        """The shortest vector that must be accepted, or refused, is: the parser does not say the same to everything.

        Raises:
            Inconclusive: It is not.
        """
        reading = self.read(next(vector for vector in self.vectors if vector.accepted is accepted))
        self._lab.require_control_that(reading.right, str(reading))

    def note_reasons(self, readings: Iterable[Reading]) -> None:
        """Put refusals with another reason class into the report."""
        other = [reading for reading in readings if reading.other_reason]
        for reading in other[:SHOWN]:
            self._lab.note(f"another reason than {reading.vector.reason}: {reading}")
        if len(other) > SHOWN:
            self._lab.note(f"{len(other) - SHOWN} more refusals with another reason")


def told(readings: list[Reading]) -> str:
    """Some readings in words."""
    shown = "; ".join(map(str, readings[:SHOWN]))
    return shown if len(readings) <= SHOWN else f"{shown}; and {len(readings) - SHOWN} more"

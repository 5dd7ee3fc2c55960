"""An implementation under test beside the reference: for findings of the engine `driver`, and for what it shows."""

from __future__ import annotations

from dataclasses import dataclass

from ipc_gauntlet.errors import UsageError
from ipc_gauntlet.fuzz.differential.answers import Trouble
from ipc_gauntlet.fuzz.differential.compare import compare, refer, troubled
from ipc_gauntlet.fuzz.differential.remote import RemoteParser
from ipc_gauntlet.fuzz.findings import Finding
from ipc_gauntlet.fuzz.target import Target


@dataclass(frozen=True, slots=True)
class Beside:
    """What an implementation made of an input.

    Attributes:
        pair: Which check of the reference refused, and what the implementation said.
        edges: What its driver told of its edges.
        finding: What it did that it must not.
    """

    pair: str
    edges: tuple[int, ...]
    finding: Finding | None


class Remote:
    """Judges inputs by the reference.

    Args:
        command: Command line of the implementation's driver.
        target: The reference, with the name of the driver protocol's parser.
        hang_seconds: One parse may take so long.

    Raises:
        UsageError: The target is of no parser, or the implementation does not have it.
        DriverStartError: The driver does not start.
    """

    def __init__(self, command: str, target: Target, hang_seconds: float) -> None:
        if not target.reference_parser:
            raise UsageError(f"the target {target.name} is of no parser of the driver protocol")
        self._target = target
        self._parser = RemoteParser(command, target.reference_parser, hang_seconds)
        self._parser.start()

    def judge(self, data: bytes) -> Beside:
        """What the implementation does with an input. The reference must have an answer to it.

        Raises:
            DriverStartError: The driver broke and does not start again.
        """
        outcome = self._parser.alone(data)
        reference = refer(self._target, data)
        pair = f"{reference.check} / {outcome.word}"
        if isinstance(outcome, Trouble):
            return Beside(pair, (), troubled(self._target, data, outcome))
        return Beside(pair, outcome.edges, compare(self._target, data, reference, outcome))

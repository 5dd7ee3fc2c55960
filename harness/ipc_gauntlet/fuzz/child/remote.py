"""An implementation under test beside the reference: for findings of the engine `driver`."""

from __future__ import annotations

from ipc_gauntlet.errors import UsageError
from ipc_gauntlet.fuzz.differential.answers import Trouble
from ipc_gauntlet.fuzz.differential.compare import compare, refer, troubled
from ipc_gauntlet.fuzz.differential.remote import RemoteParser
from ipc_gauntlet.fuzz.findings import Finding
from ipc_gauntlet.fuzz.target import Target


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

    def judge(self, data: bytes) -> Finding | None:
        """What the implementation does with an input that it must not. The reference must have an answer to it."""
        outcome = self._parser.alone(data)
        if isinstance(outcome, Trouble):
            return troubled(self._target, data, outcome)
        return compare(self._target, data, refer(self._target, data), outcome)

"""A bench without any driver: a case's lab does what the case asks for."""

import os
from pathlib import Path

import msgspec

from ipc_gauntlet.engine.cases import FoundCase
from ipc_gauntlet.engine.settings import Settings
from ipc_gauntlet.errors import DriverDied, DriverTimeout, Inconclusive


class ToyEvidence(msgspec.Struct):
    """A few members of the real evidence."""

    stage: str = "established"
    done: list[str] = []
    trace: list[str] = []
    notes: list[str] = []
    stderr: dict[str, str] = {}


class ToyLab:
    """What toy cases get as `lab`."""

    def __init__(self, case: FoundCase, settings: Settings) -> None:
        self.case, self.settings = case, settings
        self.judged = False
        self.evidence = ToyEvidence()

    def settle_verdict(self) -> None:
        """A case that judged nothing is inconclusive, like with the real lab."""
        if not self.judged:
            raise Inconclusive("the case judged nothing")

    def finish(self) -> ToyEvidence:
        """Hand over the evidence."""
        return self.evidence


class ToyBench:
    """Notes in a file which process made it and that it was closed."""

    def __init__(self, settings: Settings) -> None:
        self.notes = os.environ.get("TOY_NOTES")
        self.note("open")

    def note(self, text: str) -> None:
        """Append a line to the notes."""
        if self.notes:
            with Path(self.notes).open("a", encoding="utf-8") as file:
                file.write(f"{text} {os.getpid()}\n")

    def lab(self, case: FoundCase, settings: Settings) -> ToyLab:
        """Prepare a case; the one whose name says so finds its driver dead."""
        self.note(f"case {case.id}")
        if "dead_driver" in case.id:
            raise DriverDied("toy", "it ended with status 7")
        if case.id.startswith(os.environ.get("TOY_SILENT", "no case")):
            self.note("silent")
            raise DriverTimeout("toy", "no answer to listen within 30 s")
        return ToyLab(case, settings)

    def close(self) -> None:
        """Say so."""
        self.note("close")

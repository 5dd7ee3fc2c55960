"""A bench without drivers: the last word of the command is the flaw."""

import os
from dataclasses import dataclass
from pathlib import Path

from ipc_gauntlet.engine.cases import FoundCase
from ipc_gauntlet.engine.settings import Settings


@dataclass
class Evidence:
    """A member of the real evidence."""

    stage: str = "established"


class Lab:
    """What cases get."""

    def __init__(self, case: FoundCase, settings: Settings) -> None:
        self.flaw = settings.client.argv[-1]
        self.evidence = Evidence()
        if settings.client != settings.server:
            raise AssertionError("both ends are flawed alike")
        mark = os.environ.get("TOY_MARK")
        if mark and self.flaw != "dead-code":
            Path(mark).touch()
        notes_path = Path(os.environ["TOY_NOTES"])
        known = notes_path.read_text(encoding="utf-8") if notes_path.exists() else ""
        self.first_time = f"{self.flaw} {case.id} " not in known
        with notes_path.open("a", encoding="utf-8") as notes:
            notes.write(f"{self.flaw} {case.id} {os.getpid()}\n")

    def settle_verdict(self) -> None:
        """Every case judges something."""

    def finish(self) -> Evidence:
        """The evidence."""
        return self.evidence


class Bench:
    """Makes labs."""

    def __init__(self, settings: Settings) -> None:
        pass

    def lab(self, case: FoundCase, settings: Settings) -> Lab:
        """Prepare a case."""
        return Lab(case, settings)

    def close(self) -> None:
        """Nothing was opened."""

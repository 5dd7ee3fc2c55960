"""Runs one fuzzing slice as a campaign does: in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from ipc_gauntlet.fuzz.findings import Finding, from_json
from ipc_gauntlet.fuzz.spec import Result, Spec, read_result

TOYS = Path(__file__).resolve().parents[1] / "fuzz" / "engines" / "toys"


@dataclass(frozen=True)
class Slice:
    """What is left of a slice."""

    status: int
    stderr: str
    folder: Path

    @property
    def result(self) -> Result:
        """Its result, which must be there."""
        found = read_result(self.folder)
        assert found is not None, self.stderr
        return found

    @property
    def inputs(self) -> dict[str, bytes]:
        """What it kept."""
        return {path.name: path.read_bytes() for path in sorted((self.folder / "inputs").iterdir())}

    @property
    def findings(self) -> list[Finding]:
        """All that it wrote down."""
        return [from_json(path.read_bytes()) for path in sorted((self.folder / "findings").glob("*/*.json"))]

    def kinds(self) -> set[tuple[str, str]]:
        """Kind and error of its findings."""
        return {(finding.kind, finding.error) for finding in self.findings}


def spec_of(folder: Path, **orders: Any) -> Spec:  # noqa: ANN401 - members of Spec
    """Orders for the toy targets, unless they name others."""
    usual: dict[str, Any] = {
        "target": "toy.box",
        "module": str(TOYS / "toy_targets.py"),
        "measured": ("toy_parser", "toy_parser_late"),
        "hang_seconds": 30.0,
        "memory_mb": 0,
    }
    return Spec(**{**usual, "folder": str(folder), **orders})


def run_slice(folder: Path, *, patience: float = 90, cwd: Path | None = None, **orders: Any) -> Slice:  # noqa: ANN401
    """Run a slice to its end.

    Args:
        folder: Where it writes; made if it is not there.
        patience: How many seconds it may take.
        cwd: Its working folder.
        orders: Members of `Spec`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    orders_file = folder.parent / f"{folder.name}-spec.json"
    orders_file.write_bytes(msgspec.json.encode(spec_of(folder, **orders)))
    command = [sys.executable, "-m", "ipc_gauntlet.fuzz.slice", str(orders_file)]
    done = subprocess.run(
        command,
        stdin=subprocess.PIPE,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=patience,
        check=False,
        cwd=cwd or folder.parent,
    )
    return Slice(done.returncode, done.stderr, folder)

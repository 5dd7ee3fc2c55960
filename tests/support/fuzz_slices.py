"""Runs a slice in a process of its own, as campaigns do, and reads what it left."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import msgspec
from systems import import_path

from ipc_gauntlet.fuzz.findings import Finding, from_json
from ipc_gauntlet.fuzz.spec import Result, Spec, read_result

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Slice:
    """What a slice did.

    Attributes:
        folder: Its folder.
        status: Its exit status.
        said: Its standard error.
        result: What it said at its end, None if it did not come so far.
        findings: All that it wrote.
    """

    folder: Path
    status: int
    said: str
    result: Result | None
    findings: list[Finding]

    @property
    def ended(self) -> Result:
        """The result, which must be there."""
        assert self.result is not None, self.said
        return self.result

    def kept(self) -> list[str]:
        """Names of the inputs that it kept."""
        return sorted(path.name for path in (self.folder / "inputs").iterdir())


def written(spec: Spec) -> Path:
    """Write orders down."""
    folder = Path(spec.folder)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "spec.json"
    path.write_bytes(msgspec.json.encode(spec))
    return path


def start(spec: Spec, path: Path, hash_seed: int = 0) -> subprocess.Popen[str]:
    """Start a slice.

    Args:
        spec: Its orders.
        path: Folder of the module of targets.
        hash_seed: PYTHONHASHSEED.
    """
    variables = {
        **os.environ,
        "PYTHONPATH": import_path(path, ROOT),
        "PYTHONHASHSEED": str(hash_seed),
    }
    command = [sys.executable, "-m", "ipc_gauntlet.fuzz.slice", str(written(spec))]
    return subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env=variables,
        cwd=path,
    )


def end(spec: Spec, process: subprocess.Popen[str], seconds: float = 100) -> Slice:
    """Wait for a slice to end."""
    try:
        said = process.communicate(timeout=seconds)[1]
    finally:
        process.kill()
        process.wait()
    folder = Path(spec.folder)
    findings = [from_json(path.read_bytes()) for path in sorted(folder.glob("findings/*/*.json"))]
    return Slice(folder, process.returncode, said, read_result(folder), findings)


def run(spec: Spec, path: Path, hash_seed: int = 0) -> Slice:
    """Run a slice to its end."""
    return end(spec, start(spec, path, hash_seed))

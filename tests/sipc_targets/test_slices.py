"""A slice of each engine that runs everywhere: the marks are reached from the seeds on, and nothing is found."""

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from ipc_gauntlet.fuzz.spec import Spec, read_result
from sipc_targets import TARGETS

BY_NAME = {target.name: target for target in TARGETS}


@pytest.mark.parametrize("name", ["sipc.envelope", "sipc.session.responder"])
def test_a_short_slice_reaches_every_mark(name: str, tmp_path: Path) -> None:
    """Also what only a seed reaches, and no input that is kept after it."""
    target = BY_NAME[name]
    spec = Spec(
        target=name,
        module="sipc_targets",
        measured=target.measured,
        folder=str(tmp_path / "slice"),
        executions=500,
        longest=target.longest,
        hang_seconds=30.0,
    )
    orders = tmp_path / "spec.json"
    orders.write_bytes(msgspec.json.encode(spec))
    done = subprocess.run(
        [sys.executable, "-m", "ipc_gauntlet.fuzz.slice", str(orders)],
        capture_output=True,
        check=False,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    result = read_result(tmp_path / "slice")
    assert result is not None
    assert set(target.reach) - set(result.functions) == set()
    assert result.progress.findings == {}

"""What waiting costs on this machine: measured first, looked at again, and never forgotten."""

import sys
import tempfile

import pytest

from ipc_gauntlet.driver import DriverCommand
from ipc_gauntlet.lab import Bench, BenchConfig
from ipc_gauntlet.lab import bench as bench_module
from ipc_gauntlet.lab.timing import Noise, measure_noise


def test_bounds_become_wider_and_never_narrower(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that became busy is judged as a busy one from then on; one quiet moment does not change that."""
    seen = iter([0.01, 0.5, 0.02])
    monkeypatch.setattr(bench_module, "measure_noise", lambda *_args: Noise(next(seen)))
    command = DriverCommand(argv=(sys.executable, "-c", ""), name="none")
    with (
        tempfile.TemporaryDirectory(prefix="ig") as folder,
        Bench(BenchConfig(command, command, folder, seed=1)) as bench,
    ):
        first = bench.noise.upper(1.0)
        assert bench.noise_again().overshoot_s == 0.5
        busy = bench.noise.upper(1.0)
        assert bench.noise_again().overshoot_s == 0.02
        assert first < busy == bench.noise.upper(1.0)


def test_one_long_sleep_is_an_outlier(monkeypatch: pytest.MonkeyPatch) -> None:
    """The worst sample is thrown away, the second-worst counts; nothing is less than no noise."""
    lengths = [0.001] * 8 + [0.021, 3.0]
    now = [0.0]

    def sleep(_seconds: float) -> None:
        now[0] += lengths.pop()

    monkeypatch.setattr("time.sleep", sleep)
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    noise = measure_noise(samples=10)
    assert noise.overshoot_s == pytest.approx(0.020)
    assert noise.drowns(0.03)
    assert not noise.drowns(0.05)

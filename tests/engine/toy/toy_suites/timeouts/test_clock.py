"""Cases that measure time, and cases that end badly when they are asked to."""

import os
import signal
import sys
import time
from pathlib import Path

import psutil
import pytest

from ipc_gauntlet.declaration import case
from ipc_gauntlet.errors import TooNoisy
from toy_suites.toybench import ToyLab


@case("TIME-01", timing=True)
@pytest.mark.parametrize("number", range(4))
def test_measures(lab: ToyLab, number: int) -> None:
    """Claims to measure time; calls the machine too noisy once, when the environment names a file to remember that in."""
    lab.judged = True
    memory = os.environ.get("TOY_NOISE")
    if memory and not number and not Path(memory).exists():
        Path(memory).touch()
        raise TooNoisy("off by a second")


@case("TIME-02")
def test_kills_its_process(lab: ToyLab) -> None:
    """Ends the process that runs it when the environment says so."""
    lab.judged = True
    if os.environ.get("TOY_KILL"):
        psutil.Process().kill()


@case("TIME-03")
def test_hangs(lab: ToyLab) -> None:
    """Waits for as long as the environment says."""
    lab.judged = True
    time.sleep(float(os.environ.get("TOY_HANG", "0")))


@case("TIME-04")
def test_deaf(lab: ToyLab) -> None:
    """Blocks the signals that could interrupt it, for as long as the environment says."""
    lab.judged = True
    seconds = float(os.environ.get("TOY_DEAF", "0"))
    if seconds:
        if sys.platform == "win32":
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        else:
            signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])
        time.sleep(seconds)

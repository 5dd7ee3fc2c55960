"""What a killed program leaves behind on Windows: nothing."""

import os
import subprocess
import sys
import time

import psutil
import pytest
from systems import WINDOWS

pytestmark = pytest.mark.skipif(
    not WINDOWS, reason="POSIX ends workers with their input, and drivers with their parent"
)

PROGRAM = """
import os, subprocess, sys
from ipc_gauntlet.engine.processes import die_together
die_together()
none = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
child = subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(600)"], **none)
print(child.pid, flush=True)
if sys.argv[1] == "killed":
    os.kill(os.getpid(), 9)
"""


@pytest.mark.parametrize("how", ["killed", "ends"])
def test_nothing_outlives_a_program(how: str) -> None:
    """Not even a child that has no pipe to it; and its exit status is its own."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, how], stdout=subprocess.PIPE, env=dict(os.environ), check=False
    )
    assert done.returncode == (9 if how == "killed" else 0)
    pid, deadline = int(done.stdout), time.monotonic() + 30
    while psutil.pid_exists(pid):
        assert time.monotonic() < deadline
        time.sleep(0.01)

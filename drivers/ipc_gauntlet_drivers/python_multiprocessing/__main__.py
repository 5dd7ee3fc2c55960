"""`python -m ipc_gauntlet_drivers.python_multiprocessing`."""

from ipc_gauntlet.sdk import run
from ipc_gauntlet_drivers.python_multiprocessing.driver import MultiprocessingDriver

if __name__ == "__main__":
    run(MultiprocessingDriver())

"""A private directory, a leak check around every test, and a server and clients that run."""

import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sipc_running import Running

from sipc_runtime.clock import SYSTEM_CLOCK


def open_descriptors() -> set[str]:
    """Descriptors of this process."""
    return set(os.listdir("/dev/fd")) if sys.platform != "win32" else set()  # noqa: PTH208 - names only


def settled(condition: Callable[[], bool], seconds: float = 5.0) -> bool:
    """Wait until a condition holds."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


@pytest.fixture(autouse=True)
def no_leaks() -> Iterator[None]:
    """No descriptor and no thread outlives a test."""
    # The thread of the shared clock stays; it must be there before threads are counted.
    SYSTEM_CLOCK.call_at(SYSTEM_CLOCK.monotonic(), lambda: None)
    threads, descriptors = threading.active_count(), len(open_descriptors())
    yield
    assert settled(lambda: threading.active_count() <= threads), threading.enumerate()
    assert settled(lambda: len(open_descriptors()) <= descriptors)


@pytest.fixture
def private_dir() -> Iterator[Path]:
    """A directory with mode 0700 and a short name."""
    path = Path(tempfile.mkdtemp(prefix="sipc-"))
    yield path
    shutil.rmtree(path)


@pytest.fixture
def running(private_dir: Path) -> Iterator[Running]:
    """Makes servers and clients, and ends what a test leaves."""
    made = Running(private_dir)
    yield made
    made.end()

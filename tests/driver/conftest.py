"""Drivers to test the supervision with, and a check that nothing of them is left."""

import secrets
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from systems import descriptors

from ipc_gauntlet.driver import Driver, DriverCommand, SupervisionLimits
from ipc_gauntlet.reactor import Reactor, new_reactor

HERE = Path(__file__).resolve().parent
PLAIN = HERE.parent / "fixtures" / "plain_driver.py"

MakeDriver = Callable[..., Driver]


@pytest.fixture
def reactor() -> Iterator[Reactor]:
    """An event loop for one test."""
    made = new_reactor()
    yield made
    made.close()


@pytest.fixture
def token() -> str:
    """A word on the command line of every process that a test starts; a fork keeps it."""
    return f"token-{secrets.token_hex(8)}"


@pytest.fixture
def command(token: str) -> Callable[[str], DriverCommand]:
    """Make the command of a hostile driver, or of the plain one."""

    def make(name: str) -> DriverCommand:
        path = PLAIN if name == "plain" else HERE / "hostile" / f"{name}.py"
        assert path.is_file()
        return DriverCommand((sys.executable, str(path), token), name=name)

    return make


@pytest.fixture
def make_driver(
    reactor: Reactor, command: Callable[[str], DriverCommand], token: str
) -> Iterator[MakeDriver]:
    """Make drivers by name; after the test no process, zombie or descriptor of them may be left."""
    process = psutil.Process()
    before = descriptors()
    children = set(process.children(recursive=True))
    made: list[Driver] = []

    def make(name: str, label: str = "server", **limits: float) -> Driver:
        driver = Driver(command(name), reactor, label=label, limits=SupervisionLimits(**limits))
        made.append(driver)
        return driver

    yield make
    for driver in made:
        driver.close()
    assert processes_with(token) == []
    assert set(process.children(recursive=True)) == children
    assert descriptors() == before


def processes_with(word: str) -> list[psutil.Process]:
    """Find processes by a word on their command line."""
    found = psutil.process_iter(["cmdline"])
    return [process for process in found if word in (process.info["cmdline"] or [])]

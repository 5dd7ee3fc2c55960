"""One driver for all tests of a module, reset between them, and sessions within it."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sipc_program import Program, Session


@pytest.fixture(scope="module")
def directories() -> Iterator[list[Path]]:
    """Directories of a module's tests; removed after the driver's end, since Windows keeps what is in use."""
    made: list[Path] = []
    yield made
    for path in made:
        shutil.rmtree(path)


@pytest.fixture(scope="module")
def shared_program(directories: list[Path]) -> Iterator[Program]:
    """A driver that lives for a module, as it would for a run."""
    program = Program()
    yield program
    assert program.end() == 0


@pytest.fixture
def program(shared_program: Program) -> Program:
    """That driver, with nothing in it."""
    shared_program.reset()
    return shared_program


@pytest.fixture
def fresh() -> Iterator[Callable[[], Program]]:
    """Makes drivers that the test may kill."""
    made: list[Program] = []

    def make() -> Program:
        made.append(Program())
        return made[-1]

    yield make
    for one in made:
        one.process.kill()
        one.end()


@pytest.fixture
def directory(directories: list[Path]) -> Path:
    """A directory with mode 0700 and a short name."""
    directories.append(Path(tempfile.mkdtemp(prefix="sipc-")))
    return directories[-1]


@pytest.fixture
def session(program: Program, directory: Path) -> Session:
    """Makes sessions in the shared driver."""
    return Session(program, directory)

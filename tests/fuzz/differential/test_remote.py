"""A parser behind a driver: whatever it does, the input that did it is named, and the others get their answers."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import psutil
import pytest
from engine_slices import TOYS

from ipc_gauntlet.driver import DriverCommand
from ipc_gauntlet.errors import DriverDied, UsageError
from ipc_gauntlet.fuzz.differential.answers import Answer, Trouble, died
from ipc_gauntlet.fuzz.differential.remote import RemoteParser

GOOD = [b"BOX\x00" + bytes([size]) + b"a" * size for size in range(8)]
BAD = b"BOX\x77\x01z"
Make = Callable[..., RemoteParser]
ABORTED = "exit 3" if sys.platform == "win32" else "SIGABRT"


@pytest.fixture
def remote() -> Iterator[Make]:
    """Makes parsers by their habit; no process of them may be left."""
    before = set(psutil.Process().children(recursive=True))
    with ExitStack() as stack:

        def make(habit: str, hang_seconds: float = 10, memory_mb: int = 0) -> RemoteParser:
            command = str(DriverCommand((sys.executable, str(TOYS / "box_driver.py"), habit)))
            made = stack.enter_context(RemoteParser(command, "box", hang_seconds, memory_mb))
            made.start()
            return made

        yield make
    assert set(psutil.Process().children(recursive=True)) == before


def test_answers_come_in_order(remote: Make) -> None:
    """Verdict, reason and value of each input."""
    parser = remote("good")
    first, second = parser.run([b"BOX\x05\x01z", b"XYZ"])
    assert first == Answer(True, "", {"kind": 5, "body": "eg=="})
    assert second == Answer(False, "malformed")
    assert [one.word for one in parser.run(GOOD)] == ["accepted"] * 8
    assert parser.restarts == 0


@pytest.mark.parametrize(
    ("habit", "kind", "error", "message"),
    [
        ("exits", "native", "exit 3", "Assertion"),
        ("aborts", "native", ABORTED, ""),
        ("floods", "native", "flood", ""),
        ("babbles", "native", "no protocol", "not JSON"),
    ],
)
def test_a_death_is_of_the_input_that_did_it(
    remote: Make, habit: str, kind: str, error: str, message: str
) -> None:
    """Once in the middle, and twice in one batch; the others are answered."""
    parser = remote(habit)
    outcomes = parser.run([*GOOD, BAD, *GOOD, BAD, GOOD[0]])
    troubles = {at: one for at, one in enumerate(outcomes) if isinstance(one, Trouble)}
    assert set(troubles) == {8, 17}
    assert {(one.kind, one.error) for one in troubles.values()} == {(kind, error)}
    assert message in troubles[8].message
    assert parser.restarts
    assert parser.unexplained == 0
    assert parser.run(GOOD)[3].word == "accepted"


def test_what_an_assertion_says_has_no_numbers_in_its_cause(remote: Make) -> None:
    """Two inputs of different length that break one assertion are one cause."""
    one, other = remote("exits").run([BAD, b"BOX\x77\x03zzz"])
    assert isinstance(one, Trouble)
    assert isinstance(other, Trouble)
    assert one.message != other.message
    assert one.cause == other.cause != ""


def test_a_hang_is_of_the_input_that_does_not_come_back(remote: Make) -> None:
    """The batch stands still; alone it stands still, too."""
    outcomes = remote("hangs", 0.2).run([*GOOD, BAD, *GOOD])
    assert [at for at, one in enumerate(outcomes) if isinstance(one, Trouble)] == [8]
    trouble = outcomes[8]
    assert isinstance(trouble, Trouble)
    assert trouble.kind == "hang"


def test_a_parser_that_fails_and_lives_costs_nothing(remote: Make) -> None:
    """Error -32000: the finding is a crash, and the process is not replaced."""
    parser = remote("fails")
    outcomes = parser.run([GOOD[1], BAD, GOOD[2]])
    assert [one.word for one in outcomes] == ["accepted", "crash internal", "accepted"]
    assert parser.restarts == 0


def test_what_needs_the_inputs_before_it_says_so(remote: Make) -> None:
    """The third box of kind 2 ends the process, whichever it is."""
    parser = remote("remembers")
    outcomes = parser.run([GOOD[0], *[b"BOX\x02\x01" + bytes([n]) for n in range(5)]])
    troubles = [(at, one) for at, one in enumerate(outcomes) if isinstance(one, Trouble)]
    assert [at for at, _ in troubles] == [3]
    assert "3 inputs before it" in troubles[0][1].details["needs"]
    assert troubles[0][1].error == "exit 9"


def test_a_process_that_grows_is_replaced(remote: Make) -> None:
    """An implementation that leaks must not take the machine with it; one that does not is left alone."""
    batch = GOOD * 4
    for habit, grows in (("leaks", True), ("good", False)):
        parser = remote(habit, memory_mb=40)
        for _ in range(3 * 4096 // len(batch) + 2):
            parser.run(batch)
        assert bool(parser.grown) is grows
        assert parser.restarts == 0


def test_windows_tells_deaths_by_status() -> None:
    """An access violation is a word of its own, with its name for a person."""
    trouble = died(DriverDied("d", "gone"), 0xC0000005, "")
    assert trouble.error == "0xC0000005"
    assert "access violation" in trouble.message


def test_a_driver_without_the_parser_is_told_what_it_has(remote: Make) -> None:
    """And one that refuses what its statement names is told that."""
    with pytest.raises(UsageError, match="has no parser box; it has: other"):
        remote("other")
    with pytest.raises(UsageError, match="its statement names the parser box"):
        remote("denies").run([BAD])

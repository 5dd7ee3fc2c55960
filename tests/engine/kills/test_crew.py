"""Processes at work: what they tell, how they end, and that none is left."""

import itertools
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from systems import WINDOWS

from ipc_gauntlet.engine.kills import crew as crews
from ipc_gauntlet.engine.kills.crew import Crew, Order
from ipc_gauntlet.engine.kills.jobs import Job, Told

# What a process does is in the job's member `mark`.
WORKER = """
import json, os, subprocess, sys, time
what = json.loads(sys.stdin.read())["mark"]
def tell(**facts):
    print(json.dumps(facts), flush=True)
if what == "good":
    tell(live=True)
elif what == "nonsense":
    print("hello", flush=True)
elif what == "dies":
    print("a reason", file=sys.stderr)
    os._exit(7)
elif what == "hangs":
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
    tell(problem=str(child.pid))
    time.sleep(600)
elif what == "slow":
    tell(live=True)
    time.sleep(0.5)
tell(done=True)
"""


class Note:
    """What an order brought."""

    def __init__(self) -> None:
        self.told: list[Told] = []
        self.ended: tuple[bool, str] | None = None
        self.times: list[float] = []


Add = Callable[..., Note]


@pytest.fixture
def crew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Crew:
    """A crew of two whose processes do what the job says."""
    monkeypatch.setattr(crews, "_COMMAND", (sys.executable, "-c", WORKER))
    return Crew(2, tmp_path)


@pytest.fixture
def add(crew: Crew, monkeypatch: pytest.MonkeyPatch) -> Add:
    """Add an order."""

    def make(what: str, limit_s: float = 30.0, **more: Any) -> Note:  # noqa: ANN401 - passed on
        note = Note()

        def end(over: bool, problem: str) -> None:
            note.ended = over, problem
            note.times.append(time.monotonic())

        def job() -> Any:  # noqa: ANN401 - only the members that the process looks at
            note.times.append(time.monotonic())
            return None if what == "nothing" else {"mark": what}

        crew.add(Order(job, note.told.append, end, limit_s, **more))
        return note

    return make


def test_what_is_told(crew: Crew, add: Add) -> None:
    """Lines come as they are written; the end is told once."""
    note = add("good")
    crew.work()
    assert [one.live for one in note.told] == [True, False]
    assert note.ended == (False, "")


def test_nothing_to_do(crew: Crew, add: Add) -> None:
    """A job that has become pointless starts no process."""
    note = add("nothing")
    crew.work()
    assert (note.told, note.ended) == ([], (False, ""))


@pytest.mark.parametrize(
    ("what", "problem"),
    [("nonsense", "wrote nonsense"), ("dies", "died (status 7): a reason")],
)
def test_what_goes_wrong(crew: Crew, add: Add, what: str, problem: str) -> None:
    """It is said, and other jobs are done all the same."""
    bad, good = add(what), add("good")
    crew.work()
    assert bad.ended is not None
    assert problem in bad.ended[1]
    assert good.ended == (False, "")


def test_time_is_over(crew: Crew, add: Add) -> None:
    """The process goes, with everything it has started; what it told before is not lost."""
    note = add("hangs", limit_s=15 if WINDOWS else 1.5)  # a process takes its time to start under Wine
    crew.work()
    assert note.ended == (True, note.told[0].problem)
    assert _is_gone(int(note.told[0].problem))


def test_stop(crew: Crew, add: Add) -> None:
    """A crew that is stopped leaves nothing behind and tells no ends."""
    note, waiting = add("hangs"), add("good", timing=True)
    second = add("hangs")

    class Enough(Exception):
        pass

    def listen() -> None:
        original()
        if note.told and second.told:
            raise Enough

    original, crew._listen = crew._listen, listen  # type: ignore[method-assign]
    with pytest.raises(Enough):
        crew.work()
    crew.stop()
    assert note.ended is None
    assert waiting.ended in (None, (False, ""))
    assert all(_is_gone(int(one.told[0].problem)) for one in (note, second))


@pytest.mark.parametrize(("timing", "alone"), [(True, False), (False, True)])
def test_one_at_a_time(crew: Crew, add: Add, timing: bool, alone: bool) -> None:
    """Jobs that measure time do not overlap; nor does anything when asked for."""
    notes = [add("slow", timing=timing) for _ in range(3)]
    crew.work(alone=alone)
    spans = sorted((note.times[0], note.times[1]) for note in notes)
    assert all(first[1] <= second[0] for first, second in itertools.pairwise(spans))


def test_two_at_a_time(crew: Crew, add: Add) -> None:
    """Others do."""
    notes = [add("slow") for _ in range(2)]
    crew.work()
    spans = sorted((note.times[0], note.times[1]) for note in notes)
    assert spans[1][0] < spans[0][1]


def test_a_job_is_what_the_worker_reads() -> None:
    """The worker's entry point reads the type that the crew writes."""
    assert {"settings", "steps", "failure", "hungry", "mark_file"} <= set(Job.__struct_fields__)


def _is_gone(pid: int) -> bool:
    for _ in range(100):
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.Error:
            return True
        time.sleep(0.05)
    return False

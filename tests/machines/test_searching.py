"""The search itself: it repeats, it shortens, it passes on what is no verdict, it stops in time."""

import pytest
from hypothesis import strategies as st

from ipc_gauntlet import Finding, Inconclusive
from ipc_gauntlet_suites.machines.running import Budget, Machine, always, search, step

BUDGET = Budget(examples=60, steps=10, wall_s=60.0, shrink_s=20.0)


class Adder(Machine):
    """Adds numbers; 20 is too much."""

    def __init__(self, limit: int = 20) -> None:
        super().__init__()
        self.sum = 0
        self.limit = limit

    @step(number=st.sampled_from([1, 2, 5]))
    def add(self, number: int) -> None:
        self.sum += number
        self.did(f"add {number}")

    @step()
    def forget(self) -> None:
        self.sum = 0
        self.did("forget")

    @always
    def small(self) -> None:
        if self.sum > self.limit:
            self.require(Finding(f"at most {self.limit}", str(self.sum), "too-much"))


def test_a_bad_schedule_is_made_short() -> None:
    found = search(Adder, BUDGET, 1)
    assert found.finding == Finding("at most 20", str(found.finding and found.finding.seen), "too-much")
    assert "forget" not in found.schedule
    assert len(found.schedule) <= 6


def test_the_same_seed_makes_the_same_schedules() -> None:
    made: list[list[list[str]]] = []
    for _ in range(2):
        machines: list[Adder] = []

        def make(machines: list[Adder] = machines) -> Adder:
            machines.append(Adder(1000))
            return machines[-1]

        search(make, BUDGET, 7)
        made.append([machine.schedule for machine in machines])
    assert made[0] == made[1]
    assert len({tuple(schedule) for schedule in made[0]}) > 20


def test_other_seeds_make_other_schedules() -> None:
    schedules = {search(Adder, Budget(60, 10, shrink_s=0.0), seed).schedule for seed in range(6)}
    assert len(schedules) > 1


def test_what_is_no_verdict_ends_the_search_at_once() -> None:
    class Failing(Machine):
        tries = 0

        @step()
        def fail(self) -> None:
            Failing.tries += 1
            raise Inconclusive("nobody there")

    with pytest.raises(Inconclusive, match="nobody there"):
        search(Failing, BUDGET, 1)
    assert Failing.tries == 1


def test_the_end_is_judged_once_and_everything_is_given_back() -> None:
    ends: list[str] = []

    class Ending(Machine):
        @step()
        def nothing(self) -> None:
            self.did("nothing")

        def finish(self) -> None:
            ends.append("finish")

        def release(self) -> None:
            ends.append("release")

    found = search(Ending, Budget(5, 2), 1)
    assert ends == ["finish", "release"] * (len(ends) // 2)
    assert found.schedules == len(ends) // 2


def test_a_finding_at_the_end_counts() -> None:
    class Ending(Machine):
        @step()
        def nothing(self) -> None:
            self.did("nothing")

        def finish(self) -> None:
            self.require(Finding("nothing left", "something", "left"))

    assert search(Ending, BUDGET, 1).finding == Finding("nothing left", "something", "left")


def test_a_finding_that_does_not_come_again_is_kept() -> None:
    class Moody(Machine):
        bad = True

        @step()
        def look(self) -> None:
            self.did("look")
            if Moody.bad:
                Moody.bad = False
                self.require(Finding("a good mood", "a bad one", "mood"))

    found = search(Moody, BUDGET, 1)
    assert found.finding is not None
    assert found.finding.reason == "mood"


def test_no_schedule_is_begun_when_the_time_is_over() -> None:
    assert search(Adder, Budget(60, 10, wall_s=-1.0), 1).schedules == 0

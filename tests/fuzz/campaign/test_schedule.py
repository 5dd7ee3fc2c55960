"""Who works next: first slices, canaries in between, nobody for ever."""

import itertools
from typing import Any

import pytest

from ipc_gauntlet.fuzz.campaign.budget import FIRST_LONGEST
from ipc_gauntlet.fuzz.campaign.records import Plan, TargetPlan
from ipc_gauntlet.fuzz.campaign.schedule import Assignment, Schedule
from ipc_gauntlet.fuzz.campaign.state import Account


def _schedule(*names: str, **changes: Any) -> Schedule:  # noqa: ANN401 - members of Plan
    targets = {name: TargetPlan(module="m", measured=("m",)) for name in names or ("a", "b", "c")}
    usual: dict[str, Any] = {"name": "test", "seconds": 600.0, "jobs": 1}
    return Schedule(plan=Plan(targets=targets, **{**usual, **changes}))


class Played:
    """Plays a campaign without processes: every slice ends as it should."""

    def __init__(
        self, schedule: Schedule, canary: str = "caught", pay: dict[str, float] | None = None
    ) -> None:
        self.schedule = schedule
        self.accounts = {name: Account(target=name) for name in schedule.plan.targets}
        self.log: list[Assignment] = []
        self._canary = canary
        self._pay = pay or {}
        self._learn()

    def _learn(self) -> None:
        self.schedule.learn(list(self.accounts.values()))

    def play(self, left: float | None, steps: int = 1000) -> "Played":
        """Play until the time is over."""
        for _ in range(steps):
            chosen = self.schedule.next(left)
            if chosen is None:
                break
            self.schedule.begin(chosen)
            took = 1.5 if chosen.canary else chosen.seconds + 0.5
            self.end(chosen, took)
            if left is not None:
                left -= took
        return self

    def end(self, chosen: Assignment, took: float, **changes: Any) -> None:  # noqa: ANN401 - members of Account
        """What was chosen ends."""
        self.log.append(chosen)
        before = self.accounts[chosen.target]
        told: dict[str, Any] = (
            {"canaries": {**before.canaries, chosen.engine: self._canary}}
            if chosen.canary
            else {"slices": before.slices + 1, "with_code": before.with_code + 1}
        )
        if chosen.canary:
            self.schedule.landed(chosen.target)
        else:
            given, passed = self.schedule.finish(chosen.target, chosen.seconds, took)
            told |= {"given": given, "passed": passed, "pay": self._pay.get(chosen.target, 0.0)}
        values = {name: getattr(before, name) for name in Account.__dataclass_fields__}
        self.accounts[chosen.target] = Account(**{**values, **told, **changes})
        self._learn()


def _words(log: list[Assignment]) -> list[str]:
    return [f"{one.target}{'!' if one.canary else ''}" for one in log]


def test_with_time_enough_the_canary_comes_before_the_first_slice() -> None:
    played = Played(_schedule()).play(600.0, steps=6)
    assert _words(played.log) == ["a!", "b!", "c!", "a", "b", "c"]
    assert played.log[3].seconds == FIRST_LONGEST


def test_with_little_time_all_first_slices_come_before_the_first_canary() -> None:
    names = tuple(f"t{number:02}" for number in range(25))
    played = Played(_schedule(*names)).play(60.0)
    assert _words(played.log)[:25] == list(names)
    assert [one.target for one in played.log if one.canary] == list(names)[
        : sum(one.canary for one in played.log)
    ]


def test_without_canaries_none_flies() -> None:
    assert not any(one.canary for one in Played(_schedule(canary=False)).play(60.0).log)


def test_each_canary_flies_once_when_it_is_caught() -> None:
    played = Played(_schedule()).play(3600.0)
    assert sum(one.canary for one in played.log) == 3


def test_every_engine_flies_its_canary_on_every_target_before_that_counts() -> None:
    played = Played(_schedule("a", "b", engines=("x", "y"))).play(600.0, steps=8)
    flights = [f"{one.target}{one.engine}" for one in played.log if one.canary]
    assert flights == ["ax", "bx", "ay", "by"]
    assert all(one.canary for one in played.log[:4])


def test_an_engine_that_was_refused_flies_no_canary() -> None:
    schedule = _schedule("a", engines=("x", "y"))
    played = Played(schedule)
    schedule.refuse("a", "y")
    assert [one.engine for one in played.play(600.0, steps=6).log if one.canary] == ["x"]


def test_after_its_code_changed_a_target_is_new_again() -> None:
    """With a budget of two seconds all get a slice before any canary flies, or there would be nothing to judge by."""
    schedule = _schedule("a", "b")
    schedule.learn([Account(target=name, slices=50, with_code=0, given=500.0) for name in "ab"])
    chosen = schedule.next(2.0)
    assert chosen is not None
    assert (chosen.canary, chosen.target) == (False, "a")


def test_a_missed_canary_flies_again_when_the_corpus_has_grown() -> None:
    played = Played(_schedule("a", jobs=1), canary="missed").play(3600.0)
    flights = [place for place, one in enumerate(played.log) if one.canary]
    assert 3 <= len(flights) <= 6
    gaps = [after - before for before, after in itertools.pairwise(flights)]
    assert gaps == sorted(gaps)


def test_a_canary_that_cannot_fly_is_not_tried_again() -> None:
    played = Played(_schedule("a"), canary="none: nothing can be planted").play(3600.0)
    assert sum(one.canary for one in played.log) == 1


def test_a_blind_target_draws_no_time_from_the_others() -> None:
    played = Played(_schedule("a", "b", canary=True), canary="missed", pay={"a": 1000.0}).play(3600.0)
    seconds = {name: sum(one.seconds for one in played.log if one.target == name) for name in "ab"}
    assert seconds["a"] == pytest.approx(seconds["b"], rel=0.1)


def test_what_pays_gets_more() -> None:
    played = Played(_schedule("a", "b", "c"), pay={"b": 50.0}).play(7200.0)
    seconds = {name: sum(one.seconds for one in played.log if one.target == name) for name in "abc"}
    assert seconds["b"] > 5 * seconds["a"] > 0
    assert seconds["a"] == pytest.approx(seconds["c"], rel=0.3)


def test_weights_count() -> None:
    played = Played(_schedule("a", "b", weights={"b": 3.0}, canary=False)).play(7200.0)
    seconds = {name: sum(one.seconds for one in played.log if one.target == name) for name in "ab"}
    assert seconds["b"] == pytest.approx(3 * seconds["a"], rel=0.1)


def test_the_same_results_give_the_same_choices() -> None:
    def once() -> list[Assignment]:
        return Played(_schedule(*"abcde"), pay={"b": 7.0, "d": 3.0}).play(3000.0).log

    assert once() == once()


def test_engines_take_turns() -> None:
    played = Played(_schedule("a", engines=("x", "y"), canary=False)).play(600.0, steps=6)
    assert [one.engine for one in played.log] == ["x", "y", "x", "y", "x", "y"]
    assert [one.number for one in played.log] == [0, 1, 2, 3, 4, 5]


def test_an_engine_that_refuses_is_left_out_and_the_last_one_is_not() -> None:
    schedule = _schedule("a", engines=("x", "y"), canary=False)
    played = Played(schedule)
    assert schedule.refuse("a", "x")
    assert not schedule.refuse("a", "y")
    assert {one.engine for one in played.play(600.0, steps=4).log} == {"y"}


def test_targets_that_are_given_up_are_left_out() -> None:
    schedule = _schedule("a", "b", canary=False)
    played = Played(schedule)
    first = schedule.next(600.0)
    assert first is not None
    schedule.begin(first)
    played.end(first, 1.0, broken_in_a_row=3)
    assert {one.target for one in played.play(600.0, steps=5).log[1:]} == {"b"}
    assert not schedule.is_hopeless()
    last = schedule.next(600.0)
    assert last is not None
    schedule.begin(last)
    played.end(last, 1.0, broken_in_a_row=3)
    assert schedule.is_hopeless()
    assert schedule.next(600.0) is None


def test_when_the_time_is_over_nothing_is_next() -> None:
    assert Played(_schedule()).schedule.next(0.0) is None
    assert Played(_schedule()).schedule.next(None) is not None


def test_two_jobs_begin_with_two_targets() -> None:
    schedule = _schedule("a", "b", jobs=2, canary=False)
    Played(schedule)
    first = schedule.next(600.0)
    assert first is not None
    schedule.begin(first)
    second = schedule.next(600.0)
    assert second is not None
    assert {first.target, second.target} == {"a", "b"}


def test_a_canary_that_is_held_waits_and_then_flies() -> None:
    schedule = _schedule("a", "b")
    Played(schedule)
    first = schedule.next(600.0)
    assert first is not None
    assert (first.target, first.canary) == ("a", True)
    schedule.begin(first)
    assert schedule.due() == {"b"}
    schedule.hold(("a", "b"))
    assert schedule.due() == frozenset()
    meanwhile = schedule.next(600.0)
    assert meanwhile is not None
    assert not meanwhile.canary
    schedule.release(("a", "b"))
    assert schedule.due() == {"a", "b"}
    again = schedule.next(600.0)
    assert again is not None
    assert (again.target, again.canary) == ("a", True)

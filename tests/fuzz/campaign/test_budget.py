"""The budget: nobody starves, what pays gets more, the same results give the same choice."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipc_gauntlet.fuzz.campaign.budget import (
    FIRST_PART,
    FLOOR,
    SHORTEST,
    Candidate,
    Room,
    advance,
    choose,
    shares,
    slice_seconds,
)

_NUMBERS = st.floats(0, 1e6, allow_nan=False)
_CANDIDATES = st.lists(
    st.builds(
        Candidate,
        target=st.text("ab", min_size=1, max_size=3),
        weight=st.floats(0.01, 1000),
        given=_NUMBERS,
        passed=_NUMBERS,
        pay=_NUMBERS,
        slices=st.integers(0, 5),
        running=st.integers(0, 3),
    ),
    min_size=1,
    max_size=12,
)


@given(_CANDIDATES)
def test_shares_are_a_whole_and_nobody_has_less_than_the_floor(candidates: list[Candidate]) -> None:
    parts = shares(candidates)
    assert sum(parts) == pytest.approx(1)
    weights = sum(one.weight for one in candidates)
    for one, part in zip(candidates, parts, strict=True):
        assert part >= FLOOR * one.weight / weights * 0.999


@given(_CANDIDATES)
def test_who_pays_more_for_its_weight_gets_no_less(candidates: list[Candidate]) -> None:
    ranked = sorted(zip(candidates, shares(candidates), strict=True), key=lambda pair: pair[0].pay)
    for (_, less), (_, more) in zip(
        [(one, part / one.weight) for one, part in ranked],
        [(one, part / one.weight) for one, part in ranked[1:]],
        strict=False,
    ):
        assert more >= less * 0.999


@given(_CANDIDATES, st.floats(0.5, 60))
def test_the_choice_is_a_function_and_first_slices_come_first(
    candidates: list[Candidate], seconds: float
) -> None:
    place = choose(candidates, seconds)
    assert place == choose([replace(one) for one in candidates], seconds)
    if any(one.slices == 0 for one in candidates):
        assert candidates[place].slices == 0
        assert all(one.slices for one in candidates[:place])


@given(
    weights=st.lists(st.floats(0.1, 10), min_size=1, max_size=8),
    pays=st.lists(st.lists(st.floats(0, 1000), min_size=1, max_size=5), min_size=8, max_size=8),
    seconds=st.floats(0.5, 30),
    steps=st.integers(10, 300),
)
def test_no_target_is_ever_far_below_its_floor(
    weights: list[float], pays: list[list[float]], seconds: float, steps: int
) -> None:
    """Whatever pays, and however that changes on the way."""
    all_of_them = [Candidate(target=str(place), weight=weight) for place, weight in enumerate(weights)]
    for step in range(steps):
        place = choose(all_of_them, seconds)
        one = all_of_them[place]
        part = shares(all_of_them)[place]
        all_of_them[place] = replace(
            one,
            given=one.given + seconds,
            passed=advance(one, part, seconds),
            slices=one.slices + 1,
            pay=pays[place][step % len(pays[place])],
        )
        total = sum(one.given for one in all_of_them)
        if all(one.slices for one in all_of_them):
            # One of several that starve is served at a time.
            allowed = seconds * (len(all_of_them) + 1)
            for one in all_of_them:
                assert one.given >= FLOOR * one.weight / sum(weights) * total - allowed


def _simulate(pays: list[float], steps: int) -> list[float]:
    targets = [Candidate(target=str(place)) for place in range(len(pays))]
    for _ in range(steps):
        place = choose(targets, 1.0)
        part = shares(targets)[place]
        targets[place] = replace(
            targets[place],
            given=targets[place].given + 1,
            passed=advance(targets[place], part, 1.0),
            slices=targets[place].slices + 1,
            pay=pays[place],
        )
    return [one.given for one in targets]


def test_time_goes_where_it_pays() -> None:
    given_to = _simulate([90.0, 10.0, 0.0], 600)
    assert given_to[0] > 3 * given_to[1] > 3 * given_to[2]
    assert given_to[2] >= 600 * FLOOR / 3 - 4


def test_where_nothing_pays_all_get_the_same() -> None:
    assert max(_simulate([0.0] * 4, 400)) - min(_simulate([0.0] * 4, 400)) <= 1


def test_a_target_that_begins_to_pay_is_served_soon() -> None:
    old = Candidate(target="old", given=1000, passed=1100, pay=0.0, slices=50)
    new = Candidate(target="new", given=200, passed=1101, pay=50.0, slices=10)
    served = 0
    targets = [old, new]
    for _ in range(20):
        place = choose(targets, 10.0)
        targets[place] = replace(
            targets[place],
            given=targets[place].given + 10,
            passed=advance(targets[place], shares(targets)[place], 10.0),
        )
        served += place
    assert served >= 15


@given(
    st.builds(
        Room,
        longest=st.floats(1, 600),
        left=st.one_of(st.none(), st.floats(-5, 1e5)),
        reserve=st.floats(0, 1e5),
        jobs=st.integers(1, 64),
        fresh=st.integers(0, 50),
        targets=st.integers(50, 60),
        overhead=st.floats(0, 5),
    )
)
def test_slices_are_never_too_short_or_too_long(room: Room) -> None:
    seconds = slice_seconds(room)
    assert SHORTEST <= seconds <= room.longest
    if room.left is not None and room.left > SHORTEST:
        assert seconds <= room.left


@pytest.mark.parametrize(("targets", "jobs"), [(25, 1), (25, 2), (12, 2), (60, 4), (1, 1)])
def test_in_a_minute_every_target_gets_its_first_slice_by_half_time(targets: int, jobs: int) -> None:
    overhead, clock = 0.6, [0.0] * jobs
    for done in range(targets):
        now = min(clock)
        room = Room(
            longest=30,
            left=60 - now,
            reserve=60 * (1 - FIRST_PART),
            jobs=jobs,
            fresh=targets - done,
            targets=targets,
            overhead=overhead,
        )
        clock[clock.index(now)] = now + slice_seconds(room) + overhead
    # All begin in the first half; the last of them ends one slice later.
    assert max(clock) <= 60 * FIRST_PART * (1 + jobs / targets) + SHORTEST + overhead

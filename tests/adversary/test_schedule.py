"""Schedules: JSON there and back, rules for their values, words."""

import json
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipc_gauntlet.adversary import (
    Cut,
    Delay,
    Drop,
    Duplicate,
    Edit,
    Fault,
    Flip,
    Hold,
    Inject,
    InjectOnOpen,
    Rechunk,
    Recorded,
    Redirect,
    Reflect,
    Replace,
    Selector,
    Stall,
    Swap,
    Takeover,
    describe_fault,
    schedule_from_json,
    schedule_to_json,
)
from ipc_gauntlet.errors import UsageError

ways = st.sampled_from(["c2s", "s2c"])
both = st.sampled_from(["c2s", "s2c", "both"])
at = st.builds(Selector, ways, st.integers(0, 99), st.none() | st.text(max_size=8), st.booleans())
link = st.none() | st.integers(0, 5)
data = st.binary(max_size=20) | st.builds(Recorded, st.integers(0, 3), at)
small = st.integers(1, 9)
offsets = st.integers(-99, 99)
faults = st.one_of(
    st.builds(Flip, at, offsets, st.integers(1, 255), st.booleans(), link=link),
    st.builds(
        Edit,
        at,
        offsets,
        small,
        st.binary(max_size=9),
        st.booleans(),
        st.booleans(),
        st.booleans(),
        link=link,
    ),
    st.builds(Replace, at, data, st.booleans(), link=link),
    st.builds(Drop, at, small, link=link),
    st.builds(Duplicate, at, st.integers(0, 9), small, link=link),
    st.builds(Swap, at, link=link),
    st.builds(Delay, at, small, link=link),
    st.builds(Hold, at, link=link),
    st.builds(Cut, at, st.sampled_from(["fin", "reset"]), st.none() | offsets, link=link),
    st.builds(Inject, at, data, st.booleans(), st.booleans(), link=link),
    st.builds(InjectOnOpen, ways, data, link=link),
    st.builds(Reflect, at, st.booleans(), link=link),
    st.builds(
        Rechunk, both, st.sampled_from(["bytes", "random", "coalesce"]), st.integers(0, 2**60), link=link
    ),
    st.builds(Rechunk, both, st.lists(small, min_size=1, max_size=4), link=link),
    st.builds(Stall, both, st.none() | at, st.booleans(), link=link),
    st.builds(Redirect, st.just({"transport": "tcp", "host": "127.0.0.1", "port": 4711}), link=link),
    st.builds(Takeover, st.just(0), link=st.integers(1, 5)),
)


@given(st.lists(faults, max_size=6))
def test_schedules_survive_json(schedule: list[Fault]) -> None:
    """What is printed can be read back to the very same faults, and every fault has words."""
    assert schedule_from_json(schedule_to_json(schedule)) == schedule
    assert all(describe_fault(fault) for fault in schedule)


def test_every_kind_of_fault_has_its_own_name() -> None:
    """The name in JSON tells the kinds apart."""
    kinds = {kind.__struct_config__.tag for kind in get_args(Fault)}
    assert len(kinds) == len(get_args(Fault)) == 16


def test_a_schedule_is_readable_json() -> None:
    """The form that is stored is stable: names, and bytes in base64."""
    text = schedule_to_json([Inject(Selector("c2s", 2, "record"), b"\x00\xff", before=False)])
    assert json.loads(text) == [
        {
            "fault": "inject",
            "at": {"direction": "c2s", "nth": 2, "label": "record", "since_mark": True},
            "data": "AP8=",
            "before": False,
            "framed": False,
            "link": 0,
        }
    ]


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("nonsense", "malformed"),
        ("{}", "Expected `array`"),
        ('[{"fault":"explode"}]', "Invalid value 'explode'"),
        ('[{"fault":"drop"}]', "missing required field `at`"),
        ('[{"fault":"drop","at":{"direction":"up"}}]', "Invalid enum value 'up'"),
        ('[{"fault":"drop","at":{"direction":"c2s"},"cuont":2}]', "unknown field `cuont`"),
        ('[{"fault":"drop","at":{"direction":"c2s"},"count":0}]', "count is at least 1"),
    ],
)
def test_a_bad_schedule_is_the_users_error(text: str, where: str) -> None:
    """The message names what is wrong."""
    with pytest.raises(UsageError, match="not a fault schedule") as caught:
        schedule_from_json(text)
    assert where in str(caught.value)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Selector("c2s", -1),
        lambda: Flip(Selector("c2s"), mask=0),
        lambda: Flip(Selector("c2s"), mask=256),
        lambda: Edit(Selector("c2s"), delete=-1),
        lambda: Drop(Selector("c2s"), count=0),
        lambda: Duplicate(Selector("c2s"), delay_frames=-1),
        lambda: Duplicate(Selector("c2s"), copies=0),
        lambda: Delay(Selector("c2s"), frames=0),
        lambda: Cut(Selector("c2s"), inside=1, after=True),
        lambda: Rechunk("c2s", ()),
        lambda: Rechunk("c2s", (1, 0)),
        lambda: Takeover(of=0),
        lambda: Takeover(of=0, link=None),
    ],
)
def test_values_without_meaning_are_refused(make: object) -> None:
    """A fault that could not do anything sensible cannot be made."""
    with pytest.raises(ValueError):
        make()  # type: ignore[operator]


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Flip(Selector("c2s", 2, "record"), 17, 8), "flip mask 08 of byte 17 of c2s record 2 after the mark"),
        (
            Cut(Selector("s2c"), "reset", inside=3),
            "cut (reset, seen by both) inside (byte 3) s2c frame 0 after the mark",
        ),
        (
            Drop(Selector("c2s", 0, since_mark=False), 2, link=None),
            "drop 2, beginning with c2s frame 0 from the start on every link",
        ),
        (Stall("both", reading=False, link=3), "stall both, without reading on link 3"),
        (
            Replace(Selector("c2s"), Recorded(1, Selector("c2s", 4))),
            "replace c2s frame 0 after the mark by c2s frame 4 after the mark of link 1",
        ),
    ],
)
def test_faults_in_words(fault: Fault, words: str) -> None:
    """One line says what a fault is to do, and where."""
    assert describe_fault(fault) == words

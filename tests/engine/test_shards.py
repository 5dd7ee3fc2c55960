"""Parts of a run: every case in exactly one, the same on every machine, of about the same length."""

from __future__ import annotations

import random
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipc_gauntlet.engine.shards import Shard, parse_shard
from ipc_gauntlet.errors import UsageError


@dataclass(frozen=True)
class Named:
    """What can be dealt out."""

    id: str
    measures_time: bool = False


names = st.lists(st.text("abc/-", min_size=1, max_size=6), unique=True, max_size=40)
times = st.dictionaries(st.text("abc/-", min_size=1, max_size=6), st.floats(0, 30), max_size=40)


@given(names, times, st.integers(1, 9), st.randoms(use_true_random=False))
def test_every_case_is_in_exactly_one_part(
    ids: list[str], durations: dict[str, float], count: int, rng: random.Random
) -> None:
    cases = [Named(name, name.startswith("a")) for name in ids]
    parts = []
    for number in range(1, count + 1):
        rng.shuffle(cases)
        parts.append(Shard(number, count).choose(cases, durations))
    assert sorted(name for part in parts for name in part) == sorted(ids)


@given(
    st.dictionaries(st.text("abcdef", min_size=3, max_size=8), st.floats(0.01, 3), min_size=1),
    st.integers(1, 6),
)
def test_no_part_is_longer_than_the_shortest_and_one_case(durations: dict[str, float], count: int) -> None:
    cases = [Named(name) for name in durations]
    loads = [
        sum(durations[name] for name in Shard(number, count).choose(cases, durations))
        for number in range(1, count + 1)
    ]
    assert max(loads) - min(loads) <= max(durations.values()) + 1e-9


def test_cases_that_measure_time_are_spread_without_a_record() -> None:
    cases = [Named(f"slow{n}", measures_time=True) for n in range(4)] + [
        Named(f"quick{n}") for n in range(100)
    ]
    for number in (1, 2):
        mine = Shard(number, 2).choose(cases, {})
        assert sum(name.startswith("slow") for name in mine) == 2
        assert len(mine) == 52


def test_what_took_long_over_one_transport_does_so_over_another() -> None:
    recorded = {"a/b/long/unix-psk": 9.0, "a/b/long/unix-x509": 0.0} | {
        f"a/b/n{n}/unix-psk": 1.0 for n in range(9)
    }
    cases = [Named(name.replace("unix", "tcp")) for name in recorded if "x509" not in name]
    parts = [Shard(number, 2).choose(cases, recorded) for number in (1, 2)]
    assert parts[0] == {"a/b/long/tcp-psk"}
    assert len(parts[1]) == 9


@pytest.mark.parametrize("text", ["1/1", "2/5", "1000/1000"])
def test_good_parts(text: str) -> None:
    assert str(parse_shard(text)) == text


@pytest.mark.parametrize(
    "text", ["", "1", "0/3", "4/3", "1/0", "a/b", "1/2/3", "-1/3", " 1/3", "1/1001", "²/3", "1/"]
)
def test_bad_parts(text: str) -> None:
    with pytest.raises(UsageError, match="2/5"):
        parse_shard(text)

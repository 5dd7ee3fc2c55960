"""Minimising keeps what it looks for, ends, and leaves nothing that could go alone."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipc_gauntlet.fuzz.triage.budget import Budget
from ipc_gauntlet.fuzz.triage.minimise import ddmin, minimise, simpler

Fails = Callable[[bytes], bool]


def subsequence(needle: bytes) -> Fails:
    def fails(data: bytes) -> bool:
        rest = iter(data)
        return all(byte in rest for byte in needle)

    return fails


@st.composite
def problems(draw: st.DrawFn) -> tuple[bytes, Fails]:
    """An input and a property that it has: pieces in order, or some count, or a checksum."""
    data = draw(st.binary(min_size=1, max_size=60))
    kind = draw(st.sampled_from(["pieces", "count", "sum", "pair"]))
    if kind == "pieces":
        places = sorted(draw(st.lists(st.integers(0, len(data) - 1), max_size=5, unique=True)))
        return data, subsequence(bytes(data[place] for place in places))
    if kind == "count":
        byte = data[0]
        least = draw(st.integers(1, data.count(byte)))
        return data, lambda d: d.count(byte) >= least
    if kind == "sum":
        rest = sum(data) % 7
        return data, lambda d: sum(d) % 7 == rest
    return data, lambda d: len(d) > 0 and (len(d) % 3 == len(data) % 3)


@given(problems())
def test_ddmin_keeps_the_property_and_is_minimal(problem: tuple[bytes, Fails]) -> None:
    data, fails = problem
    small = ddmin(data, fails)
    assert fails(small)
    assert subsequence(small)(data)  # bytes were left out, nothing else
    for place in range(len(small)):
        assert not fails(small[:place] + small[place + 1 :])


@given(problems(), st.integers(1, 300))
def test_a_budget_ends_it_with_something_that_still_has_the_property(
    problem: tuple[bytes, Fails], executions: int
) -> None:
    data, fails = problem
    tried = []

    def counted(candidate: bytes) -> bool:
        tried.append(candidate)
        return fails(candidate)

    done = minimise(data, counted, budget=Budget(executions=executions))
    assert fails(done.data)
    assert not simpler(data, done.data)
    assert len(tried) == done.executions <= executions
    assert len(set(tried)) == len(tried)  # nothing is executed twice


@given(problems())
def test_a_complete_run_finds_nothing_more(problem: tuple[bytes, Fails]) -> None:
    data, fails = problem
    done = minimise(data, fails, budget=Budget())
    assert done.complete
    assert fails(done.data)
    again = minimise(done.data, fails, budget=Budget())
    assert again.data == done.data


@given(st.binary(min_size=3, max_size=40), st.integers(0, 255))
def test_values_become_as_small_as_they_can(data: bytes, least: int) -> None:
    done = minimise(bytes([255]) + data, lambda d: len(d) > 2 and d[0] >= least, budget=Budget())
    assert done.data == bytes([least, 0, 0])


def length_prefixed(data: bytes) -> bool:
    """Two nested lengths, and a mark inside: no single byte can go without lowering both."""
    if not data or data[0] != len(data) - 1:
        return False
    inner = data[1:]
    return len(inner) >= 2 and inner[0] == len(inner) - 1 and 0x77 in inner[1:]


def test_without_a_schema_a_length_in_front_is_lowered_with_what_it_counts() -> None:
    body = bytes(range(100, 130))
    data = bytes([len(body) + 1, len(body)]) + body
    flat = bytes([len(body)]) + body

    def fails(d: bytes) -> bool:
        return bool(d) and d[0] == len(d) - 1 and 0x77 in d[1:]

    assert fails(flat)
    assert minimise(flat, fails, budget=Budget()).data == bytes([1, 0x77])
    assert length_prefixed(data)
    assert length_prefixed(minimise(data, length_prefixed, budget=Budget()).data)


def test_a_schema_goes_where_bytes_cannot() -> None:
    def smaller(data: bytes) -> list[bytes]:
        body = data[2:]
        shorter = [body[:place] + body[place + 1 :] for place in range(len(body))]
        return [bytes([len(b) + 1, len(b)]) + b for b in shorter]

    body = bytes(range(100, 130))
    data = bytes([len(body) + 1, len(body)]) + body
    assert minimise(data, length_prefixed, budget=Budget(), smaller=smaller).data == bytes([2, 1, 0x77])


def test_a_schema_that_offers_nothing_smaller_does_no_harm() -> None:
    done = minimise(
        b"abc", lambda d: b"b" in d, budget=Budget(), smaller=lambda data: [data, data + b"x", b"abd"]
    )
    assert done.data == b"b"


def test_time_ends_it_too() -> None:
    now = 0.0

    def clock() -> float:
        nonlocal now
        now += 1.0
        return now

    done = minimise(bytes(range(64)), lambda d: 7 in d, budget=Budget(seconds=5.0, clock=clock))
    assert not done.complete
    assert done.executions < 6


@pytest.mark.parametrize("data", [b"", b"x"])
def test_the_smallest_inputs_stay(data: bytes) -> None:
    assert minimise(data, lambda d: d == data, budget=Budget()).data == data

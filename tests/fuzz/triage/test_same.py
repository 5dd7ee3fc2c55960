"""When two findings are one, and inputs around one."""

from __future__ import annotations

from itertools import islice

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipc_gauntlet.fuzz import Target
from ipc_gauntlet.fuzz.findings import Finding
from ipc_gauntlet.fuzz.triage.neighbours import close, neighbours
from ipc_gauntlet.fuzz.triage.same import same
from ipc_gauntlet.seeds import derive_random

BASE = Finding(target="t", kind="crash", signature="crash-1", message="m", input_b64="", error="KeyError")


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ({}, {}, True),
        ({}, {"input_b64": "AA==", "message": "other"}, True),
        ({}, {"signature": "crash-2"}, False),
        ({}, {"target": "u"}, False),
        ({}, {"kind": "hang"}, False),
        ({"kind": "hang", "signature": "hang-1"}, {"kind": "hang", "signature": "hang-2"}, True),
        ({"kind": "slow", "signature": "a"}, {"kind": "greedy", "signature": "a"}, False),
        ({"kind": "native", "error": "SIGSEGV"}, {"kind": "native", "error": "SIGABRT"}, False),
        (
            {"kind": "native", "error": "SIGSEGV"},
            {"kind": "native", "error": "SIGSEGV", "signature": "x"},
            True,
        ),
        ({"error": "MemoryError"}, {"kind": "memory", "error": "", "signature": "memory-1"}, True),
        ({"kind": "memory", "error": ""}, {"kind": "memory", "error": "", "signature": "memory-1"}, True),
        ({"kind": "memory", "error": ""}, {}, False),
    ],
)
def test_what_is_one_finding(one: dict[str, str], other: dict[str, str], expected: bool) -> None:
    left, right = msgspec.structs.replace(BASE, **one), msgspec.structs.replace(BASE, **other)
    assert same(left, right) is expected
    assert same(right, left) is expected


def test_nothing_is_no_finding() -> None:
    assert not same(BASE, None)


TARGET = Target(name="t", title="t", layer="other", parse=bytes, measured=("m",), longest=20)


@given(st.lists(st.binary(max_size=20), min_size=1, max_size=4), st.integers(0, 99))
def test_neighbours_are_new_short_enough_and_repeatable(inputs: list[bytes], seed: int) -> None:
    first = list(islice(neighbours(inputs, TARGET, derive_random(seed)), 300))
    assert first == list(islice(neighbours(inputs, TARGET, derive_random(seed)), 300))
    assert len(set(first)) == len(first)
    assert not set(first) & set(inputs)
    assert all(len(data) <= 20 for data in first)


def test_close_ones_differ_by_a_little() -> None:
    around = set(close(b"ab"))
    assert {b"b", b"a", b"aab", b"abb", b"bb", b"`b", b"ac", b"ab\x00", b"abab", b""} <= around

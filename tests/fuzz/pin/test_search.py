"""Scores, the search, and the minimal set."""

import contextlib
from collections.abc import Iterable, Iterator
from random import Random

import pin_demo
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ipc_gauntlet.fuzz.pin.bench import Bench
from ipc_gauntlet.fuzz.pin.boundaries import boundary_inputs, other_bytes
from ipc_gauntlet.fuzz.pin.cbor_sizes import resized
from ipc_gauntlet.fuzz.pin.cover import cover, minimal
from ipc_gauntlet.fuzz.pin.score import Tally, score
from ipc_gauntlet.fuzz.pin.search import Limits, Search
from sipc import cbor
from sipc.errors import MalformedError

PAIRS = pin_demo.TARGETS[0]


def searched(executions: int, seed: int = 1) -> Search:
    bench = Bench(PAIRS)
    tally = Tally(bench)
    for data in pin_demo.SEEDS:
        tally.add(data)
    rng = Random(seed)  # noqa: S311 - no secrets
    search = Search(tally, pin_demo.SEEDS, rng, Limits(executions=executions))
    search.run()
    return search


@pytest.fixture(scope="module")
def found() -> Search:
    return searched(6000)


def test_valid_seeds_pin_little(found: Search) -> None:
    before = score(Bench(PAIRS), pin_demo.SEEDS)
    assert before.inputs == 2
    assert before.percent < 70
    assert score(Bench(PAIRS), []).pinned == 0


def test_the_search_pins_nearly_all(found: Search) -> None:
    after = found.tally.score()
    assert after.percent > 90
    assert after.verdict_percent > 68


def test_every_raise_is_pinned(found: Search) -> None:
    bench = found.bench
    raises = [at for at, one in enumerate(bench.mutants) if one.operator == "drop-raise"]
    assert len(raises) == 7
    assert not [bench.mutants[at].before for at in raises if at not in found.tally.pinned]


def test_one_seed_searches_alike() -> None:
    one, other = searched(800, 5), searched(800, 5)
    assert one.pool == other.pool
    assert sorted(one.tally.pinned) == sorted(other.tally.pinned)


def test_what_is_said_to_be_pinned_is(found: Search) -> None:
    for at, one in found.tally.pinned.items():
        assert found.bench.differs(found.bench.run(one.run.data), at)


def test_the_minimal_set_pins_the_same_with_fewer_and_smaller_inputs(found: Search) -> None:
    chosen = minimal(found.tally, pin_demo.SEEDS)
    again = score(found.bench, [one.data for one in chosen])
    whole = found.tally.score()
    assert again.pinned == whole.pinned
    assert again.verdict >= whole.verdict
    assert len(chosen) < len({one.run.data for one in found.tally.pinned.values()})
    pins = [at for one in chosen for at in one.pins]
    assert sorted(pins) == sorted(found.tally.pinned)
    for one in chosen:
        run = found.bench.run(one.data)
        assert {diff.mutant for diff in found.bench.differences(run, one.pins)} == set(one.pins)


@given(st.dictionaries(st.binary(max_size=3), st.frozensets(st.integers(0, 12)), max_size=9))
def test_a_cover_covers_and_names_each_once(pinned: dict[bytes, frozenset[int]]) -> None:
    chosen = cover(pinned)
    everything = frozenset().union(*pinned.values()) if pinned else frozenset()
    assert sorted(at for one in chosen for at in one.pins) == sorted(everything)
    for one in chosen:
        assert set(one.pins) <= pinned[one.data]
        assert one.pins


@pytest.mark.parametrize(
    ("data", "pair", "expected"),
    [
        (b"\x05abcde", (5, 12), b"\x0c" + b"abcde" + b"e" * 7),
        (b"\x05abcde", (5, 4), b"\x04abcd"),
        (b"xx\x00\x05y", (5, 300), b"xx\x01\x2cy"),
        (b"xxAAy", (b"AA", b"BB"), b"xxBBy"),
        (b"k\x03", (3, (1, 9)), b"k\x0a"),
        (b"abc", (3, 5), b"abc\x00\x00"),
        (b"abcdef", (6, 5), b"abcde"),
        (b"\x82\x01\x02", (2, 4), b"\x84\x01\x02\x18\x18\x18\x19"),
        (b"\x43abcz", (3, 25), b"\x58\x19abc" + b"a" * 22 + b"z"),
    ],
)
def test_boundaries(data: bytes, pair: tuple[object, object], expected: bytes) -> None:
    assert expected in list(boundary_inputs(data, [pair], 1000))


@settings(max_examples=60)
@given(st.binary(max_size=40), st.integers(-2, 300), st.integers(-2, 300))
def test_boundaries_take_any_bytes(data: bytes, left: int, right: int) -> None:
    made = list(boundary_inputs(data, [(left, right), (data, b"x"), (right, (left, 5))], 64))
    assert len(made) == len(set(made))
    assert all(len(one) <= 64 for one in made)


def test_other_bytes_change_one_byte_each() -> None:
    made = list(other_bytes(b"\x01\x02"))
    assert b"\xf5\x02" in made
    assert b"\x01\xf5" in made
    assert all(sum(a != b for a, b in zip(one, b"\x01\x02", strict=True)) == 1 for one in made)
    assert list(other_bytes(b"")) == []


def _decoded(inputs: Iterable[bytes]) -> Iterator[cbor.Value]:
    for data in inputs:
        # A byte within a string may look like a head: then it is something else that grows.
        with contextlib.suppress(MalformedError):
            yield cbor.decode(data)


def test_resized_items_stay_canonical() -> None:
    data = cbor.encode({1: b"abc", 2: [1, 2, 3], 3: 3})
    made = list(_decoded(resized(data, 3, 30)))
    assert {1: b"abc" + b"a" * 27, 2: [1, 2, 3], 3: 3} in made
    assert {1: b"abc", 2: [1, 2, 3], 3: 30} in made
    assert {1: b"abc", 2: [1, 2, 3, *range(24, 51)], 3: 3} in made

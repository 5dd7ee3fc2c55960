"""A selection shows everything, needs each of its inputs, and does not depend on the order of what it is made from."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from ipc_gauntlet.fuzz.corpus.measure import Entry, union
from ipc_gauntlet.fuzz.corpus.select import select
from ipc_gauntlet.fuzz.work import digest


def entry(data: bytes, features: frozenset[str]) -> Entry:
    return Entry(data, "accepted", features, None, (len(data), digest(data)))


entries = st.dictionaries(
    st.binary(min_size=1, max_size=6), st.frozensets(st.sampled_from("abcdefghij"), max_size=6), max_size=14
).map(lambda found: [entry(data, features) for data, features in found.items()])


@given(entries, st.frozensets(st.sampled_from("abcdefghij"), max_size=4))
def test_everything_is_shown_and_nothing_is_superfluous(
    all_of_them: list[Entry], known: frozenset[str]
) -> None:
    chosen = select(all_of_them, known)
    wanted = union(all_of_them) - known
    assert wanted <= union(chosen)
    for one in chosen:
        assert not wanted <= union(other for other in chosen if other is not one)


@given(entries, st.integers(0, 999))
def test_the_order_does_not_matter(all_of_them: list[Entry], seed: int) -> None:
    mixed = list(all_of_them)
    Random(seed).shuffle(mixed)  # noqa: S311 - an order, not a secret
    assert select(mixed) == select(all_of_them)


def test_of_equally_good_inputs_the_smallest_stays() -> None:
    same = frozenset("ab")
    assert select([entry(b"long", same), entry(b"x", same), entry(b"yy", same)]) == [entry(b"x", same)]

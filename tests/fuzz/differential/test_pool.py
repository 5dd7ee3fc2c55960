"""Which inputs are mutated: what is rare, short and new; not what breaks the other side all the time."""

from __future__ import annotations

from collections import Counter
from random import Random

from ipc_gauntlet.fuzz.differential.pool import Entry, Pool


def picks(*entries: Entry, shown: dict[int, int], count: int = 2000) -> Counter[bytes]:
    """How often each is chosen."""
    pool = Pool(Random(1), shown)  # noqa: S311 - reproducible on purpose
    for entry in entries:
        pool.add(entry)
    return Counter(pool.pick().data for _ in range(count))


def test_what_is_rare_is_chosen_more_often() -> None:
    """The rarest of what it shows counts."""
    found = picks(Entry(b"c", (1,)), Entry(b"r", (1, 2)), shown={1: 1000, 2: 3})
    assert found[b"r"] > 2 * found[b"c"] > 0


def test_what_is_short_is_chosen_more_often() -> None:
    """Of two that show the same."""
    found = picks(Entry(b"s", (1,)), Entry(b"l" * 500, (1,)), shown={1: 10})
    assert found[b"s"] > 2 * found[b"l" * 500] > 0


def test_what_breaks_the_process_is_hardly_chosen() -> None:
    """Its children cost two restarts each."""
    breaks = Entry(b"b", (1,))
    breaks.broke()
    found = picks(breaks, Entry(b"g", (2,)), shown={1: 1, 2: 1})
    assert found[b"g"] > 2 * found[b"b"]


def test_choices_repeat_by_the_seed() -> None:
    """Nothing depends on time or hashes."""
    shown = {1: 5, 2: 1, 3: 50}
    entries = [Entry(b"a", (1,)), Entry(b"b", (2, 3)), Entry(b"c", (3,))]
    copies = [Entry(entry.data, entry.shown) for entry in entries]
    assert picks(*entries, shown=shown) == picks(*copies, shown=shown)

"""Which inputs the portable engine works with: what costs much is kept, and gets no more time than it is worth."""

from random import Random

from ipc_gauntlet.fuzz.engines.pool import Entry, Pool


def pool_of(*entries: Entry, shown: dict[int, int]) -> Pool:
    """A pool of some inputs."""
    pool = Pool(Random(1), shown)  # noqa: S311 - reproducible on purpose
    for entry in entries:
        pool.add(entry)
    return pool


def test_inputs_that_cost_much_do_not_eat_up_the_time() -> None:
    """A loop that goes round often is rare and costs much; there are more and more of these inputs.

    All together they get a part, so that the rate holds.
    """
    short = [Entry(b"s" * 20, (number, 1000), cost=40) for number in range(30)]
    giants = [Entry(b"g" * 3000, (number, 2000 + number), cost=9000) for number in range(30, 40)]
    pool = pool_of(*short, *giants, shown=dict.fromkeys(range(30), 1000))
    executed = {1: 0.0, 4: 0.0}
    for _ in range(4000):
        entry = pool.pick()
        executed[4 if len(entry.data) > 100 else 1] += entry.effort
    assert executed[4] < executed[1]
    assert executed[4] > 0


def test_energy_is_whole_for_what_is_usual_and_small_for_giants() -> None:
    """A young pool knows no usual cost yet, and spares nothing."""
    young = pool_of(Entry(b"g" * 3000, (1,), cost=9000), shown={})
    assert young.energy(young.entries[0]) == 1.0
    usual = [Entry(b"s" * 20, (number,), cost=40) for number in range(8)]
    pool = pool_of(*usual, Entry(b"g" * 3000, (9,), cost=9000), shown={})
    assert pool.energy(pool.entries[0]) == 1.0
    assert pool.energy(pool.entries[-1]) < 0.1


def test_pieces_are_taken_of_the_shorter_of_two() -> None:
    pool = pool_of(Entry(b"s", (1,)), Entry(b"g" * 100, (2,)), shown={})
    taken = [len(pool.any().data) for _ in range(1000)]
    assert 650 < taken.count(1) < 850

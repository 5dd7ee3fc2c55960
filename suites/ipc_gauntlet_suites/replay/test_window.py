"""Replay windows: the case numbers records itself, and compares what is delivered with a model made of a set."""

import pytest

from ipc_gauntlet import Lab, Role, case
from ipc_gauntlet_suites.replay.datagrams import LAST, WINDOW, Numbered, Schedule, datagram_peer
from ipc_gauntlet_suites.scripts import BOTH_ROLES

EDGES = {
    "the-width": WINDOW,
    "within-a-word": 5 * WINDOW + 37,
    "32-bits": 2**32,
    "near-the-end": LAST - 2,
}


@case("REPL-05", wire="sipc/1", needs=("datagram",), axes="each")
@pytest.mark.parametrize("role", BOTH_ROLES)
@pytest.mark.parametrize("top", list(EDGES.values()), ids=list(EDGES))
def test_edges_of_the_window(lab: Lab, role: Role, top: int) -> None:
    """A record is far ahead. Of those behind it, the last one inside of the window must be taken, the first one outside and
    older ones must not; each of them comes twice, and forged before that. The same one further, and behind a small gap."""
    schedule = Schedule(lab, datagram_peer(lab, role))
    schedule.expect(Numbered(top), Numbered(top))
    for ahead in (0, 1, 2):
        highest = schedule.model.highest
        if ahead:
            schedule.expect(Numbered(highest + ahead - (highest + ahead > LAST)))
            highest = schedule.model.highest
        behind = [highest - age for age in (WINDOW - 1, WINDOW, WINDOW + 1, WINDOW - 2, 1, 63, 64, 65, 2)]
        for n in (one for one in behind if one > 0):
            schedule.expect(Numbered(n, forged=True), Numbered(n), Numbered(n))
        schedule.expect(Numbered(highest), what="the highest one once more")


@case("REPL-05", wire="sipc/1", needs=("datagram",), axes="each")
@pytest.mark.parametrize("role", BOTH_ROLES)
@pytest.mark.parametrize("jump", [2**16, 2**32, 2**63], ids=hex)
def test_same_low_bits(lab: Lab, role: Role, jump: int) -> None:
    """Records come whose numbers agree in their lower bits with those that were there before. They are other records, and
    must be taken; each of them only once, and nothing from before the jump any more."""
    schedule = Schedule(lab, datagram_peer(lab, role))
    first = [3, 4, 5, 70, 200]
    schedule.expect(*map(Numbered, first))
    again = [jump + n for n in first]
    schedule.expect(*map(Numbered, [again[-1], *again[:-1]]))
    schedule.expect(*map(Numbered, [*again, *first, 6]), what="all of them again, and one that is too old")


@case("REPL-05", wire="sipc/1", needs=("datagram",), axes="each")
@pytest.mark.parametrize("role", BOTH_ROLES)
@pytest.mark.parametrize("step", [1, 64, WINDOW, WINDOW + 65])
def test_window_moves_on(lab: Lab, role: Role, step: int) -> None:
    """The window moves on in equal steps. After each, what it has left behind must not be taken, and what is new inside of
    it must be, in any order, once."""
    schedule = Schedule(lab, datagram_peer(lab, role))
    top = 10
    for _ in range(4):
        top += step
        records = [Numbered(top)]
        records += [Numbered(n) for n in (top - WINDOW, top - step + 1, top - 7, top - WINDOW + 1) if n > 0]
        lab.rng.shuffle(records)
        schedule.expect(*records, *records)


@case("REPL-05", wire="sipc/1", needs=("datagram",), axes="each")
@pytest.mark.parametrize("role", BOTH_ROLES)
def test_any_order(lab: Lab, role: Role) -> None:
    """Records come in an order that the seed decides: ahead, far ahead, late, from the edges, again, forged. What is
    delivered must be what a set of numbers says."""
    schedule = Schedule(lab, datagram_peer(lab, role))
    for _ in range(12):
        records: list[Numbered] = []
        top = schedule.model.highest
        for _ in range(12):
            ages = (0, 1, 63, 64, 65, WINDOW - 1, WINDOW, WINDOW + 1, lab.rng.randrange(2 * WINDOW))
            leap = lab.rng.choice((1, 2, 65, WINDOW, lab.rng.randrange(1, 3 * WINDOW)))
            n = top + leap if lab.rng.random() < 0.3 else top - lab.rng.choice(ages)
            if 0 < n <= LAST:
                records.append(Numbered(n, forged=lab.rng.random() < 0.2))
                top = max(top, n)
        schedule.expect(*records)

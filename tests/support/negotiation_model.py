"""Every negotiation over three ranked suites: all offers, all policies, an attacker who rewrites the offer.

Suites are 1 to 3, 3 the strongest. Both ends prefer strong ones. The attacker replaces the offer by any subset of it,
and the answer by any suite; what the ends bind decides whether they notice.
"""

from collections.abc import Iterator
from itertools import combinations
from typing import NamedTuple

SUITES = (1, 2, 3)
WEAKEST = 1
Set = frozenset[int]

BINDINGS = ("nothing", "choice", "everything")


class Run(NamedTuple):
    """One negotiation.

    Attributes:
        offer: What the initiator offered.
        policy: What the responder allows.
        seen: The offer that reached the responder; may be empty.
        told: The answer that reached the initiator.
    """

    offer: Set
    policy: Set
    seen: Set
    told: int


def subsets(of: Set) -> Iterator[Set]:
    """Every subset, also the empty one."""
    for size in range(len(of) + 1):
        yield from (frozenset(chosen) for chosen in combinations(sorted(of), size))


def select(offer: Set, policy: Set) -> int | None:
    """The strongest suite in common."""
    return max(offer & policy, default=None)


def runs() -> Iterator[Run]:
    """Every offer and policy, every subset of the offer that may be passed on, every answer that may be told."""
    configured = [chosen for chosen in subsets(frozenset(SUITES)) if chosen]
    for offer in configured:
        for policy in configured:
            yield from (Run(offer, policy, seen, told) for seen in subsets(offer) for told in sorted(offer))


def established(run: Run, binding: str, *, broken: int | None = None) -> int | None:
    """The suite on which both ends agree in the end; None if they notice, or have nothing in common.

    Args:
        run: What happens.
        binding: What the ends prove to each other afterwards.
        broken: A suite under which the attacker can forge that proof.
    """
    chosen = select(run.seen, run.policy)
    if chosen != run.told:
        return None  # two different suites: not even the keys agree
    # Binding the choice alone proves what nobody disputes: the attacker changed what led to it.
    noticed = binding == "everything" and run.seen != run.offer and chosen != broken
    return None if noticed else chosen


def downgraded(binding: str, *, broken: int | None = None, floor: int = WEAKEST) -> list[Run]:
    """The runs that end on a weaker suite than both would have chosen without the attacker.

    Args:
        binding: One of `BINDINGS`.
        broken: A suite under which proofs can be forged.
        floor: Weaker suites are in nobody's offer or policy.
    """
    found = []
    for run in runs():
        if min(run.offer | run.policy) < floor:
            continue
        honest, got = select(run.offer, run.policy), established(run, binding, broken=broken)
        if got is not None and honest is not None and got < honest:
            found.append(run)
    return found

"""Chooses the inputs that are worth keeping: few and small ones that show everything all of them show. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ipc_gauntlet.fuzz.corpus.measure import Entry


def select(entries: Sequence[Entry], known: frozenset[str] = frozenset()) -> list[Entry]:
    """Choose inputs whose features together are those of all.

    The rarest feature first, and for it the smallest input; then whatever has become superfluous goes. The result
    depends on the entries only, not on their order.

    Args:
        entries: What to choose from.
        known: Features that need no input, because others that stay have them.

    Returns:
        The chosen ones, the smallest first. Nothing can be left out of them without losing a feature.
    """
    ordered = sorted(entries, key=lambda entry: entry.key)
    count = Counter(feature for entry in ordered for feature in entry.features if feature not in known)
    smallest: dict[str, Entry] = {}
    for entry in ordered:
        for feature in entry.features:
            smallest.setdefault(feature, entry)
    chosen: dict[bytes, Entry] = {}
    covered: set[str] = set(known)
    for feature in sorted(count, key=lambda one: (count[one], one)):
        if feature not in covered:
            entry = smallest[feature]
            chosen[entry.data] = entry
            covered |= entry.features
    return _without_superfluous(sorted(chosen.values(), key=lambda entry: entry.key), known)


def _without_superfluous(chosen: list[Entry], known: frozenset[str]) -> list[Entry]:
    shown = Counter(feature for entry in chosen for feature in entry.features)
    kept: list[Entry] = []
    for entry in reversed(chosen):  # the largest first
        if all(shown[feature] > 1 or feature in known for feature in entry.features):
            shown.subtract(entry.features)
        else:
            kept.append(entry)
    return kept[::-1]

"""What engines say beside numbers: which module is not measured, what an implementation answered, what broke.

Every function works on the campaign's database. What is said comes out of a slice's folder, and nobody believes it: texts
are cut, and of each kind only so many are kept.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice

from ipc_gauntlet.fuzz.spec import Result

MOST_NOTES = 32
"""Things that are said of one target."""

MOST_PAIRS = 100
"""Pairs of verdicts of one target that are told apart."""

OTHER = "other"
"""The pairs beyond."""

_LONGEST = 300
_NUMBER = re.compile(r"[0-9]+")
_HUGE = 1 << 53


@dataclass(frozen=True, kw_only=True)
class Said:
    """What a slice said.

    Attributes:
        notes: What a person may want to know.
        warnings: What a person has to look at.
        counts: What happened, and how often.
        pairs: How often the reference and an implementation gave which two verdicts.
    """

    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    pairs: Mapping[str, int] = field(default_factory=dict)


def said(result: Result) -> Said:
    """What a slice said at its end, cut to what is possible."""
    return Said(
        notes=_lines(result.notes),
        warnings=_lines(result.warnings),
        counts=_counts(result.counts, MOST_NOTES),
        pairs=_counts(result.pairs, 10 * MOST_PAIRS),
    )


def _lines(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(line for text in islice(texts, MOST_NOTES) if (line := _line(text))))


def _line(text: str) -> str:
    return " ".join(text.encode("utf-8", "replace").decode().split())[:_LONGEST]


def _counts(counts: Mapping[str, int], most: int) -> dict[str, int]:
    # The most frequent, if there are too many.
    kept = sorted(counts.items(), key=lambda one: (-one[1], one[0]))[:most]
    return {_line(text): min(max(count, 1), _HUGE) for text, count in kept}


def add(base: sqlite3.Connection, target: str, engine: str, new: Said) -> None:
    """Add what a slice said, within a transaction.

    A note that differs from an older one in its numbers only takes its place. Warnings are those of the engine's last
    slice that said anything: what was put right is not complained about.
    """
    base.execute("DELETE FROM note WHERE target = ? AND engine = ? AND loud", (target, engine))
    known = base.execute("SELECT count(*) AS n FROM note WHERE target = ?", (target,)).fetchone()["n"]
    room = MOST_NOTES - known
    rows = [(text, True, 0) for text in new.warnings]
    rows += [(text, False, 0) for text in new.notes]
    rows += [(text, False, count) for text, count in new.counts.items()]
    for text, loud, count in rows:
        key = _NUMBER.sub("#", text)
        old = base.execute(
            "SELECT 1 FROM note WHERE target = ? AND engine = ? AND key = ?", (target, engine, key)
        ).fetchone()
        if old is None and room <= 0 and not loud:
            continue
        room -= old is None
        base.execute(
            "INSERT INTO note (target, engine, key, text, loud, count) VALUES (?, ?, ?, ?, ?, ?) "
            "ON CONFLICT (target, engine, key) DO UPDATE "
            "SET text = excluded.text, loud = excluded.loud, count = min(count + excluded.count, ?)",
            (target, engine, key, text, loud, count, _HUGE),
        )
    _add_pairs(base, target, new.pairs)


def _add_pairs(base: sqlite3.Connection, target: str, pairs: Mapping[str, int]) -> None:
    known = {row["pair"] for row in base.execute("SELECT pair FROM pair WHERE target = ?", (target,))}
    for pair, count in sorted(pairs.items()):
        word = pair if pair in known or len(known) < MOST_PAIRS else OTHER
        known.add(word)
        base.execute(
            "INSERT INTO pair (target, pair, count) VALUES (?, ?, ?) "
            "ON CONFLICT (target, pair) DO UPDATE SET count = min(count + excluded.count, ?)",
            (target, word, count, _HUGE),
        )


def forget(base: sqlite3.Connection, target: str) -> None:
    """Forget what was said of code that is no more, within a transaction."""
    for table in ("note", "pair"):
        base.execute(f"DELETE FROM {table} WHERE target = ?", (target,))  # noqa: S608 - names of ours


def of(rows: Iterable[sqlite3.Row], *, loud: bool, alone: bool) -> tuple[str, ...]:
    """What engines said, a line each.

    Args:
        rows: Of the table `note`.
        loud: Whether to take what a person has to look at, or the rest.
        alone: Whether the campaign has one engine only, which needs no name then.
    """
    return tuple(
        f"{'' if alone else row['engine'] + ': '}{row['text']}{_times(row['count'])}"
        for row in rows
        if bool(row["loud"]) == loud
    )


def _times(count: int) -> str:
    if not count:
        return ""
    return f": {count} times" if count > 1 else ": once"

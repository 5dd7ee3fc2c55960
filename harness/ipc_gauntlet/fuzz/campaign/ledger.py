"""What a slice adds to a campaign's tables: numbers, edges, verdicts, findings, a point of the curve.

Every function works inside of a transaction that its caller began. Nothing here grows without end: reasons, signatures
and points of a curve have a limit.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from ipc_gauntlet.fuzz.campaign import notes
from ipc_gauntlet.fuzz.campaign.guards import BROKEN_IN_A_ROW
from ipc_gauntlet.fuzz.spec import Progress

MOST_POINTS = 2000
"""Points of a target's curve that are kept: beyond, every second of the older half goes."""

MOST_REASONS = 64
"""Reasons of rejection that are told apart for one target."""

MOST_SIGNATURES = 1000
"""Findings of one target that are told apart."""

_FADE = 0.5


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A finding in a slice.

    Attributes:
        signature: Its group.
        kind: What it is.
        message: One line.
        count: How often the slice saw it.
        smallest: SHA-256 of the smallest input.
        size: Its length.
    """

    signature: str
    kind: str
    message: str
    count: int
    smallest: str
    size: int


@dataclass(frozen=True, kw_only=True)
class SliceEnd:
    """What a slice adds to what is known.

    Attributes:
        name: Of the slice, unique within the campaign.
        target: What it fuzzed.
        engine: With what.
        outcome: `done`, `salvaged`, `hang`, `memory`, `native`, `broken`, or `refused`: broken, and it will not get better.
        progress: Its last numbers.
        at: Wall-clock seconds of the campaign.
        covered: Edges it hit.
        functions: Functions it entered.
        findings: What it found.
        kept: Inputs that were new to the corpus.
        corpus: Inputs in the corpus now.
        trouble: Why it is broken.
        said: What its engine said; None if it came to no end at which it could have.
    """

    name: str
    target: str
    engine: str
    outcome: str
    progress: Progress
    at: float
    covered: Sequence[str] = ()
    functions: Sequence[str] = ()
    findings: Sequence[Seen] = ()
    kept: int = 0
    corpus: int = 0
    trouble: str = ""
    said: notes.Said | None = None


def add(base: sqlite3.Connection, end: SliceEnd) -> tuple[str, ...]:
    """Add a slice that was not added before.

    Args:
        base: The database, within a transaction.
        end: The slice.

    Returns:
        Signatures that are new to the campaign.
    """
    base.execute(
        "INSERT INTO slice (name, target, engine, outcome, executions, cpu_seconds) VALUES (?, ?, ?, ?, ?, ?)",
        (end.name, end.target, end.engine, end.outcome, end.progress.executions, end.progress.cpu_seconds),
    )
    fresh_edges = _add_coverage(base, end)
    _add_numbers(base, end, fresh_edges)
    _add_point(base, end)
    _add_verdicts(base, end)
    if end.said is not None:
        notes.add(base, end.target, end.engine, end.said)
    return _add_findings(base, end)


def _add_coverage(base: sqlite3.Connection, end: SliceEnd) -> int:
    """Add edges and functions; return how many edges were new."""
    before = base.total_changes
    base.executemany(
        "INSERT OR IGNORE INTO covered (target, edge) VALUES (?, ?)",
        ((end.target, edge) for edge in end.covered),
    )
    fresh = base.total_changes - before
    base.executemany(
        "INSERT OR IGNORE INTO entered (target, function) VALUES (?, ?)",
        ((end.target, function) for function in end.functions),
    )
    return fresh


def _add_numbers(base: sqlite3.Connection, end: SliceEnd, fresh_edges: int) -> None:
    told_of, name = end.progress, end.target
    known = base.execute(
        "SELECT count FROM features WHERE target = ? AND engine = ?", (name, end.engine)
    ).fetchone()
    # What the first slice of an engine sees are mostly the seeds, which says nothing about what will come.
    fresh = max(0, told_of.features - known["count"]) if known else end.kept
    if known is None or told_of.features > known["count"]:
        base.execute(
            "INSERT OR REPLACE INTO features (target, engine, count) VALUES (?, ?, ?)",
            (name, end.engine, told_of.features),
        )
    row = base.execute("SELECT * FROM target WHERE name = ?", (name,)).fetchone()
    counted = base.execute("SELECT count(*) AS n FROM covered WHERE target = ?", (name,)).fetchone()["n"]
    cpu = told_of.cpu_seconds
    is_new = bool(end.kept or fresh_edges)
    since = max(0.0, told_of.seconds - told_of.last_new) if is_new else row["last_new"] + cpu
    broken = end.outcome in ("broken", "refused")
    in_a_row = BROKEN_IN_A_ROW if end.outcome == "refused" else row["broken_in_a_row"] + 1
    base.execute(
        "UPDATE target SET executions = executions + ?, seconds = seconds + ?, cpu_seconds = cpu_seconds + ?, "
        "edges = ?, edges_total = max(edges_total, ?), features = max(features, ?), corpus = ?, kept = kept + ?, "
        "last_new = ?, slices = slices + 1, broken = broken + ?, broken_in_a_row = ?, trouble = ?, "
        "code_executions = code_executions + ?, code_cpu = code_cpu + ?, code_slices = code_slices + 1, "
        "code_told = code_told + ?, code_broken = code_broken + ?, "
        "recent_new = recent_new * ? + ?, recent_cpu = recent_cpu * ? + ? WHERE name = ?",
        (
            told_of.executions,
            told_of.seconds,
            cpu,
            counted or max(row["edges"], told_of.edges),
            told_of.edges_total,
            told_of.features,
            end.corpus,
            end.kept,
            min(since, cpu) if is_new else since,
            broken,
            in_a_row if broken else 0,
            end.trouble,
            *(told_of.executions, cpu, end.outcome == "done" or told_of.edges > 0, broken),
            *(_FADE, fresh + fresh_edges, _FADE, cpu),
            name,
        ),
    )


def _add_verdicts(base: sqlite3.Connection, end: SliceEnd) -> None:
    known = {
        row["reason"] for row in base.execute("SELECT reason FROM verdict WHERE target = ?", (end.target,))
    }
    for reason, count in sorted(end.progress.verdicts.items()):
        word = reason[:100] if reason in known or len(known) < MOST_REASONS else "other"
        known.add(word)
        base.execute(
            "INSERT INTO verdict (target, reason, count) VALUES (?, ?, ?) "
            "ON CONFLICT (target, reason) DO UPDATE SET count = count + excluded.count",
            (end.target, word, count),
        )


def _add_findings(base: sqlite3.Connection, end: SliceEnd) -> tuple[str, ...]:
    known = {row["signature"] for row in base.execute("SELECT signature FROM finding")}
    of_target = base.execute("SELECT count(*) AS n FROM finding WHERE target = ?", (end.target,)).fetchone()
    room = MOST_SIGNATURES - of_target["n"]
    new: list[str] = []
    for seen in sorted(end.findings, key=lambda one: one.signature):
        if seen.signature not in known:
            if len(new) >= room or not seen.smallest:
                continue
            new.append(seen.signature)
        # A finding that was taken for fixed and is seen again is new again.
        base.execute(
            "INSERT INTO finding (signature, target, kind, message, count, first_at, smallest, size) "
            "VALUES (:signature, :target, :kind, :message, :count, :at, :smallest, :size) "
            "ON CONFLICT (signature) DO UPDATE SET count = count + :count, "
            "status = CASE status WHEN 'fixed' THEN 'new' ELSE status END, "
            "smallest = CASE WHEN :smallest != '' AND :size < size THEN :smallest ELSE smallest END, "
            "size = CASE WHEN :smallest != '' AND :size < size THEN :size ELSE size END",
            {
                "signature": seen.signature,
                "target": end.target,
                "kind": seen.kind,
                "message": seen.message,
                "count": seen.count,
                "at": end.at,
                "smallest": seen.smallest,
                "size": seen.size,
            },
        )
    return tuple(new)


def _add_point(base: sqlite3.Connection, end: SliceEnd) -> None:
    base.execute(
        "INSERT INTO growth (target, at, executions, edges, features, corpus, rate, memory_mb) "
        "SELECT name, ?, executions, edges, features, corpus, ?, ? FROM target WHERE name = ?",
        (
            end.at,
            end.progress.executions / end.progress.cpu_seconds if end.progress.cpu_seconds > 0 else 0.0,
            end.progress.memory_mb,
            end.target,
        ),
    )
    ids = [
        row["id"] for row in base.execute("SELECT id FROM growth WHERE target = ? ORDER BY id", (end.target,))
    ]
    if len(ids) > MOST_POINTS:
        base.executemany("DELETE FROM growth WHERE id = ?", ((one,) for one in ids[1 : len(ids) // 2 : 2]))

"""What a campaign remembers: one folder with its plan, a database, and a file for each input of a finding.

    STORE/campaigns/NAME/plan.json      what it was asked to do
    STORE/campaigns/NAME/state.sqlite   what came of it; written by the supervisor, read by anybody at any time
    STORE/campaigns/NAME/status.json    the same for machines that watch, replaced about once a second
    STORE/campaigns/NAME/findings/<signature>/<sha256>.json
    STORE/campaigns/NAME/slices/        slices that have not been merged yet

Whatever belongs together is written in one transaction, and merging a slice twice changes nothing: a process may be
killed at any moment.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from ipc_gauntlet.errors import GauntletError, UsageError
from ipc_gauntlet.fuzz.campaign import notes
from ipc_gauntlet.fuzz.campaign.guards import CAUGHT, Facts, Work, judge, overall
from ipc_gauntlet.fuzz.campaign.ledger import SliceEnd, add
from ipc_gauntlet.fuzz.campaign.records import (
    FindingState,
    FindingStatus,
    Growth,
    Plan,
    TargetPlan,
    TargetState,
)
from ipc_gauntlet.fuzz.campaign.tables import connect, told
from ipc_gauntlet.fuzz.work import write_whole

DATABASE = "state.sqlite"
PLAN = "plan.json"


@dataclass(frozen=True, kw_only=True)
class Account:
    """What the budget knows of a target; see `budget`. `with_code`: slices since its code changed."""

    target: str
    given: float = 0.0
    passed: float = 0.0
    pay: float = 0.0
    slices: int = 0
    with_code: int = 0
    canaries: Mapping[str, str] = field(default_factory=dict)
    broken_in_a_row: int = 0
    trouble: str = ""
    kept: int = 0


class State:
    """A campaign's memory. Made by `open`; use it as a context manager, or call `close`."""

    def __init__(self, folder: Path, database: sqlite3.Connection) -> None:
        self.folder = folder
        self._database = database

    @classmethod
    def open(cls, folder: Path, *, writable: bool = False) -> State:
        """Open the memory of a campaign.

        Args:
            folder: The campaign's.
            writable: Whether to make it if there is none.

        Raises:
            UsageError: There is no such campaign.
            GauntletError: It cannot be read or written.
        """
        path = folder / DATABASE
        if not writable and not path.is_file():
            raise UsageError(f"there is no fuzz campaign in {folder}")
        return cls(folder, connect(path, writable=writable))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the database."""
        self._database.close()

    # What it was asked to do.

    def plan(self) -> Plan:
        """The plan.

        Raises:
            GauntletError: It cannot be read.
        """
        return read_plan(self.folder)

    def adopt(self, plan: Plan) -> None:
        """Follow a plan from now on: new targets are added; what a changed target's edges were is forgotten.

        Raises:
            GauntletError: It cannot be written.
        """
        write_whole(self.folder / PLAN, msgspec.json.format(msgspec.json.encode(plan), indent=2) + b"\n")
        with self._transaction() as base:
            start = base.execute("SELECT coalesce(min(pass), 0) FROM target").fetchone()[0]
            for place, (name, target) in enumerate(plan.targets.items()):
                row = base.execute("SELECT code FROM target WHERE name = ?", (name,)).fetchone()
                if row is None:
                    base.execute(
                        "INSERT INTO target (name, place, code, pass) VALUES (?, ?, ?, ?)",
                        (name, place, target.code, start),
                    )
                    continue
                base.execute(
                    "UPDATE target SET place = ?, code = ?, broken_in_a_row = 0, trouble = '' WHERE name = ?",
                    (place, target.code, name),
                )
                base.execute("DELETE FROM canary WHERE target = ? AND answer != ?", (name, CAUGHT))
                if row["code"] != target.code:
                    self._forget_coverage(base, name)

    @staticmethod
    def _forget_coverage(base: sqlite3.Connection, name: str) -> None:
        notes.forget(base, name)
        for table in ("covered", "entered", "features", "verdict", "canary"):
            base.execute(f"DELETE FROM {table} WHERE target = ?", (name,))  # noqa: S608 - names of ours
        base.execute(
            "UPDATE target SET edges = 0, edges_total = 0, features = 0, code_executions = 0, code_cpu = 0, "
            "code_slices = 0, code_told = 0, code_broken = 0 WHERE name = ?",
            (name,),
        )

    # What is known.

    def elapsed(self) -> float:
        """Wall-clock seconds for which the campaign ran, over all its runs."""
        return self._number("elapsed")

    def budget(self) -> float:
        """At which `elapsed` it is over; 0 for never."""
        return self._number("budget")

    def _number(self, key: str) -> float:
        rows = self._rows("SELECT value FROM campaign WHERE key = ?", key)
        return float(rows[0]["value"]) if rows else 0.0

    def targets(self) -> list[TargetState]:
        """What is known of each target of the plan, in its order, and whether its fuzzing counts.

        Raises:
            GauntletError: The database cannot be read.
        """
        plan = self.plan()
        rows = {row["name"]: row for row in self._rows("SELECT * FROM target")}
        return [
            self._target(rows[name], target, plan) for name, target in plan.targets.items() if name in rows
        ]

    def _target(self, row: sqlite3.Row, own: TargetPlan, plan: Plan) -> TargetState:
        name = row["name"]
        entered = self.entered(name) if own.reach else set()
        unreached = tuple(mark for mark in own.reach if mark not in entered)
        canaries = {
            one["engine"]: one
            for one in self._rows("SELECT * FROM canary WHERE target = ? ORDER BY engine", name)
        }
        answers = {engine: one["answer"] for engine, one in canaries.items()}
        verdicts = {
            one["reason"]: one["count"]
            for one in self._rows("SELECT * FROM verdict WHERE target = ? ORDER BY reason", name)
        }
        told_of = self._rows("SELECT * FROM note WHERE target = ? ORDER BY engine, key", name)
        alone = len(plan.engines) == 1
        state = TargetState(
            target=name,
            executions=row["executions"],
            seconds=row["seconds"],
            cpu_seconds=row["cpu_seconds"],
            edges=row["edges"],
            edges_total=row["edges_total"],
            features=row["features"],
            corpus=row["corpus"],
            last_new=row["last_new"],
            slices=row["slices"],
            broken=row["broken"],
            canary=overall(answers, plan.engines),
            canary_seconds=max((one["seconds"] for one in canaries.values()), default=0.0),
            canaries=answers,
            unreached=unreached,
            verdicts=verdicts,
            pairs={
                one["pair"]: one["count"]
                for one in self._rows("SELECT * FROM pair WHERE target = ? ORDER BY count DESC, pair", name)
            },
            notes=notes.of(told_of, loud=False, alone=alone),
            pay=_pay(row),
        )
        facts = Facts(
            state=state,
            work=Work(**{key: row[f"code_{key}"] for key in Work.__dataclass_fields__}),
            seeds=own.seeds,
            kept=row["kept"],
            broken_in_a_row=row["broken_in_a_row"],
            trouble=row["trouble"],
            engines=plan.engines if plan.canary else (),
        )
        blind, uncounted, warnings = judge(facts)
        loud = notes.of(told_of, loud=True, alone=alone)
        return msgspec.structs.replace(state, blind=blind, uncounted=uncounted, warnings=(*warnings, *loud))

    def growth(self, target: str) -> list[Growth]:
        """A target's curve, a point for each slice, thinned out where it is long."""
        rows = self._rows("SELECT * FROM growth WHERE target = ? ORDER BY id", target)
        return [Growth(**{key: row[key] for key in Growth.__struct_fields__}) for row in rows]

    def rates(self) -> dict[str, float]:
        """Executions per CPU second in the last slice of each target that had one."""
        rows = self._rows(
            "SELECT target, rate FROM growth WHERE id IN (SELECT max(id) FROM growth GROUP BY target)"
        )
        return {row["target"]: row["rate"] for row in rows}

    def findings(self) -> list[FindingState]:
        """All findings, the oldest first."""
        rows = self._rows("SELECT * FROM finding ORDER BY first_at, signature")
        return [FindingState(**{key: row[key] for key in FindingState.__struct_fields__}) for row in rows]

    def covered(self, target: str) -> set[str]:
        """Edges that were hit, `module:line:kind:index`."""
        return {row["edge"] for row in self._rows("SELECT edge FROM covered WHERE target = ?", target)}

    def entered(self, target: str) -> set[str]:
        """Functions that were entered, `module:qualified.name`."""
        return {
            row["function"] for row in self._rows("SELECT function FROM entered WHERE target = ?", target)
        }

    def known(self) -> tuple[str, ...]:
        """All signatures, sorted."""
        return tuple(
            row["signature"] for row in self._rows("SELECT signature FROM finding ORDER BY signature")
        )

    def accounts(self) -> list[Account]:
        """What the budget has to know, in the order of the plan."""
        rows = {row["name"]: row for row in self._rows("SELECT * FROM target")}
        answers: dict[str, dict[str, str]] = {name: {} for name in rows}
        for row in self._rows("SELECT target, engine, answer FROM canary"):
            answers[row["target"]][row["engine"]] = row["answer"]
        return [
            Account(
                target=name,
                given=rows[name]["given"],
                passed=rows[name]["pass"],
                pay=_pay(rows[name]),
                slices=rows[name]["slices"],
                with_code=rows[name]["code_slices"],
                canaries=answers[name],
                broken_in_a_row=rows[name]["broken_in_a_row"],
                trouble=rows[name]["trouble"],
                kept=rows[name]["kept"],
            )
            for name in self.plan().targets
            if name in rows
        ]

    def last_slice(self) -> int:
        """The highest number with which the name of a merged slice begins, 0 if there was none."""
        rows = self._rows(
            "SELECT coalesce(max(CAST(substr(name, 1, instr(name, '-') - 1) AS INTEGER)), 0) AS n FROM slice"
        )
        return int(rows[0]["n"])

    def is_merged(self, name: str) -> bool:
        """Whether a slice's results are in here."""
        return bool(self._rows("SELECT 1 FROM slice WHERE name = ?", name))

    def is_known(self, target: str) -> bool:
        """Whether a target is, or was, one of the plan."""
        return bool(self._rows("SELECT 1 FROM target WHERE name = ?", target))

    # What is learnt.

    def pass_time(self, elapsed: float, budget: float) -> None:
        """Remember how long the campaign ran and at which time it is over.

        Raises:
            GauntletError: It cannot be written.
        """
        with self._transaction() as base:
            base.executemany(
                "INSERT OR REPLACE INTO campaign (key, value) VALUES (?, ?)",
                [("elapsed", elapsed), ("budget", budget)],
            )

    def canary(self, target: str, engine: str, answer: str, seconds: float = 0.0) -> None:
        """Remember what became of a target's canary.

        Args:
            target: Its name.
            engine: Which engine looked for it.
            answer: `caught`, `missed`, `untried`, `unused` or why there is none.
            seconds: How long it took.

        Raises:
            GauntletError: It cannot be written.
        """
        with self._transaction() as base:
            base.execute(
                "INSERT OR REPLACE INTO canary (target, engine, answer, seconds) VALUES (?, ?, ?, ?)",
                (target, engine, answer, seconds),
            )

    def mark(
        self,
        signature: str,
        *,
        status: FindingStatus,
        reproduced: str = "",
        smallest: str = "",
        size: int = 0,
    ) -> None:
        """Remember what triage made of a finding; what is left out stays as it is.

        Args:
            signature: Which.
            status: Where it stands now.
            reproduced: How many re-runs showed it, of how many: `5/5`.
            smallest: SHA-256 of the smallest input.
            size: Its length.

        Raises:
            UsageError: There is no such finding.
            GauntletError: It cannot be written.
        """
        with self._transaction() as base:
            changed = base.execute(
                "UPDATE finding SET status = ?, reproduced = coalesce(nullif(?, ''), reproduced), "
                "size = CASE WHEN ? != '' THEN ? ELSE size END, smallest = coalesce(nullif(?, ''), smallest) "
                "WHERE signature = ?",
                (status, reproduced, smallest, size, smallest, signature),
            )
            if changed.rowcount == 0:
                raise UsageError(f"there is no finding {signature} in {self.folder}")

    def merge(self, end: SliceEnd, *, given: float | None, passed: float | None) -> tuple[str, ...]:
        """Take over a slice's results; a slice that was merged already changes nothing.

        Args:
            end: The results.
            given: Seconds that the target has been given by now; None if that is as before.
            passed: Where it stands in the queue of the budget; None if that is as before.

        Returns:
            Signatures that are new to the campaign.

        Raises:
            GauntletError: It cannot be written; then nothing was.
        """
        with self._transaction() as base:
            if base.execute("SELECT 1 FROM slice WHERE name = ?", (end.name,)).fetchone():
                return ()
            new = add(base, end)
            base.execute(
                "UPDATE target SET given = coalesce(?, given), pass = coalesce(?, pass) WHERE name = ?",
                (given, passed, end.target),
            )
            return new

    def _rows(self, question: str, *values: object) -> list[sqlite3.Row]:
        with told(self.folder / DATABASE):
            return self._database.execute(question, values).fetchall()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing."""
        with told(self.folder / DATABASE):
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield self._database
                self._database.execute("COMMIT")
            except BaseException:
                if self._database.in_transaction:
                    self._database.execute("ROLLBACK")
                raise


def read_plan(folder: Path) -> Plan:
    """The plan in a campaign's folder.

    Raises:
        GauntletError: It cannot be read.
    """
    path = folder / PLAN
    try:
        return msgspec.json.decode(path.read_bytes(), type=Plan)
    except (OSError, msgspec.DecodeError) as error:
        raise GauntletError(f"cannot read the plan {path}: {error}; begin again with --fresh") from error


def _pay(row: sqlite3.Row) -> float:
    return float(row["recent_new"] / row["recent_cpu"]) if row["recent_cpu"] > 0 else 0.0

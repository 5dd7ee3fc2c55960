"""Who works next for a campaign: the budget's choice, canaries in between, targets that are given up left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ipc_gauntlet.fuzz.campaign import budget
from ipc_gauntlet.fuzz.campaign.guards import BROKEN_IN_A_ROW, MISSED, UNTRIED, overall
from ipc_gauntlet.fuzz.campaign.records import Plan
from ipc_gauntlet.fuzz.campaign.state import Account

_SHORT = 5.0
"""Where first slices are shorter, all come before the first canary: a short budget still covers everything."""

_AGAIN = 4
"""A canary that was missed flies again when its target had so many times the slices: the corpus has grown since."""

_INERTIA = 0.7


@dataclass(frozen=True, kw_only=True)
class Assignment:
    """What to do next.

    Attributes:
        target: For which target.
        canary: Whether its canary is to fly, or else a slice to fuzz.
        engine: With which engine.
        seconds: For how long.
        number: How many slices the target had before: part of the seed.
    """

    target: str
    canary: bool
    engine: str
    seconds: float
    number: int


@dataclass(kw_only=True)
class _Standing:
    target: str
    weight: float
    engines: list[str]
    given: float = 0.0
    passed: float = 0.0
    pay: float = 0.0
    ended: int = 0
    running: int = 0
    with_code: int = 0
    canaries: Mapping[str, str] = field(default_factory=dict)
    flying: str = ""
    held: bool = False
    flown_at: dict[str, int] = field(default_factory=dict)
    given_up: bool = False

    @property
    def slices(self) -> int:
        return self.ended + self.running

    @property
    def is_fresh(self) -> bool:
        """Whether nothing is known of its present code."""
        return self.with_code + self.running == 0

    def canary_due(self, engine: str) -> bool:
        """Whether the canary of one of its engines has to fly; one flies at a time."""
        if self.flying or self.held or engine not in self.engines:
            return False
        if self.canaries.get(engine, UNTRIED) not in (UNTRIED, MISSED):
            return False
        flown_at = self.flown_at.get(engine, -1)
        return flown_at < 0 or self.ended >= _AGAIN * max(flown_at, 1)

    def candidate(self) -> budget.Candidate:
        return budget.Candidate(
            target=self.target,
            weight=self.weight,
            given=self.given,
            passed=self.passed,
            # What is blind may not draw time away from what counts.
            pay=0.0 if overall(self.canaries, self.engines) == MISSED else self.pay,
            slices=self.with_code + self.running,
            running=self.running,
        )


@dataclass(kw_only=True)
class Schedule:
    """Chooses, and keeps account of what it chose.

    Attributes:
        plan: Of the campaign.
    """

    plan: Plan
    _standings: dict[str, _Standing] = field(default_factory=dict)
    _overhead: float = 1.0
    _is_short: bool | None = None
    _reserve: float | None = None

    def learn(self, accounts: Sequence[Account]) -> None:
        """Take over what the campaign's memory says; what runs now is kept."""
        for account in accounts:
            mine = self._standings.get(account.target)
            if mine is None:
                mine = _Standing(
                    target=account.target,
                    weight=self.plan.weights.get(account.target, 1.0),
                    engines=list(self.plan.engines),
                    given=account.given,
                    passed=account.passed,
                )
                self._standings[account.target] = mine
            mine.pay, mine.canaries = account.pay, account.canaries
            mine.ended, mine.with_code = account.slices, account.with_code
            mine.given_up = account.broken_in_a_row >= BROKEN_IN_A_ROW

    def next(self, left: float | None) -> Assignment | None:
        """What to do next; None if there is nothing, for now or for good.

        Args:
            left: Seconds that are left of the budget, None if it has no end.
        """
        usable = [one for one in self._standings.values() if not one.given_up]
        if not usable or (left is not None and left <= 0):
            return None
        fresh = sum(one.is_fresh for one in usable)
        if self._reserve is None:
            self._reserve = (1 - budget.FIRST_PART) * (left or 0.0)
        room = budget.Room(
            longest=self.plan.slice_seconds,
            left=left,
            reserve=self._reserve,
            jobs=self.plan.jobs,
            fresh=fresh,
            targets=len(usable),
            overhead=self._overhead,
        )
        seconds = budget.slice_seconds(room)
        if self._is_short is None:
            self._is_short = bool(fresh) and seconds < _SHORT
        bird = self._bird(usable, fresh)
        if bird is not None:
            return bird
        chosen = self._choose(usable, seconds)
        if chosen is None:
            return None
        engine = chosen.engines[chosen.slices % len(chosen.engines)]
        return Assignment(
            target=chosen.target, canary=False, engine=engine, seconds=seconds, number=chosen.slices
        )

    def _bird(self, usable: Sequence[_Standing], fresh: int) -> Assignment | None:
        """Whose canary flies now, with which engine: the main engine's come first."""
        if not self.plan.canary or (fresh and self._is_short):
            return None
        due = (
            Assignment(target=one.target, canary=True, engine=engine, seconds=0.0, number=one.ended)
            for engine in self.plan.engines
            for one in usable
            if one.canary_due(engine)
        )
        return next(due, None)

    def _choose(self, usable: Sequence[_Standing], seconds: float) -> _Standing | None:
        # Before its canary is back, a target that had no slice waits, unless time is short.
        ready = [one for one in usable if not one.is_fresh or not one.flying or self._is_short]
        return ready[budget.choose([one.candidate() for one in ready], seconds)] if ready else None

    def begin(self, chosen: Assignment) -> None:
        """It has been started."""
        mine = self._standings[chosen.target]
        if chosen.canary:
            mine.flying, mine.flown_at[chosen.engine] = chosen.engine, mine.ended
            return
        usable = [one for one in self._standings.values() if not one.given_up]
        parts = budget.shares([one.candidate() for one in usable])
        share = next((part for one, part in zip(usable, parts, strict=True) if one is mine), 1.0)
        mine.passed = budget.advance(mine.candidate(), share, chosen.seconds)
        mine.given += chosen.seconds
        mine.running += 1

    def resume(self, target: str) -> None:
        """A slice of an earlier run is looked into; its time was charged then."""
        self._standings[target].running += 1

    def landed(self, target: str) -> None:
        """Its canary is back, with whatever answer."""
        self._standings[target].flying = ""

    def due(self) -> frozenset[str]:
        """Targets whose canaries would fly next."""
        return frozenset(
            one.target
            for one in self._standings.values()
            if not one.given_up and any(map(one.canary_due, one.engines))
        )

    def hold(self, targets: Sequence[str]) -> None:
        """Their canaries cannot fly yet: what can be planted has to be found out first."""
        for target in targets:
            mine = self._standings[target]
            mine.flown_at.pop(mine.flying, None)
            mine.held, mine.flying = True, ""

    def release(self, targets: Sequence[str]) -> None:
        """That is known now, or will never be."""
        for target in targets:
            self._standings[target].held = False

    def finish(self, target: str, asked: float, took: float) -> tuple[float, float]:
        """A slice has ended.

        Args:
            target: Its target.
            asked: Seconds that it was charged.
            took: Seconds that it took, start-up included.

        Returns:
            What to remember: seconds given, and `passed`.
        """
        mine = self._standings[target]
        mine.running -= 1
        mine.given += took - asked
        extra = min(max(took - asked, 0.0), 60.0)
        self._overhead = _INERTIA * self._overhead + (1 - _INERTIA) * extra
        return mine.given, mine.passed

    def refuse(self, target: str, engine: str) -> bool:
        """An engine cannot fuzz a target; tell whether another is left."""
        mine = self._standings[target]
        if engine in mine.engines and len(mine.engines) > 1:
            mine.engines.remove(engine)
            return True
        return False

    def is_hopeless(self) -> bool:
        """Whether all targets have been given up."""
        return all(one.given_up for one in self._standings.values())

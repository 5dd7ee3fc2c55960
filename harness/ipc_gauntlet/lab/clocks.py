"""Virtual time: the drivers' clocks stand still until a case moves them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ipc_gauntlet.errors import CallFailed, Inconclusive
from ipc_gauntlet.judge.outcome import Role
from ipc_gauntlet.lab.access import ROLES
from ipc_gauntlet.lab.inside import Inside
from ipc_gauntlet.lab.session import Session
from ipc_gauntlet.lab.waiting import CALL_TIMEOUT_S, PATIENCE_S

TICK_MS = 1


@dataclass(frozen=True, slots=True)
class Fired:
    """When something happened, in virtual time.

    Args:
        early: It had happened one tick before its time.
        late: It had not happened at its time.
    """

    early: bool
    late: bool

    @property
    def on_time(self) -> bool:
        """Whether it happened with exactly this tick."""
        return not self.early and not self.late

    @property
    def how(self) -> str:
        """The same for a person."""
        return "too early" if self.early else "not at its time" if self.late else "exactly at its time"


class Clocks(Inside):
    """The part of a lab that moves the clocks of endpoints with the option `clock: virtual`."""

    @property
    def virtual(self) -> bool:
        """Whether the pair has a clock that a case can move."""
        return self.has("virtual-clock")

    def advance(self, ms: int, *roles: Role) -> None:
        """Let virtual time pass; returns when everything that became due has been done.

        Args:
            ms: Milliseconds.
            *roles: Whose clock; both by default, at the same moment as far as anybody can tell.

        Raises:
            Inconclusive: A driver could not.
        """
        calls = [(role, self.submit(role, "advance_clock", {"ms": ms})) for role in roles or ROLES]
        if not self.wait(lambda: all(call.done for _, call in calls), CALL_TIMEOUT_S):
            raise Inconclusive(f"a clock did not move by {ms} ms within {CALL_TIMEOUT_S:g} s")
        for role, call in calls:
            try:
                call.result()
            except CallFailed as failure:
                raise Inconclusive(f"the {role}'s clock could not be moved: {failure}") from failure

    def step_wall(self, ms: int, *roles: Role) -> None:
        """Set the wall clock of endpoints with virtual time forward, or back; no time passes by that.

        Args:
            ms: Milliseconds, may be negative.
            *roles: Whose clock; both by default.
        """
        for role in roles or ROLES:
            self.configure(role, "step-wall", ms=ms)

    def fires_between(
        self, session: Session, predicate: Callable[[], bool], t_ms: int, *roles: Role
    ) -> Fired:
        """Move virtual time to one tick before something is due, then by that tick, and see when it happens.

        Args:
            session: Where it shows; nothing may move there before the last tick.
            predicate: Whether it has happened.
            t_ms: When it is due, in milliseconds from now.
            *roles: Whose clock; both by default.
        """
        self.advance(t_ms - TICK_MS, *roles)
        early = session.settle(predicate)
        self.advance(TICK_MS, *roles)
        return Fired(early=early, late=not self.wait(predicate, PATIENCE_S))

    def require_fires(
        self, session: Session, predicate: Callable[[], bool], t_ms: int, *roles: Role, what: str
    ) -> None:
        """Demand that something happens exactly at its time; see `fires_between`.

        Args:
            session: Where it shows.
            predicate: Whether it has happened.
            t_ms: When it is due, in milliseconds from now.
            *roles: Whose clock; both by default.
            what: What is to happen, as a clause.

        Raises:
            RequirementViolated: It happens earlier or later.
        """
        fired = self.fires_between(session, predicate, t_ms, *roles)
        self.require_that(
            fired.on_time,
            f"{what} {t_ms} ms later in virtual time, to the millisecond",
            f"it happened {fired.how}" if not fired.late else f"nothing had happened after {t_ms} ms",
            "early" if fired.early else "late",
        )

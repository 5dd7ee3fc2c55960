"""A client's attempt to connect somewhere, watched from outside."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ipc_gauntlet.driver import Call, Observation
    from ipc_gauntlet.lab.lab import Lab

_OVER = ("closed", "rejected")


class Attempt:
    """One `connect` of the client under test; `lab.begin` starts it.

    Args:
        lab: The case's lab.
        conn: The connection's id at the client's driver.
        call: The call of `connect`.
    """

    def __init__(self, lab: Lab, conn: str, call: Call) -> None:
        self._lab = lab
        self._call = call
        self.conn = conn
        self._refused_at: float | None = None

    def is_over(self) -> bool:
        """Whether the client has told that it gave up, in one way or another."""
        return self.gave_up() is not None

    def gave_up(self) -> float | None:
        """When it told so, on the event loop's clock; None while it has not."""
        told = next(self._endings(), None)
        if told is not None:
            return told.arrived
        if self._refused_at is None and self._call.done and self._lab.refusal(self._call) is not None:
            self._refused_at = self._lab.reactor.now()
        return self._refused_at

    @property
    def reason(self) -> str | None:
        """The reason class that it told; None while it has not, or told none."""
        told = next(self._endings(), None)
        if told is not None:
            return told.params.get("reason")
        return self._lab.refusal(self._call) if self._call.done else None

    def _endings(self) -> Iterator[Observation]:
        seen = self._lab.client.observations
        return (one for one in seen if one.conn == self.conn and one.method in _OVER)

"""How often a driver may fail to answer before nobody asks it any more.

Every question has a deadline, and a case that a driver leaves without an answer costs all of it. A driver that does so
again and again would cost that for each of a thousand cases, and tell nothing new.
"""

from __future__ import annotations

from ipc_gauntlet.errors import DriverTimeout

LIMIT = 6
"""Cases in a row that a driver may leave without an answer, in one process."""


class Patience:
    """Counts cases in a row that ended because a driver did not answer in time."""

    def __init__(self) -> None:
        self._last: DriverTimeout | None = None
        self._row = 0

    def note(self, raised: BaseException | None) -> None:
        """A case has ended; `raised` is what left it, or None."""
        if isinstance(raised, DriverTimeout):
            self._last = raised
            self._row += 1
        else:
            self._row = 0

    def check(self) -> None:
        """Called before a case is begun.

        Raises:
            DriverTimeout: The driver has been given up.
        """
        if self._last is not None and self._row >= LIMIT:
            text = f"given up: {self._row} cases in a row it did not answer in time ({self._last.detail})"
            raise GivenUp(self._last.driver, text)


class GivenUp(DriverTimeout):
    """The case was not begun, because the driver did not answer in the cases before it."""

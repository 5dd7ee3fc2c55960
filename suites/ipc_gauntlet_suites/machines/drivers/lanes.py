"""`LanesMachine` on a pair of drivers: the operation `work` in lanes, by the server's virtual time.

An item is seen to have started at its first checkpoint, and ends at the next one after it was cancelled.
"""

from ipc_gauntlet import Lab, Served, checks
from ipc_gauntlet_suites.machines.drivers.judging import judge_schedules
from ipc_gauntlet_suites.machines.lanes import LanesMachine
from ipc_gauntlet_suites.machines.running import Budget
from ipc_gauntlet_suites.scripts import numbered, open_or_stop

BUDGET = Budget(examples=8, steps=8, wall_s=12.0)

_STEP_MS = 1
_TICKS = 100
_SOON_S = 0.02
_FOREVER = b"10000,1"


class DriverLanes:
    """See `ipc_gauntlet_suites.machines.lanes.LanesBackend`.

    Args:
        lab: The case's lab.
        served: A server in virtual time.
    """

    def __init__(self, lab: Lab, served: Served) -> None:
        self._lab = lab
        self._session = lab.session(served=served, virtual=True)
        open_or_stop(self._session)
        self._items: dict[bytes, int] = {}
        self._since = len(lab.executed())

    def submit(self, lane: str, item: int) -> None:
        """See `LanesBackend`."""
        key = self._lab.key()
        self._items[key] = item
        link = self._session.the_link()
        heard = link.bytes_seen("c2s")
        self._session.request("work", _FOREVER, key=key, lane=lane, tag=str(item), deadline_ms=600_000)
        self._lab.wait(lambda: link.bytes_seen("c2s") > heard, 1.0)

    def finish(self, item: int) -> None:
        """See `LanesBackend`."""
        self._session.cancel(str(item))

    def started(self, expected: int) -> list[int]:
        """See `LanesBackend`: time passes until as many have reached a checkpoint, or surely would have."""
        for _ in range(_TICKS):
            if len(self._begun()) >= expected:
                break
            self._lab.advance(_STEP_MS, "server")
            self._lab.wait(lambda: len(self._begun()) >= expected, _SOON_S)
        return self._begun()

    def close_all(self) -> None:
        """See `LanesBackend`."""
        self._session.close()
        self._lab.advance(_STEP_MS, "server")

    def _begun(self) -> list[int]:
        told = self._lab.executed()[self._since :]
        return list(dict.fromkeys(self._items[one.key] for one in told if one.key in self._items))


def lane_schedules(lab: Lab, budget: Budget = BUDGET) -> None:
    """Try schedules of work in three lanes.

    Args:
        lab: The case's lab.
        budget: How much to try.
    """
    served = lab.listen(options={"clock": "virtual"})
    lab.control(numbered("c2s", 2), checks.delivered_all("c2s"), served=served, virtual=True)
    judge_schedules(lab, lambda: LanesMachine(DriverLanes(lab, served)), budget)

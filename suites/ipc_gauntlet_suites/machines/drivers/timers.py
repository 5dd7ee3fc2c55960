"""`TimersMachine` on a pair of drivers: the deadlines of a client's requests, by virtual time.

The server's clock stands still, so it never answers by itself; a timer is stopped by letting it answer.
"""

from ipc_gauntlet import Call, Inconclusive, Lab, NotApplicable, Served, Unsupported, checks
from ipc_gauntlet_suites.machines.drivers.judging import judge_schedules
from ipc_gauntlet_suites.machines.running import Budget
from ipc_gauntlet_suites.machines.timers import TimersMachine
from ipc_gauntlet_suites.scripts import answer_of, numbered, open_or_stop

BUDGET = Budget(examples=8, steps=12, wall_s=12.0)

_ANSWER_MS = 1
_TICKS = 40
_SOON_S = 1.0
# All requests of a schedule are over after this, whatever it did.
_ALL_MS = 2000


class DriverTimers:
    """See `ipc_gauntlet_suites.machines.timers.TimersBackend`.

    Args:
        lab: The case's lab.
        served: A server in virtual time.
    """

    def __init__(self, lab: Lab, served: Served) -> None:
        self._lab = lab
        self._session = lab.session(served=served, virtual=True)
        open_or_stop(self._session)
        self._calls: dict[int, Call] = {}
        self._stopped: set[int] = set()
        self._wall_ms = 0

    def arm(self, timer: int, length_ms: int) -> None:
        """See `TimersBackend`."""
        link = self._session.the_link()
        heard = link.bytes_seen("c2s")
        wait = str(_ANSWER_MS).encode()
        self._calls[timer] = self._session.request("wait", wait, deadline_ms=length_ms)
        self._lab.wait(lambda: link.bytes_seen("c2s") > heard, _SOON_S)

    def stop(self, timer: int) -> bool:
        """See `TimersBackend`; all answers come together."""
        return False

    def stop_all(self) -> None:
        """See `TimersBackend`: the server's time passes until it has answered."""
        open_calls = {timer: call for timer, call in self._calls.items() if not call.done}
        for _ in range(_TICKS):
            self._lab.advance(_ANSWER_MS, "server")
            if self._lab.wait(lambda: all(call.done for call in open_calls.values()), 0.05):
                break
        for timer, call in open_calls.items():
            if not call.done or answer_of(call).get("status") != "ok":
                raise Inconclusive("the server did not answer when its time passed")
            self._stopped.add(timer)

    def advance(self, length_ms: int) -> None:
        """See `TimersBackend`."""
        self._lab.advance(length_ms, "client")

    def step_wall(self, length_ms: int) -> bool:
        """See `TimersBackend`."""
        try:
            self._lab.step_wall(length_ms, "client")
        except (NotApplicable, Unsupported):
            return False
        self._wall_ms += length_ms
        return True

    def fired(self, expected: int) -> list[int]:
        """See `TimersBackend`."""
        self._lab.wait(lambda: len(self._over()) >= expected, _SOON_S)
        return self._over()

    def close_all(self) -> None:
        """See `TimersBackend`."""
        if self._wall_ms:
            self._lab.step_wall(-self._wall_ms, "client")
        self._lab.advance(_ALL_MS, "client")
        self._session.close()

    def _over(self) -> list[int]:
        return [timer for timer, call in self._calls.items() if call.done and timer not in self._stopped]


def timer_schedules(lab: Lab, budget: Budget = BUDGET) -> None:
    """Try schedules of deadlines, answers, passing time and steps of the wall clock.

    Args:
        lab: The case's lab.
        budget: How much to try.
    """
    served = lab.listen(options={"clock": "virtual"})
    lab.control(numbered("c2s", 2), checks.delivered_all("c2s"), served=served, virtual=True)
    judge_schedules(lab, lambda: TimersMachine(DriverTimers(lab, served)), budget)

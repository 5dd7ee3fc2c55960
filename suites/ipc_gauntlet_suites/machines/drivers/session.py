"""`SessionMachine` on a pair of drivers: the relay loses every frame, and the machine puts in what shall arrive."""

from collections.abc import Collection, Mapping

from ipc_gauntlet import (
    Direction,
    Drop,
    EndView,
    Inconclusive,
    Lab,
    Role,
    Selector,
    Served,
    Session,
    checks,
    receiver,
)
from ipc_gauntlet_suites.machines.drivers.judging import judge_schedules
from ipc_gauntlet_suites.machines.running import Budget
from ipc_gauntlet_suites.machines.session import BOTH, SessionMachine
from ipc_gauntlet_suites.scripts import numbered

BUDGET = Budget(examples=16, steps=10, wall_s=12.0)

_EVERY = 1 << 30
_LOSE_ALL = tuple(
    Drop(at=Selector(direction=direction, nth=0, since_mark=False), count=_EVERY) for direction in BOTH
)
# How long a reaction is waited for where there may be none; what comes later is judged later.
_REACTION_S = 0.03
_CLOSING_S = 0.1


class DriverSession:
    """See `ipc_gauntlet_suites.machines.session.SessionBackend`.

    Args:
        lab: The case's lab.
        served: The server.
        elsewhere: Frames of another session with it.
    """

    def __init__(self, lab: Lab, served: Served, elsewhere: Mapping[Direction, list[bytes]]) -> None:
        self._lab = lab
        self._elsewhere = elsewhere
        self._session = lab.session(served=served, faults=_LOSE_ALL)
        self._taken: dict[Direction, int] = {"c2s": 0, "s2c": 0}
        self.speaks: Collection[Direction] = self._session.directions()
        good = served.deployment
        self.names: dict[Role, str | None] = {"client": good.service, "server": None}
        self.tells = "established" in lab.statement.observes

    def connect(self) -> None:
        """See `SessionBackend`."""
        self._session.connect()
        self._lab.wait(
            lambda: self._pending("c2s") or self._pending("s2c") or self._session.is_over("client")
        )

    def stirs(self) -> bool:
        """See `SessionBackend`."""
        told = self._told()
        return self._session.settle(lambda: self._told() != told, patient=True)

    def established(self, role: Role) -> bool:
        """See `SessionBackend`."""
        return self._session.is_established(role) and not self._session.is_over(role) and self._known(role)

    def taken(self, direction: Direction) -> list[bytes]:
        """See `SessionBackend`."""
        link = self._session.link
        if link is None:
            return []
        frames = link.frames(direction)[self._taken[direction] :]
        self._taken[direction] += len(frames)
        return [frame.data for frame in frames]

    def put(self, direction: Direction, data: bytes) -> None:
        """See `SessionBackend`."""
        link, told = self._session.link, self._told()
        if link is not None:
            link.inject(direction, data)
            self._react(told, receiver(direction))

    def cut(self) -> None:
        """See `SessionBackend`."""
        if self._session.link is not None:
            self._session.link.cut()

    def send(self, direction: Direction, payload: bytes) -> bool:
        """See `SessionBackend`."""
        return self._session.send(direction, payload)

    def rekey(self, role: Role) -> bool:
        """See `SessionBackend`."""
        if not self._lab.has("rekey"):
            return False
        told = self._told()
        try:
            self._session.configure(role, "rekey")
        except Inconclusive:
            return False
        self._react(told, role)
        return True

    def close(self, role: Role) -> None:
        """See `SessionBackend`."""
        told = self._told()
        self._session.submit(role, "close", mode="graceful")
        self._react(told, role, _CLOSING_S)

    def advance(self, seconds: float) -> bool:
        """See `SessionBackend`; the clocks of a pair of drivers are their own."""
        return False

    def elsewhere(self, direction: Direction) -> list[bytes]:
        """See `SessionBackend`."""
        return self._elsewhere[direction]

    def view(self, role: Role) -> EndView:
        """See `SessionBackend`."""
        return self._session.view(role)

    def settle(self) -> None:
        """See `SessionBackend`."""
        if self._session.link is not None:
            self._session.settle(lambda: all(self._session.is_over(role) for role in ("client", "server")))

    def close_all(self) -> None:
        """See `SessionBackend`."""
        self._session.close()

    def _known(self, role: Role) -> bool:
        return role == "client" or self._session.knows_server()

    def _pending(self, direction: Direction) -> bool:
        link = self._session.link
        return link is not None and link.count(direction) > self._taken[direction]

    def _told(self) -> tuple[int, int]:
        """How much both ends have said so far, to the wire and to their users."""
        link = self._session.link
        wire = 0 if link is None else link.count("c2s") + link.count("s2c")
        return wire, len(self._lab.client.observations) + len(self._lab.server.observations)

    def _react(self, told: tuple[int, int], role: Role, limit_s: float = _REACTION_S) -> None:
        if not self._session.is_over(role):
            self._lab.wait(lambda: self._told() != told, limit_s)


def session_schedules(lab: Lab, judged: Collection[str], budget: Budget = BUDGET) -> None:
    """Try schedules of an adversary who owns the path, and judge some groups of invariants.

    Args:
        lab: The case's lab.
        judged: Groups of `ipc_gauntlet_suites.machines.session`.
        budget: How much to try.
    """
    served = lab.listen()
    script = numbered("c2s", 3)
    session = lab.session(served=served, patient=True)
    script(session)
    elsewhere = {direction: session.the_link().recording(direction) for direction in BOTH}
    lab.require_control(session.finish(), checks.delivered_all("c2s"))
    _end(session)
    judge_schedules(lab, lambda: SessionMachine(DriverSession(lab, served, elsewhere), judged), budget)


def _end(session: Session) -> None:
    session.settle(lambda: session.is_over("client") and session.is_over("server"))

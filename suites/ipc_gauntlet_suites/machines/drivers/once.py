"""`OnceMachine` on a pair of drivers: the operation `append`, two principals, and where it can be done a crash."""

from collections.abc import Callable, Collection

from ipc_gauntlet import Call, Deployment, Lab, Served, Session, checks
from ipc_gauntlet_suites.machines.drivers.judging import judge_schedules
from ipc_gauntlet_suites.machines.once import PRINCIPALS, OnceMachine, Reply
from ipc_gauntlet_suites.machines.running import Budget
from ipc_gauntlet_suites.scripts import numbered, open_or_stop

BUDGET = Budget(examples=12, steps=12, wall_s=12.0)
# A restart costs as much as twenty schedules without one.
CRASHING = Budget(examples=4, steps=10, wall_s=12.0, shrink_s=6.0)

_SOON_S = 1.0
_ROLE = "writer"


class World:
    """What stays from schedule to schedule: the server, and a session for each principal.

    Args:
        lab: The case's lab.
        durable: Whether the server keeps its records in a file, and may be killed.
        guarded: Whether callers need permission, which can be taken away.
    """

    def __init__(self, lab: Lab, *, durable: bool = False, guarded: bool = False) -> None:
        first, second = lab.issuer.good(), lab.issuer.good("second-client")
        trust = lab.issuer.trust_both(first, second)
        options: dict[str, object] = {"store": lab.store_path()} if durable else {}
        if guarded:
            options["roles"] = {"append": _ROLE}
        self.lab = lab
        self.durable = durable
        self.guarded = guarded
        self.schedules = 0
        self.clients: dict[str, Deployment] = dict(zip(PRINCIPALS, (first, second), strict=True))
        self.served: Served = lab.listen(first.replace("server", first.server.but(trust=trust)), options)
        self._sessions: dict[str, Session] = {}
        if guarded:
            for who in PRINCIPALS:
                self.permit(who)

    def session(self, who: str) -> Session:
        """The principal's session, a new one if the last is over."""
        session = self._sessions.get(who)
        if session is None or session.is_over("client"):
            session = self.lab.session(served=self.served, deployment=self.clients[who])
            open_or_stop(session)
            self._sessions[who] = session
        return session

    def drop(self, who: str) -> None:
        """Cut the principal's connection."""
        session = self._sessions.pop(who)
        session.the_link().cut()
        self.lab.wait(lambda: session.is_over("client"), _SOON_S)
        session.close()

    def permit(self, who: str, *, allowed: bool = True) -> None:
        """Give the principal its role, or take it."""
        name = self.clients[who].client.name
        action = "grant" if allowed else "withdraw"
        what = {"action": action, "listener": self.served.listener, "name": name, "role": _ROLE}
        self.lab.call("server", "configure", what)

    def revive(self) -> None:
        """Start the server again."""
        for session in self._sessions.values():
            session.close()
        self._sessions.clear()
        self.lab.restart("server")
        self.served = self.served.reopen()


class DriverOnce:
    """See `ipc_gauntlet_suites.machines.once.OnceBackend`.

    Args:
        world: What stays. Each schedule has keys and bodies of its own.
    """

    def __init__(self, world: World) -> None:
        world.schedules += 1
        self._world = world
        self._lab = world.lab
        self._prefix = b"schedule-%d " % world.schedules
        self._keys = [world.lab.key() for _ in range(3)]
        self._used: set[tuple[str, int]] = set()
        self._answers: dict[bytes, set[bytes]] = {}
        self._forbidden: set[str] = set()
        self._may_crash = world.durable

    def request(self, who: str, key: int, body: bytes) -> Reply:
        """See `OnceBackend`."""
        return self._reply(self._world.session(who), self._call(who, key, body), body)

    def lose(self, who: str, key: int, body: bytes) -> bool:
        """See `OnceBackend`: what the server says is stopped, and the connection cut once it has spoken."""
        link = self._world.session(who).the_link()
        link.stall("s2c")
        heard = link.bytes_seen("s2c")
        self._call(who, key, body)
        self._lab.wait(lambda: link.bytes_seen("s2c") > heard, _SOON_S)
        self._world.drop(who)
        return True

    def together(self, who: str, key: int, body: bytes, count: int) -> list[Reply]:
        """See `OnceBackend`."""
        session = self._world.session(who)
        calls = [self._call(who, key, body) for _ in range(count)]
        return [self._reply(session, call, body) for call in calls]

    def crash(self, who: str, key: int, body: bytes, point: str) -> bool:
        """See `OnceBackend`: once in a schedule, and only where the point is surely reached."""
        if not self._may_crash or (who, key) in self._used or point not in self._lab.statement.faults:
            return False
        self._may_crash = False
        self._world.session(who)
        self._lab.arm("server", point, "kill")
        with self._lab.expect_death("server"):
            self._call(who, key, body)
        self._world.revive()
        return True

    def restart(self) -> bool:
        """See `OnceBackend`: once in a schedule."""
        possible, self._may_crash = self._may_crash, False
        if possible:
            self._world.revive()
        return possible

    def forbid(self, who: str, *, forbidden: bool) -> bool:
        """See `OnceBackend`."""
        if not self._world.guarded:
            return False
        self._world.permit(who, allowed=not forbidden)
        self._forbidden ^= {who}
        return True

    def pass_horizon(self, *, over: bool) -> bool:
        """See `OnceBackend`; how long records are kept is not told."""
        return False

    def ledger(self) -> list[bytes]:
        """See `OnceBackend`."""
        if self._world.durable:
            found = [one.payload for one in self._lab.ledger()]
        else:
            found = [one.payload for one in self._lab.executed()]
        return [body.removeprefix(self._prefix) for body in found if body.startswith(self._prefix)]

    def close_all(self) -> None:
        """See `OnceBackend`: what was taken is given back for the next schedule."""
        for who in tuple(self._forbidden):
            self.forbid(who, forbidden=False)

    def _call(self, who: str, key: int, body: bytes) -> Call:
        if who not in self._forbidden:
            self._used.add((who, key))
        return self._world.session(who).request("append", self._prefix + body, key=self._keys[key])

    def _reply(self, session: Session, call: Call, body: bytes) -> Reply:
        answer = session.answer(call)
        if answer.ok:
            answers = self._answers.setdefault(body, set())
            answers.add(answer.payload)
            if not self._world.durable:
                # The answer comes from one process, the news of the execution from another.
                self._lab.wait(lambda: self.ledger().count(body) >= len(answers), _SOON_S)
        return Reply(answer.ok, answer.payload, answer.code or answer.reason)


def once_schedules(
    lab: Lab, world: Callable[[], World], judged: Collection[str], budget: Budget = BUDGET
) -> None:
    """Try schedules of keyed requests.

    Args:
        lab: The case's lab.
        world: Makes the server.
        judged: The reasons of findings that count.
        budget: How much to try.
    """
    lab.control(numbered("c2s", 2), checks.delivered_all("c2s"))
    made = world()
    control = DriverOnce(made)
    reply = control.request(PRINCIPALS[0], 0, b"control")
    effects = len(control.ledger())
    lab.require_control_that(reply.ok and effects == 1, f"append was answered {reply!r}, {effects} effects")
    judge_schedules(lab, lambda: OnceMachine(DriverOnce(made), judged), budget)

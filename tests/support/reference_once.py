"""The reference's responder without sockets and threads: its desk, its store in a file, a clock that stands still."""

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from pathlib import Path

from ipc_gauntlet_suites.machines.once import Reply
from sipc import cbor
from sipc.cbor import Value
from sipc.envelope import Field, Kind, Status, build
from sipc.events import Established, RequestReceived
from sipc.exchange import Answer
from sipc.idempotency import Outcome
from sipc_runtime.clock import VirtualClock
from sipc_runtime.service import Desk, Method, Surroundings, Task
from sipc_runtime.store import Effect, Store
from sipc_runtime.workers import Workers

HORIZON = 600.0
TABLE = "CREATE TABLE IF NOT EXISTS effect (body BLOB NOT NULL);"
# A file in memory: what is tested is what a transaction holds together, not the disk.
FOLDER = "/dev/shm" if Path("/dev/shm").is_dir() else None


class Died(BaseException):
    """The responder's process is gone."""


class Caller:
    """What a desk takes for a connection."""

    label = "caller"

    def __init__(self, dies: Callable[[str], None]) -> None:
        self.answers: list[Answer] = []
        self._dies = dies

    def respond(self, _mid: int, answer: Answer) -> bool:
        """See `Endpoint.respond`."""
        self._dies("before-reply")
        self.answers.append(answer)
        return True


class ReferenceOnce:
    """The back end of `OnceMachine` for the reference; see `OnceBackend`.

    Even keys are used with a durable method, odd ones with a handler whose effect is outside of the store.
    """

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(dir=FOLDER))
        self.clock = VirtualClock()
        self._outside: list[bytes] = []
        self._forbidden: set[str] = set()
        self._point = ""
        self._together: Callable[[], None] | None = None
        self._mid = 0
        self._open()

    def _open(self) -> None:
        self.store = Store(str(self._folder / "store"), self.clock, HORIZON, TABLE)
        self.around = Surroundings(
            self.clock,
            lambda: self.store,
            Workers(),
            lambda peer, _method: peer.peer not in self._forbidden,
        )

    def _methods(self) -> dict[str, Method]:
        return {
            "test.durable": Method(
                durable=self._durable,
                idempotent=False,
                inline=True,
                committed=lambda _task: self._die("after-record"),
            ),
            "test.handled": Method(handler=self._handled, idempotent=False, inline=True),
        }

    def _die(self, point: str) -> None:
        if self._point == point:
            raise Died

    def _durable(self, task: Task) -> Effect:
        body = task.envelope.body

        def effect(sql: sqlite3.Connection) -> Outcome:
            self._die("before-effect")
            sql.execute("INSERT INTO effect VALUES (?)", (body,))
            self._die("after-effect")
            return Outcome(Status.OK, cbor.encode(os.urandom(16)))

        return effect

    def _handled(self, task: Task) -> Value:
        body = task.envelope.body
        self._die("before-effect")
        self._outside.append(body if isinstance(body, bytes) else b"")
        self._die("after-effect")
        together, self._together = self._together, None
        if together is not None:
            together()
        return os.urandom(16)

    def _call(self, who: str, key: int, body: bytes) -> list[Answer]:
        """What the desk answers on a connection of its own."""
        method = "test.handled" if key % 2 else "test.durable"
        caller = Caller(self._die)
        self._mid += 1
        envelope = build(
            Kind.REQUEST,
            self._mid,
            {Field.METHOD: method, Field.IDEM: b"%016d" % key, Field.BUDGET: 30_000, Field.BODY: body},
        )
        desk = Desk(Established(who, "x509", "server", "fake", 1, b""), self._methods(), self.around)
        desk.on_request(caller, RequestReceived(self._mid, envelope, self.clock.monotonic() + 30))  # type: ignore[arg-type]
        return caller.answers

    def request(self, who: str, key: int, body: bytes) -> Reply:
        """See `OnceBackend`."""
        (answer,) = self._call(who, key, body)
        if answer.status != Status.OK:
            return Reply(False, code=Status(answer.status).name.lower())
        return Reply(True, answer.body if isinstance(answer.body, bytes) else b"")

    def lose(self, who: str, key: int, body: bytes) -> bool:
        """See `OnceBackend`."""
        self._call(who, key, body)
        return True

    def together(self, who: str, key: int, body: bytes, count: int) -> list[Reply]:
        """See `OnceBackend`: the duplicates come while the first one's handler runs."""
        if not key % 2:
            return [self.request(who, key, body) for _ in range(count)]
        replies: list[Reply] = []
        self._together = lambda: replies.extend(self.request(who, key, body) for _ in range(count - 1))
        replies.append(self.request(who, key, body))
        self._together = None
        return replies

    def crash(self, who: str, key: int, body: bytes, point: str) -> bool:
        """See `OnceBackend`."""
        self._point = point
        try:
            self._call(who, key, body)
        except Died:
            pass
        finally:
            self._point = ""
        self.store._sql.close()
        self._open()
        return True

    def restart(self) -> bool:
        """See `OnceBackend`."""
        self.store.close()
        self._open()
        return True

    def forbid(self, who: str, *, forbidden: bool) -> bool:
        """See `OnceBackend`."""
        (self._forbidden.add if forbidden else self._forbidden.discard)(who)
        return True

    def pass_horizon(self, *, over: bool) -> bool:
        """See `OnceBackend`."""
        self.clock.advance(HORIZON if over else HORIZON - 1)
        return True

    def ledger(self) -> list[bytes]:
        """See `OnceBackend`."""
        rows = self.store.query("SELECT body FROM effect")
        return [row[0] for row in rows if isinstance(row[0], bytes)] + self._outside

    def close_all(self) -> None:
        """See `OnceBackend`."""
        self.store.close()
        shutil.rmtree(self._folder)

"""What a case and everything that helps it stand on: its facts, its two drivers, waiting, and values from its seed."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from ipc_gauntlet.credentials import Issuer
from ipc_gauntlet.credentials.deployment import PskIssuer, X509Issuer
from ipc_gauntlet.declaration import CaseSpec
from ipc_gauntlet.driver import Call, Driver, Statement
from ipc_gauntlet.errors import CallFailed, DriverDied, DriverError, NotApplicable, TooNoisy
from ipc_gauntlet.judge.outcome import Role
from ipc_gauntlet.lab.judging import Judging
from ipc_gauntlet.lab.quiet import Stillness
from ipc_gauntlet.lab.timing import Noise
from ipc_gauntlet.lab.waiting import (
    CALL_TIMEOUT_S,
    PATIENCE_S,
    PATIENT_PROVEN_S,
    PATIENT_QUIET_S,
    POLL_S,
    PROVEN_S,
    QUIET_S,
)
from ipc_gauntlet.seeds import derive_bytes, derive_random

if TYPE_CHECKING:
    from ipc_gauntlet.lab.bench import Bench
    from ipc_gauntlet.reactor import Reactor

ROLES: tuple[Role, ...] = ("client", "server")


@dataclass(frozen=True, slots=True)
class CaseFacts:
    """What the runner knows about a case before it starts.

    Args:
        case_id: The case's id.
        seed: The run's seed; the case's own choices are derived from both.
        transport: `unix`, `tcp` or `pipe`.
        credential: One entry of the statement's `credentials`.
        statement: What the pair claims.
    """

    case_id: str
    seed: int
    transport: str
    credential: Mapping[str, object]
    statement: Statement


class Access(Judging):
    """One case's access to the pair under test.

    Args:
        bench: What the worker process keeps from case to case.
        facts: What the runner knows about the case.
        spec: What the case declares.
        directory: A directory for sockets and files of this case.
    """

    def __init__(self, bench: Bench, facts: CaseFacts, spec: CaseSpec, directory: str) -> None:
        super().__init__(spec.role or "both", needs_control=spec.control)
        self._bench = bench
        self.facts = facts
        self.spec = spec
        self.directory = directory
        self.rng: random.Random = derive_random(facts.seed, facts.case_id)
        self._closers: list[Callable[[], None]] = []
        self._payloads = 0
        self._names = 0
        self.client_conns: set[str] = set()
        self._mortal: set[Role] = set()
        self._mourned: set[DriverDied] = set()

    # -- what the case may ask about ------------------------------------------------------------------------------

    @property
    def reactor(self) -> Reactor:
        """The event loop."""
        return self._bench.reactor

    @property
    def client(self) -> Driver:
        """The driver that plays the client."""
        return self._bench.client

    @property
    def server(self) -> Driver:
        """The driver that plays the server."""
        return self._bench.server

    @property
    def issuer(self) -> Issuer:
        """Issues this case's credentials."""
        return self._bench.issuer(self.facts.credential)

    def issuer_of(self, kind: str) -> Issuer:
        """The issuer of another kind of credentials than this case's, to be used beside it.

        Args:
            kind: `x509`, `psk` or `raw-key`.

        Raises:
            NotApplicable: The implementation does not have that kind.
        """
        found = self.statement.credential(kind)
        if found is None:
            raise NotApplicable(f"it has no credentials of the kind {kind}")
        return self._bench.issuer(msgspec.to_builtins(found))

    @property
    def transport(self) -> str:
        """The transport of this case."""
        return self.facts.transport

    @property
    def statement(self) -> Statement:
        """What the pair claims."""
        return self.facts.statement

    @property
    def timeouts(self) -> dict[str, int]:
        """The timers the pair declares, in milliseconds by option name."""
        declared = msgspec.structs.asdict(self.statement.timeouts)
        return {name: value for name, value in declared.items() if value is not None}

    @property
    def framing(self) -> str:
        """How the adversary finds message boundaries."""
        return self.facts.statement.wire.framing

    @property
    def noise(self) -> Noise:
        """Bounds for measured times."""
        return self._bench.noise

    def require_quiet_machine(self, timeout_s: float, what: str = "this time-out") -> None:
        """Look once more how noisy this machine is, before something measured is judged.

        Args:
            timeout_s: What was measured, in seconds.
            what: Its name.

        Raises:
            TooNoisy: Waiting goes wrong by more than half of that; the case is tried again, alone.
        """
        now = self._bench.noise_again()
        if now.drowns(timeout_s):
            raise TooNoisy(
                f"waiting on this machine is off by {now.overshoot_s:.3f} s; {what} cannot be judged"
            )

    def driver(self, role: Role) -> Driver:
        """The driver that plays a role."""
        return self.client if role == "client" else self.server

    def has(self, feature: str) -> bool:
        """Whether the pair declares a feature."""
        return feature in self.statement.features

    def need(self, feature: str, why: str) -> None:
        """End the case as not applicable unless the pair declares a feature.

        Raises:
            NotApplicable: It does not.
        """
        if not self.has(feature):
            raise NotApplicable(f"the implementation declares no {feature}: {why}")

    def payload(self, text: str = "message", size: int = 32) -> bytes:
        """A fresh high-entropy payload that starts with readable text, the same for the same seed and case."""
        self._payloads += 1
        label = f"{text}-{self._payloads}:".encode()
        body = derive_bytes(self.facts.seed, self.facts.case_id, "payload", str(self._payloads), length=size)
        return (label + body.hex().encode())[: max(size, len(label) + 16)]

    def socket_directory(self, role: Role) -> str:
        """Where a role's driver makes its sockets.

        The two drivers may give theirs the same names, so a client's has a directory of its own; and so has each further
        life, as a killed program leaves its sockets behind. The plus keeps its name apart from those of sockets.
        """
        life = self.driver(role).life
        if not life and role == "server":
            return self.directory
        directory = Path(self.directory, f"+{role[0]}{life:x}")
        directory.mkdir(mode=0o700, exist_ok=True)
        return str(directory)

    def name(self, prefix: str) -> str:
        """A fresh id for a listener, connection or directory."""
        self._names += 1
        return f"{prefix}{self._names}"

    def new_conn(self) -> str:
        """A fresh id for a client's connection."""
        conn = self.name("c")
        self.client_conns.add(conn)
        return conn

    @property
    def psk(self) -> PskIssuer:
        """The issuer of pre-shared keys.

        Raises:
            NotApplicable: This case does not run on pre-shared keys.
        """
        if not isinstance(self.issuer, PskIssuer):
            raise NotApplicable("only for pre-shared keys")
        return self.issuer

    @property
    def x509(self) -> X509Issuer:
        """The issuer of certificates.

        Raises:
            NotApplicable: This case does not run on certificates.
        """
        if not isinstance(self.issuer, X509Issuer):
            raise NotApplicable("only for certificates")
        return self.issuer

    def key(self) -> bytes:
        """A fresh 16-byte idempotency key, the same for the same seed and case."""
        self._payloads += 1
        return derive_bytes(self.facts.seed, self.facts.case_id, "key", str(self._payloads), length=16)

    # -- calling and waiting ----------------------------------------------------------------------------------------

    def call(
        self,
        role: Role,
        method: str,
        params: Mapping[str, object] | None = None,
        *,
        timeout_s: float = CALL_TIMEOUT_S,
    ) -> dict[str, object]:
        """Call a driver and wait for its answer.

        Raises:
            CallFailed: The operation failed.
            Unsupported: The driver does not have it.
            DriverError: The driver did not answer.
        """
        return self.driver(role).call(method, params or {}, timeout=timeout_s)

    def submit(self, role: Role, method: str, params: Mapping[str, object]) -> Call:
        """Call a driver without waiting."""
        return self.driver(role).submit(method, params)

    def wait(self, predicate: Callable[[], bool], timeout_s: float = PATIENCE_S) -> bool:
        """Run the event loop until the predicate holds.

        Raises:
            DriverError: A driver became unusable meanwhile.
        """
        held = self.reactor.run_until(lambda: predicate() or self._broken(), timeout_s)
        self.check_drivers()
        return held and predicate()

    def poll(self, question: Callable[[], bool], timeout_s: float = PATIENCE_S) -> bool:
        """Ask again and again until the answer is yes; for questions that a driver has to be called for.

        `wait` is better wherever the answer follows from what drivers tell by themselves.

        Args:
            question: May call drivers.
            timeout_s: Give up after this many seconds.
        """
        deadline = self.reactor.now() + timeout_s
        while not question():
            if self.reactor.now() >= deadline:
                return False
            self.pause(POLL_S)
        return True

    def pause(self, seconds: float) -> None:
        """Let time pass while the event loop runs."""
        self.reactor.run_until(lambda: False, seconds)
        self.check_drivers()

    def settle(
        self,
        until: Callable[[], bool] | None = None,
        *,
        activity: Callable[[], object] | None = None,
        patient: bool = False,
        limit_s: float = 5.0,
    ) -> bool:
        """Wait until a condition holds or nothing moves any more.

        Args:
            until: A predicate; without one, only quiet ends the wait.
            activity: A value that changes whenever something moves; by default how much both drivers have told.
            patient: Whether the condition is expected to hold, so that only a long silence counts.
            limit_s: Give up after this many seconds.

        Returns:
            Whether the condition held.
        """
        predicate = until or _never
        if predicate():
            self.check_drivers()
            return True
        now = self.reactor.now
        still = Stillness(
            activity or self.told,
            [self.client.pid, self.server.pid],
            began=now(),
            full_s=PATIENT_QUIET_S if patient else QUIET_S,
            proven_s=PATIENT_PROVEN_S if patient else PROVEN_S,
        )
        deadline = now() + limit_s
        while (left := deadline - now()) > 0:
            self.wait(lambda: predicate() or still.moved(), max(0.0, min(still.next_look() - now(), left)))
            if predicate():
                return True
            if still.look(now()):
                break
        return predicate()

    def pause_until_quiet(self, done: Callable[[], bool]) -> None:
        """Wait until a condition holds or neither driver has told anything for a while."""
        self.settle(done)

    def own(self, closer: Callable[[], None]) -> None:
        """Have something closed when the case is over."""
        self._closers.append(closer)

    def check_drivers(self) -> None:
        """Raise the failure of a driver that became unusable, unless its death was meant to happen.

        Raises:
            DriverError: One did.
        """
        for role in ROLES:
            failure = self._failure(role)
            if failure is not None:
                raise failure

    def died(self, role: Role) -> bool:
        """Whether a role's driver died as it was meant to, and was not started again."""
        failure = self.driver(role).failure
        return isinstance(failure, DriverDied) and (role in self._mortal or failure in self._mourned)

    def refusal(self, call: Call) -> str | None:
        """The reason class of a finished call that failed, None if it succeeded; `died` where the driver was to die.

        Raises:
            Unsupported: The driver cannot do this.
            DriverError: The driver became unusable, and was not meant to.
        """
        try:
            call.result()
        except CallFailed as failure:
            return failure.reason
        except DriverDied as death:
            if any(self.driver(role).name == death.driver and self.died(role) for role in ROLES):
                return "died"
            raise
        return None

    def told(self) -> int:
        """How much both drivers have told so far: whatever depends on that alone changes only when this does."""
        return len(self._bench.client.observations) + len(self._bench.server.observations)

    def when_told(self, predicate: Callable[[], bool]) -> Callable[[], bool]:
        """A predicate about what drivers told, asked again only when they have told more."""
        asked, held = -1, False

        def ask() -> bool:
            nonlocal asked, held
            told = self.told()
            if told != asked:
                asked, held = told, predicate()
            return held

        return ask

    def _failure(self, role: Role) -> DriverError | None:
        failure = self.driver(role).failure
        return None if failure is None or self.died(role) else failure

    def _broken(self) -> bool:
        return (self._bench.client.failure is not None or self._bench.server.failure is not None) and any(
            self._failure(role) is not None for role in ROLES
        )


def _never() -> bool:
    return False

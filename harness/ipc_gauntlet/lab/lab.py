"""The lab: what a case uses to set up sessions, attack them and have them judged."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Unpack

import msgspec
import psutil

from ipc_gauntlet.adversary import Fault, Relay, describe_fault
from ipc_gauntlet.credentials import Deployment, Issuer
from ipc_gauntlet.credentials.deployment import PskIssuer, X509Issuer
from ipc_gauntlet.declaration import CaseSpec
from ipc_gauntlet.driver import Call, Driver, Statement
from ipc_gauntlet.errors import CallFailed, Inconclusive, NotApplicable, Unsupported
from ipc_gauntlet.judge.outcome import Outcome, Role
from ipc_gauntlet.judge.ruling import Check, findings
from ipc_gauntlet.lab.evidence import Evidence
from ipc_gauntlet.lab.judging import Judging
from ipc_gauntlet.lab.plan import PlanMembers, SessionPlan, SetupMembers, connect_params
from ipc_gauntlet.lab.served import Served
from ipc_gauntlet.lab.session import Session
from ipc_gauntlet.lab.timing import Noise
from ipc_gauntlet.lab.waiting import CALL_TIMEOUT_S, PATIENCE_S, QUIET_S, RESOURCE_POLL_S, RESOURCE_POLLS
from ipc_gauntlet.seeds import derive_bytes, derive_random

if TYPE_CHECKING:
    from ipc_gauntlet.lab.bench import Bench
    from ipc_gauntlet.reactor import Reactor

Script = Callable[[Session], None]


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


class Lab(Judging):
    """One case's access to the pair under test, the adversary and the judge.

    A case first runs its script undisturbed (`control`), then with one thing changed (`attack`), then has the
    outcome judged (`require`). A case in which nothing was judged, or whose fault never fired, is inconclusive.
    """

    def __init__(self, bench: Bench, facts: CaseFacts, spec: CaseSpec, directory: str) -> None:
        super().__init__(spec.role or "both", needs_control=spec.control)
        self._bench = bench
        self.facts = facts
        self.spec = spec
        self.directory = directory
        self.rng: random.Random = derive_random(facts.seed, facts.case_id)
        self._sessions: list[Session] = []
        self._closers: list[Callable[[], None]] = []
        self._payloads = 0
        self._names = 0
        self.client_conns: set[str] = set()

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

    # -- running ----------------------------------------------------------------------------------------------------

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

    def pause(self, seconds: float) -> None:
        """Let time pass while the event loop runs."""
        self.reactor.run_until(lambda: False, seconds)
        self.check_drivers()

    def pause_until_quiet(self, done: Callable[[], bool]) -> None:
        """Wait until a condition holds or neither driver has told anything for a while."""
        seen = -1
        while not done():
            now = len(self.client.observations) + len(self.server.observations)
            if now == seen:
                return
            seen = now
            self.wait(done, QUIET_S)

    def attempt(
        self, address: Mapping[str, object], options: Mapping[str, object], limit_s: float
    ) -> float | None:
        """Have the client connect to an address and wait until it gives up.

        Returns:
            When it told so, on the event loop's clock; None if it did not within `limit_s` seconds.
        """
        conn = self.new_conn()
        good = self.issuer.good()
        call = self.submit("client", "connect", connect_params(conn, address, good, options))
        told: list[float] = []

        def over() -> bool:
            for seen in self.client.observations:
                if seen.conn == conn and seen.method in ("closed", "rejected"):
                    told.append(seen.arrived)
                    return True
            if call.done and _refused(call):
                told.append(self.reactor.now())
                return True
            return False

        self.wait(over, limit_s)
        return told[0] if told else None

    def memory(self, role: Role) -> int:
        """Resident memory of a role's driver process, in bytes; 0 when it has none."""
        pid = self.driver(role).pid
        try:
            return int(psutil.Process(pid).memory_info().rss) if pid is not None else 0
        except psutil.Error:
            return 0

    def resources(self, role: Role) -> dict[str, int]:
        """What a role's driver says it holds: descriptors, threads, connections; empty when it cannot count."""
        try:
            answer = self.call(role, "inspect", {"what": ["resources"]}).get("resources")
        except (Unsupported, CallFailed):
            return {}
        counts = answer if isinstance(answer, dict) else {}
        return {name: value for name, value in counts.items() if isinstance(value, int)}

    def require_resources(self, role: Role, before: Mapping[str, int]) -> None:
        """Demand that a driver comes back to what it held before (polled; nothing if it cannot count).

        Raises:
            RequirementViolated: It does not within some seconds.
        """
        surplus: dict[str, int] = {}
        for _ in range(RESOURCE_POLLS):
            now = self.resources(role)
            surplus = {name: now[name] - count for name, count in before.items() if now.get(name, 0) > count}
            if not surplus:
                break
            self.pause(RESOURCE_POLL_S)
        told = ", ".join(f"{count} more {name}" for name, count in surplus.items())
        self.require_that(not surplus, "resources back at their baseline", told, "leak")

    def check_drivers(self) -> None:
        """Raise the failure of a driver that became unusable.

        Raises:
            DriverError: One did.
        """
        for driver in (self.client, self.server):
            if driver.failure is not None:
                raise driver.failure

    def listen(
        self,
        deployment: Deployment | None = None,
        options: Mapping[str, object] | None = None,
        role: Role = "server",
    ) -> Served:
        """Open a server endpoint.

        Args:
            deployment: Who the server is and whom it trusts; the good one by default.
            options: Options of the driver protocol.
            role: Which driver hosts the server (the client's driver for reflection cases).
        """
        return Served.open(self, deployment or self.issuer.good(), options or {}, role)

    def session(self, **plan: Unpack[PlanMembers]) -> Session:
        """Prepare a session through the adversary: server listening, relay in front, client not yet connected.

        Args:
            **plan: How to set it up; see `SessionPlan`.
        """
        session = Session(self, SessionPlan(**plan))
        self._sessions.append(session)
        return session

    def control(self, script: Script, *checks: Check, **plan: Unpack[PlanMembers]) -> Outcome:
        """Run a script undisturbed and demand that all goes well.

        Raises:
            Inconclusive: It did not: nothing can be said about the attack.
        """
        plan.setdefault("patient", True)
        session = self.session(**plan)
        script(session)
        outcome = session.finish()
        broken = findings(outcome, checks)
        if broken:
            self._remember(session)
            first = broken[0]
            raise Inconclusive(f"the positive control failed: expected {first.expected}; saw {first.seen}")
        self._ledger.controls += 1
        return outcome

    def attack(self, script: Script, *faults: Fault, what: str = "", **plan: Unpack[SetupMembers]) -> Outcome:
        """Run a script with something wrong.

        Args:
            script: The same script as the control's.
            *faults: What the adversary does.
            what: What is wrong, for set-ups that are attacked otherwise than by faults.
            **plan: Members of the session's plan to change.
        """
        session = self.session(faults=tuple(faults), **plan)
        script(session)
        outcome = session.finish()
        self.record(session, what)
        return outcome

    def record(self, session: Session, what: str = "") -> None:
        """Keep a session's faults, firings and trace as this case's evidence."""
        if what:
            self.did(what)
        for fault in session.plan.faults:
            self.did(describe_fault(fault))
        ledger = self._ledger
        ledger.fired += session.firings()
        ledger.unfired += session.unfired()
        ledger.faults += session.schedule()
        self._remember(session)

    def own(self, closer: Callable[[], None]) -> None:
        """Have something closed when the case is over."""
        self._closers.append(closer)

    def relay(self, upstream: Mapping[str, object], faults: Sequence[Fault] = ()) -> Relay:
        """Put an adversary in front of an address."""
        relay = Relay(
            self.reactor,
            upstream=upstream,
            directory=self.directory,
            framer=self.framing,
            faults=faults,
        )
        self.own(relay.close)
        return relay

    def finish(self) -> Evidence:
        """Close everything the case opened and hand over the evidence. Idempotent."""
        for session in self._sessions:
            session.close()
        while self._closers:
            self._closers.pop()()
        self._bench.discard(self.directory)
        ledger = self._ledger
        return Evidence(
            stage=ledger.stage,
            role=ledger.role,
            done=list(ledger.done),
            trace=list(ledger.trace),
            stderr={driver.label: driver.stderr_tail for driver in (self.client, self.server)},
            faults=list(ledger.faults),
            fired=list(ledger.fired),
            notes=list(ledger.notes),
            checks=ledger.checks,
            controls=ledger.controls,
        )

    def _remember(self, session: Session) -> None:
        self._ledger.trace = session.trace()
        self._ledger.stage = session.outcome().stage

    def _broken(self) -> bool:
        return self.client.failure is not None or self.server.failure is not None


def _refused(call: Call) -> bool:
    try:
        call.result()
    except CallFailed:
        return True
    return False

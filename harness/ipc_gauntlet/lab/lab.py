"""The lab: what a case uses to set up sessions, attack them and have them judged."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Unpack

from ipc_gauntlet.adversary import Fault, Relay, describe_fault
from ipc_gauntlet.credentials import Deployment
from ipc_gauntlet.declaration import CaseSpec
from ipc_gauntlet.errors import Inconclusive
from ipc_gauntlet.judge.outcome import Outcome, Role
from ipc_gauntlet.judge.ruling import Check, findings
from ipc_gauntlet.lab.access import CaseFacts
from ipc_gauntlet.lab.attempts import Attempt
from ipc_gauntlet.lab.clocks import Clocks
from ipc_gauntlet.lab.evidence import Evidence
from ipc_gauntlet.lab.lives import Lives
from ipc_gauntlet.lab.outside import Outside
from ipc_gauntlet.lab.pipes import Pipes
from ipc_gauntlet.lab.plan import Place, PlanMembers, SessionPlan, SetupMembers, connect_params
from ipc_gauntlet.lab.playing import Playing
from ipc_gauntlet.lab.served import Served
from ipc_gauntlet.lab.session import Session
from ipc_gauntlet.lab.wire import Wiring

if TYPE_CHECKING:
    from ipc_gauntlet.lab.bench import Bench

Script = Callable[[Session], None]


class Lab(Wiring, Lives, Playing, Clocks, Outside, Pipes):
    """One case's access to the pair under test, the adversary and the judge.

    A case first runs its script undisturbed (`control`), then with one thing changed (`attack`), then has the
    outcome judged (`require`). A case in which nothing was judged, or whose fault never fired, is inconclusive.
    """

    def __init__(self, bench: Bench, facts: CaseFacts, spec: CaseSpec, directory: str) -> None:
        super().__init__(bench, facts, spec, directory)
        self._sessions: list[Session] = []

    # -- running ----------------------------------------------------------------------------------------------------

    def attempt(
        self, address: Mapping[str, object], options: Mapping[str, object], limit_s: float
    ) -> float | None:
        """Have the client connect to an address and wait until it gives up.

        Returns:
            When it told so, on the event loop's clock; None if it did not within `limit_s` seconds.
        """
        attempt = self.begin(address, options)
        self.wait(attempt.is_over, limit_s)
        return attempt.gave_up()

    def begin(self, address: Mapping[str, object], options: Mapping[str, object]) -> Attempt:
        """Have the client connect to an address, without waiting for what comes of it."""
        conn = self.new_conn()
        params = connect_params(conn, address, self.issuer.good(), options)
        return Attempt(self, conn, self.submit("client", "connect", params))

    def listen(
        self,
        deployment: Deployment | None = None,
        options: Mapping[str, object] | None = None,
        role: Role = "server",
        **place: Unpack[Place],
    ) -> Served:
        """Open a server endpoint.

        Args:
            deployment: Who the server is and whom it trusts; the good one by default.
            options: Options of the driver protocol.
            role: Which driver hosts the server (the client's driver for reflection cases).
            **place: `directory` and `file`, for an implementation with the feature `place`.
        """
        return Served.open(self, deployment or self.issuer.good(), options or {}, role, **place)

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

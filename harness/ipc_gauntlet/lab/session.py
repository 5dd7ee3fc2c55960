"""A session: one client connection, through the adversary, to one server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ipc_gauntlet.errors import CallFailed, Inconclusive, Unsupported
from ipc_gauntlet.judge.outcome import Outcome, Role
from ipc_gauntlet.lab.acting import SEND_TIMEOUT_S, Flood
from ipc_gauntlet.lab.asking import Asking
from ipc_gauntlet.lab.plan import SessionPlan, connect_params
from ipc_gauntlet.lab.waiting import PATIENCE_S

if TYPE_CHECKING:
    from ipc_gauntlet.lab.lab import Lab
    from ipc_gauntlet.lab.served import Served

__all__ = ["Flood", "Session"]


class Session(Asking):
    """One attempt to talk, with everything both drivers and the wire showed.

    Args:
        lab: The case's lab.
        plan: How to set it up.
    """

    def __init__(self, lab: Lab, plan: SessionPlan) -> None:
        super().__init__(lab, plan)
        self._listen()

    def _listen(self) -> None:
        lab = self.lab
        self._since = {role: len(self.driver(role).observations) for role in ("client", "server")}
        if self.served is None and self.plan.upstream is None:
            try:
                self.served = lab.listen(self.deployment, self.plan.all_options)
            except (CallFailed, Unsupported) as refusal:
                self._refuse("server", refusal)
                return
        upstream = self.plan.upstream or (self.served.address if self.served else {})
        self.relay = lab.relay(upstream, self.plan.faults)

    def connect(self) -> bool:
        """Start the client's attempt.

        Returns:
            False if the implementation refused at once, on either side.
        """
        if self.relay is None:
            return False
        params = connect_params(self.conn, self.relay.address, self.deployment, self.plan.all_options)
        call = self.lab.submit("client", "connect", params)
        self.lab.wait(lambda: call.done or self._client_told() or self._server_told(), SEND_TIMEOUT_S)
        if call.done:
            try:
                call.result()
            except (CallFailed, Unsupported) as refusal:
                self._refuse("client", refusal)
                return False
        return True

    def _refuse(self, role: Role, refusal: CallFailed | Unsupported) -> None:
        """Note that a side refused its configuration; no session can come of it, as after a refusal on the wire."""
        self.refused[role] = refusal.reason if isinstance(refusal, CallFailed) else "unsupported"
        self.lab.note(f"the {role} refused to be set up this way: {refusal}")

    def open(self, *, warm: bool = True) -> bool:
        """Connect, wait until both ends call the session established, exchange a greeting each way, mark.

        The mark separates everything that belongs to the set-up, also what is sent late, from what the script does.

        Args:
            warm: Whether to exchange the greetings and mark.

        Returns:
            Whether the session is usable.
        """
        if not self.connect():
            return False
        # What comes before the mark is meant to go well: there a short silence on a busy machine must not end the wait.
        self.await_decision(patient=warm or self.plan.patient)
        if not self._usable():
            return False
        self.opened = True
        if warm and not self.warm_up():
            self.opened = False
        return self.opened

    def lead_to(self, served: Served) -> None:
        """Have later connections through this session's relay end at another endpoint, such as one that was reopened.

        From then on the server's view of this session is that of the other endpoint.

        Args:
            served: Where they are to end.

        Raises:
            Inconclusive: The session was never set up.
        """
        if self.relay is None:
            raise Inconclusive("the session was refused before there was anything to lead elsewhere")
        self.relay.upstream = dict(served.address)
        self.served = served
        self._since["server"] = 0
        self._taps.pop("server", None)

    def await_decision(self, *, patient: bool = False) -> None:
        """Wait until the attempt has succeeded on both sides, or failed, or nothing moves any more."""
        self.settle(self.lab.when_told(self._decided), limit_s=PATIENCE_S, patient=patient)

    def warm_up(self) -> bool:
        """Exchange one message each way and set the mark."""
        for direction in self.directions():
            payload = self.lab.payload("greeting")
            self._warm.add(payload)
            if not self._send(direction, payload):
                return False
            arrived = self.lab.when_told(lambda p=payload, d=direction: self._arrived(d, p) or self._over())  # type: ignore[misc]
            if not self.lab.wait(arrived):
                return False
            if not self._arrived(direction, payload):
                return False
        self.mark()
        return True

    def mark(self) -> None:
        """Set the phase boundary on the session's link."""
        if self.link is not None:
            self.link.mark()

    def finish(self) -> Outcome:
        """Return the outcome and close the adversary's side of the session."""
        outcome = self.outcome()
        self.close()
        return outcome

    def close(self) -> None:
        """Close the adversary's side. Idempotent; what was captured stays readable."""
        if self.relay is not None:
            self.relay.close()

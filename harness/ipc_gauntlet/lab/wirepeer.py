"""An SIPC/1 client or server that a case holds in its hands, connected to an implementation under test."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ipc_gauntlet.errors import Inconclusive
from ipc_gauntlet.lab.waiting import PATIENCE_S
from ipc_gauntlet.lab.wirelink import Edit, WireLink
from ipc_gauntlet.lab.wirestates import emit, goes_on, reach
from ipc_gauntlet.peer import Outgoing
from ipc_gauntlet.peer.cbor import CborError
from ipc_gauntlet.peer.conversation import METHOD_PREFIX, NAMES, Fields
from ipc_gauntlet.peer.negotiation import NegotiationError
from ipc_gauntlet.peer.noise import NoiseError
from ipc_gauntlet.peer.payloads import PayloadError
from ipc_gauntlet.peer.states import MessageKind, State


class WirePeer(WireLink):
    """A peer on a real connection; `lab.wire_client` and `lab.wire_server` make one.

    It does nothing by itself until `handshake` is called; then it answers what docs/sipc1.md wants answered, except
    where its quirks say otherwise, until `by_hand` is called. What can be asked and waited for is in `WireLink`.
    """

    # -- the handshake ------------------------------------------------------------------------------------------------

    def handshake(self, timeout_s: float = PATIENCE_S) -> bool:
        """Run by itself until the session is established on this side or has ended, and answer from then on.

        Where the implementation under test tells of its sessions, this also waits until it has told of this one: a
        responder is established before the initiator has heard of it.

        Args:
            timeout_s: How long, in seconds.

        Returns:
            Whether the session is established on this side: READY was sent and heard.
        """
        self._note("runs the handshake")
        if not self.sent:
            self._send(self.pilot.begin())
        self._send(self.pilot.engage())
        self.wait(lambda: self.established or self.raw_peer.ended is not None, timeout_s)
        if self.established and "established" in self.lab.statement.observes:
            told = self.lab.iut_told
            self.wait(
                lambda: (
                    any(one.method == "established" for one in told(self)) or self.raw_peer.ended is not None
                ),
                timeout_s,
            )
        return self.established

    def by_hand(self) -> None:
        """Answer nothing by itself from now on."""
        self.pilot.disengage()

    def offer(self, edit: Edit | None = None) -> bytes:
        """Send OFFER and Noise message 1.

        Args:
            edit: Changes the frame's bytes before they are sent, here and below.
        """
        return self._step([self.peer.offer()], edit)

    def choice(self, edit: Edit | None = None) -> bytes:
        """Send CHOICE and a new Noise message 1."""
        return self._step([self.peer.choice()], edit)

    def message3(self, edit: Edit | None = None) -> bytes:
        """Send Noise message 3."""
        return self._answer(self.peer.message3, edit)

    def accept(self, edit: Edit | None = None) -> bytes:
        """Send Noise message 2."""
        return self._answer(self.peer.accept, edit)

    def _answer(self, make: Callable[[], Outgoing], edit: Edit | None) -> bytes:
        """Send what follows from what was heard.

        Raises:
            Inconclusive: Nothing follows from it: the implementation under test did not keep to the protocol before.
        """
        try:
            made = make()
        except (NoiseError, NegotiationError, PayloadError, CborError) as problem:
            raise Inconclusive(f"{self.name}: what it heard cannot be answered: {problem}") from problem
        return self._step([made], edit)

    def retry(self, version: int, suite: int, edit: Edit | None = None) -> bytes:
        """Send RETRY."""
        return self._step([self.peer.retry(version, suite)], edit)

    def reject(self, code: int, retry_after_ms: int = 0, edit: Edit | None = None) -> bytes:
        """Send REJECT."""
        return self._step([self.peer.reject(code, retry_after_ms)], edit)

    def ready(self, edit: Edit | None = None) -> bytes:
        """Send READY."""
        return self._step([self.peer.ready()], edit)

    # -- records and messages -------------------------------------------------------------------------------------------

    def record(self, record_type: int, body: bytes = b"", flags: int = 0, edit: Edit | None = None) -> bytes:
        """Send any record under the present key and nonce; before there are keys, under those `Split()` would give."""
        return self._step([self.peer.record(record_type, body, flags)], edit)

    def sealed(self, plaintext: bytes, n: int | None = None, edit: Edit | None = None) -> bytes:
        """Send a frame around any plaintext, under any nonce."""
        return self._step([self.peer.sealed(plaintext, n)], edit)

    def raw(self, data: bytes, label: str = "raw") -> bytes:
        """Send bytes as they are."""
        return self._step([Outgoing(label, data)])

    def ping(self, body: bytes = bytes(8)) -> bytes:
        """Send PING."""
        return self._step([self.peer.ping(body)])

    def rekey(self) -> bytes:
        """Send REKEY and change the sending key; in profile D go on with the next epoch."""
        return self._step(self.peer.rekey())

    def close_record(self, reason: int = 0, sent: int | None = None, processed: int | None = None) -> bytes:
        """Send CLOSE, with the right counts or with these."""
        return self._step([self.peer.close(reason, sent, processed)])

    def error(self, code: int = 1) -> bytes:
        """Send ERROR."""
        return self._step([self.peer.error(code)])

    def message(self, fields: Fields) -> int:
        """Send a message from its map; `ver` and `mid` are added where they are missing.

        Returns:
            The number it has, or would have had where it was given none that is one.
        """
        given, following = fields.get(2), self.peer.outbound.next_mid
        self._step(self.peer.message(fields))
        return given if isinstance(given, int) else following

    def payload(self, message: bytes) -> bytes:
        """Send MSG records around any bytes, without counting a message."""
        return self._step(self.peer.payload(message))

    def request(self, operation: str, payload: object = b"", **fields: object) -> int:
        """Send a request to the test application.

        Args:
            operation: `echo`, `append` and so on; a name with a dot is a method as it is.
            payload: Its body.
            **fields: Further fields by the names of section 13, such as `idem=b"..."` or `budget=500`; `from_` is `from`.

        Returns:
            Its number, for `responses` and `response_to`.
        """
        method = operation if "." in operation else METHOD_PREFIX + operation
        mid = self.peer.outbound.next_mid
        self._step(self.peer.request(method, payload, named(fields)))
        return mid

    def event(self, payload: object, **fields: object) -> int:
        """Send an event of the test application, which the other side reports as `delivered`; returns its number."""
        mid = self.peer.outbound.next_mid
        self._step(self.peer.event(payload, named(fields)))
        return mid

    def respond(self, corr: int, status: int = 0, payload: object = b"", **fields: object) -> int:
        """Send a response to request number `corr`; returns its own number."""
        mid = self.peer.outbound.next_mid
        self._step(self.peer.response(corr, status, payload, named(fields)))
        return mid

    # -- states -----------------------------------------------------------------------------------------------------------

    def reach(self, state: State) -> None:
        """Bring the other side into a state by following every rule; see `ipc_gauntlet.peer.states`.

        Args:
            state: One of the other side's role. For RETRIED it must offer more than one suite or version.

        Raises:
            Inconclusive: It did not get there.
        """
        self._note(f"brings the other side into {state}")
        reach(self, state)

    def emit(self, message: MessageKind, *, clear: bool = False) -> bytes:
        """Send a message of a kind: the real next step where it is one, else the best imitation of one.

        Args:
            message: Its kind.
            clear: Records are not sealed.
        """
        return emit(self, message, clear=clear)

    def goes_on(self) -> bool:
        """Whether the session can be brought to where it is usable, and is: one PING is answered."""
        return goes_on(self)

    # -- the end ------------------------------------------------------------------------------------------------------------

    def close(self, timeout_s: float = PATIENCE_S) -> str | None:
        """Send CLOSE unless it was sent, wait for the other side's end, and close; says how it ended."""
        if self.established and not self.peer.close_sent and self.raw_peer.ended is None:
            self.close_record()
        self.wait_end(timeout_s)
        self.hang_up()
        return self.ended

    def finish(self) -> None:
        """End this side's direction of the stream (FIN); reading goes on."""
        self._note("ends its direction of the stream")
        self.raw_peer.finish()

    def hang_up(self) -> None:
        """Close the connection. Idempotent."""
        self.raw_peer.close()

    def abort(self) -> None:
        """Drop the connection, with a reset where the transport has one."""
        self._note("drops the connection")
        self.raw_peer.abort()


def named(fields: Mapping[str, object]) -> dict[int, Any]:
    """Fields of a message by their numbers; `extra` holds some that are numbered already."""
    found = {NAMES[name.rstrip("_")]: value for name, value in fields.items() if name != "extra"}
    extra = fields.get("extra")
    return {**found, **extra} if isinstance(extra, dict) else found

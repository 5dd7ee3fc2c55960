"""What is below a wire peer: the connection, what came and went on it, waiting, and the trace."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ipc_gauntlet.adversary import RawPeer, TraceLine
from ipc_gauntlet.adversary.capture import HEAD_BYTES
from ipc_gauntlet.credentials import Deployment
from ipc_gauntlet.errors import Inconclusive
from ipc_gauntlet.lab.waiting import PATIENCE_S
from ipc_gauntlet.peer import Agreed, Autopilot, Heard, HeardMessage, HeardRecord, Noted, Outgoing, Peer
from ipc_gauntlet.peer.states import State

if TYPE_CHECKING:
    from ipc_gauntlet.lab.lab import Lab
    from ipc_gauntlet.lab.served import Served

TRACE_LINES = 40
DONE_LINES = 30

Edit = Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys and numbers of both directions at one moment; `send` is the peer's own direction."""

    send: bytes
    send_n: int
    receive: bytes
    receive_n: int


class WireLink:
    """A peer's connection, and everything a case may ask about it.

    Args:
        lab: The case's lab.
        raw: The connection.
        pilot: Runs the peer.
        deployment: Who both sides are.
        name: What it is called in the evidence.
    """

    def __init__(self, lab: Lab, raw: RawPeer, pilot: Autopilot, deployment: Deployment, name: str) -> None:
        self.lab: Lab = lab
        self.raw_peer = raw
        self.pilot = pilot
        self.deployment = deployment
        self.name = name
        self.heard: list[Heard] = []
        self.sent: list[Outgoing] = []
        self.served: Served | None = None
        self.since = 0
        self.conn: str | None = None
        self.at: State = "OFFERED" if pilot.peer.config.role == "responder" else "LISTENING"
        self._trace: list[TraceLine] = []
        self._numbers = {"c2s": 0, "s2c": 0}
        self._opened_at = lab.reactor.now()
        self._batch: list[bytes] | None = None
        self._slow = bytearray()
        self._told = 0
        pilot.disengage()
        raw.on_bytes = self._take

    # -- looking ----------------------------------------------------------------------------------------------------

    @property
    def peer(self) -> Peer:
        """The peer itself, for everything that has no method here."""
        return self.pilot.peer

    @property
    def address(self) -> dict[str, object]:
        """Where a wire server listens, or what a wire client dialled."""
        return self.raw_peer.address

    @property
    def established(self) -> bool:
        """Whether READY was sent and heard."""
        return self.peer.established

    @property
    def state(self) -> Agreed | None:
        """Version, suite, handshake hash, channel binding and what the other side claims; None before there are keys."""
        return self.peer.agreed

    @property
    def records(self) -> list[HeardRecord]:
        """The records that came and could be opened."""
        return self.peer.records

    @property
    def messages(self) -> list[HeardMessage]:
        """The messages that came, with their maps."""
        return self.peer.messages

    @property
    def responses(self) -> dict[int, list[HeardMessage]]:
        """The responses that came, by the number of their request."""
        return self.peer.responses

    @property
    def noted(self) -> list[str]:
        """What the implementation under test did against docs/sipc1.md, as far as the peer checks it."""
        return self.peer.noted

    @property
    def ended(self) -> str | None:
        """How the other side ended the stream.

        None: it has not. `closed`: behind CLOSE. `error`: behind ERROR. `rejected`: behind REJECT. `truncated`: without
        any of them. `reset`: by a reset. `unreachable`: there was never a connection.
        """
        kind = self.raw_peer.ended
        if kind is None:
            return None
        peer = self.peer
        if peer.close_heard:
            return "closed"
        if peer.error_heard:
            return "error"
        if peer.rejected:
            return "rejected"
        return {"fin": "truncated", "reset": "reset"}.get(kind, "unreachable")

    @property
    def known_keys(self) -> Keys | None:
        """A snapshot of the record keys; None before there are any."""
        sealer, opener = self.peer.sealer, self.peer.opener
        if sealer is None or opener is None:
            return None
        return Keys(sealer.state.key, sealer.state.n, opener.state.key, opener.state.n)

    def labels(self) -> list[str]:
        """What came, frame by frame, in words."""
        return [one.label for one in self.heard if not isinstance(one, HeardMessage | Noted)]

    def trace(self) -> list[str]:
        """The last frames of both directions, one line each."""
        return [f"{self.name}:", *(str(line) for line in self._trace[-TRACE_LINES:])]

    # -- waiting ----------------------------------------------------------------------------------------------------

    def wait(self, predicate: Callable[[], bool], timeout_s: float = PATIENCE_S) -> bool:
        """Run the event loop until the predicate holds."""
        return self.lab.wait(predicate, timeout_s)

    def wait_for(self, label: str, timeout_s: float = PATIENCE_S, *, after: int = 0) -> Heard | None:
        """Wait for a frame or record by its label, such as `accept` or `PONG`; also one that has come already.

        Args:
            label: See `Heard`.
            timeout_s: How long, in seconds; the wait also ends with the stream.
            after: Only what came behind so many entries of `heard`.
        """

        def found() -> list[Heard]:
            return [one for one in self.heard[after:] if one.label == label]

        self.wait(lambda: bool(found()) or self.raw_peer.ended is not None, timeout_s)
        return next(iter(found()), None)

    def expect(self, label: str, timeout_s: float = PATIENCE_S, *, after: int = 0) -> Heard:
        """The same, where the case makes no sense without it.

        Raises:
            Inconclusive: It did not come.
        """
        heard = self.wait_for(label, timeout_s, after=after)
        if heard is None:
            raise Inconclusive(
                f"{self.name}: waited for {label}, heard {', '.join(self.labels()) or 'nothing'}"
            )
        return heard

    def response_to(self, mid: int, timeout_s: float = PATIENCE_S) -> HeardMessage | None:
        """Wait for the first response to a request of ours."""
        self.wait(lambda: mid in self.responses or self.raw_peer.ended is not None, timeout_s)
        return next(iter(self.responses.get(mid, [])), None)

    def wait_end(self, timeout_s: float = PATIENCE_S) -> str | None:
        """Wait until the other side has ended the stream, and say how."""
        self.wait(lambda: self.raw_peer.ended is not None, timeout_s)
        return self.ended

    def settle(self, limit_s: float = PATIENCE_S, *, patient: bool = False) -> str | None:
        """Wait until the other side has ended the stream or has been silent for a moment; say how it ended, if so.

        Args:
            limit_s: Give up after this many seconds.
            patient: Whether it has to end the stream, so that only a long silence counts.
        """
        raw = self.raw_peer
        self.lab.settle(
            lambda: raw.ended is not None,
            activity=lambda: (self.lab.told(), raw.bytes_seen, raw.buffered),
            limit_s=limit_s,
            patient=patient,
        )
        return self.ended

    # -- sending -------------------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """Send everything that is sent inside of the block in one piece."""
        self._batch = []
        try:
            yield
        finally:
            pieces, self._batch = self._batch, None
            self._write(b"".join(pieces))

    def _step(self, frames: list[Outgoing], edit: Edit | None = None) -> bytes:
        """Send what was made by hand."""
        self.pilot.answered()
        if edit is not None:
            frames = [Outgoing(f"{one.label}*", edit(one.data)) for one in frames]
        self._note("sends " + ", ".join(one.label for one in frames))
        self._send(frames)
        return b"".join(one.data for one in frames)

    def _send(self, frames: list[Outgoing]) -> None:
        for one in frames:
            self.sent.append(one)
            self._log(self.peer.initiator, one.label, one.data)
        self._write(b"".join(one.data for one in frames))

    def _write(self, data: bytes) -> None:
        every = self.peer.quirks.timing.dribble_s
        if self._batch is not None:
            self._batch.append(data)
        elif every <= 0:
            self.raw_peer.write(data)
        elif data:
            idle = not self._slow
            self._slow += data
            if idle:
                self._drip(every)

    def _drip(self, every: float) -> None:
        if self._slow and self.raw_peer.ended is None and not self.raw_peer.broken:
            self.raw_peer.write(bytes(self._slow[:1]))
            del self._slow[:1]
            self.lab.reactor.call_at(self.lab.reactor.now() + every, lambda: self._drip(every))

    def _take(self, data: bytes) -> None:
        for one in self.pilot.receive(data):
            if isinstance(one, Outgoing):
                self._send([one])
            else:
                self.heard.append(one)
                if isinstance(one, Noted):
                    self._remark(one.text)
                elif not isinstance(one, HeardMessage):
                    self._log(not self.peer.initiator, one.label, one.data)

    def _log(self, from_client: bool, label: str, data: bytes) -> None:
        direction = "c2s" if from_client else "s2c"
        number = self._numbers[direction]
        self._numbers[direction] += 1
        at = self.lab.reactor.now() - self._opened_at
        head = data[:HEAD_BYTES].hex()
        self._trace.append(TraceLine(at, "c2s" if from_client else "s2c", number, label, len(data), head, ""))

    def _remark(self, text: str) -> None:
        at = self.lab.reactor.now() - self._opened_at
        self._trace.append(TraceLine(at, None, None, "", 0, "", text))

    def _note(self, text: str) -> None:
        """Put what is done by hand into the evidence, as long as it can still be read."""
        self._told += 1
        if self._told <= DONE_LINES:
            self.lab.did(f"{self.name} {text}")

"""What a peer hears: finds frames in bytes, opens them, keeps what they say and notes what breaks a rule."""

from __future__ import annotations

from ipc_gauntlet.peer.cbor import CborError
from ipc_gauntlet.peer.grammar import wrong_with
from ipc_gauntlet.peer.heard import Heard, HeardFrame, HeardMessage, HeardRecord, Noted
from ipc_gauntlet.peer.negotiation import MAX_NEGOTIATION, NegotiationError
from ipc_gauntlet.peer.noise import NoiseError
from ipc_gauntlet.peer.peer import Peer
from ipc_gauntlet.peer.records import Opened, RecordError, RecordType, check_values, control_map, label_of

PING_BYTES = 8
_KEYS = {RecordType.READY: set(range(5)), RecordType.CLOSE: {0, 1, 2}, RecordType.ERROR: {0, 1}}


class Ear:
    """Feeds a peer with what the other side sends.

    Args:
        peer: Whose ear it is.
    """

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self._buffer = bytearray()
        self._lost = False

    @property
    def waiting(self) -> bytes:
        """Bytes that are no whole frame yet."""
        return bytes(self._buffer)

    def next(self, data: bytes = b"") -> list[Heard] | None:
        """Take bytes, and handle at most one frame of all that has come.

        One at a time, since how the next one is read can depend on what is answered to this one.

        Returns:
            What it was, and what it breaks; None when no whole frame is there.
        """
        self._buffer += data
        length = self._length()
        if length is None or len(self._buffer) < length:
            return None
        frame = bytes(self._buffer[:length])
        del self._buffer[:length]
        if self._lost:
            return [Heard("garbage", frame)]
        return self._record(frame) if self._peer.reads_records else self._handshake(frame)

    def _length(self) -> int | None:
        """The length of the next frame, None while it is not known."""
        have = len(self._buffer)
        if self._lost:
            return have or None
        if have < 2:
            return None
        first = int.from_bytes(self._buffer[:2])
        if self._peer.reads_records:
            return 2 + first
        if first > MAX_NEGOTIATION:
            self._lost = True
            return have
        if have < 4 + first:
            return None
        return 4 + first + int.from_bytes(self._buffer[2 + first : 4 + first])

    def _handshake(self, frame: bytes) -> list[Heard]:
        peer = self._peer
        try:
            heard: HeardFrame = peer.negotiating.hear(frame)
        except (NoiseError, NegotiationError) as problem:
            return [Heard("garbage", frame), self._note(frame, f"handshake frame: {problem}")]
        peer.accept_heard = peer.accept_heard or heard.label == "accept"
        peer.rejected = peer.rejected or heard.label == "reject"
        peer.settle()
        return [heard]

    def _record(self, frame: bytes) -> list[Heard]:
        peer = self._peer
        if peer.opener is None:
            return [Heard("sealed", frame), self._note(frame, "a record before there are keys")]
        try:
            opened = peer.opener.open(frame)
        except NoiseError:
            return [Heard("sealed", frame), self._note(frame, "a record that does not authenticate")]
        except RecordError as problem:
            return [Heard("sealed", frame), self._note(frame, str(problem))]
        record = HeardRecord(
            label_of(opened.type), frame, opened.type, opened.flags, opened.payload, opened.n
        )
        peer.records.append(record)
        heard: list[Heard] = [record]
        if peer.close_heard:
            heard.append(self._note(frame, f"{record.label} behind CLOSE"))
        try:
            heard += self._meaning(frame, opened)
        except (RecordError, CborError) as problem:
            heard.append(self._note(frame, f"{record.label}: {problem}"))
        return heard

    def _meaning(self, frame: bytes, opened: Opened) -> list[Heard]:
        peer = self._peer
        self._expect_ready(opened)
        if opened.type in _KEYS:
            value = control_map(opened.payload, _KEYS[RecordType(opened.type)])
            if opened.flags:
                raise RecordError("an undefined flag")
            check_values(opened.type, value)
            if opened.type == RecordType.READY:
                peer.remote_ready = dict(value)
            elif opened.type == RecordType.ERROR:
                peer.error_heard = True
            else:
                peer.close_heard = True
                self._check_counts(value[1], value[2])
        elif opened.type in (RecordType.PING, RecordType.PONG):
            self._liveness(opened)
        elif opened.type == RecordType.MSG:
            fields = peer.inbound.fragment(opened.flags, opened.payload)
            if fields is not None:
                message = HeardMessage("message", frame, fields)
                peer.messages.append(message)
                wrong = [one for one in (peer.inbound.misnumbered, wrong_with(fields)) if one]
                return [message, *(self._note(frame, f"message: {one}") for one in wrong)]
        return []

    def _liveness(self, opened: Opened) -> None:
        peer = self._peer
        if opened.flags or len(opened.payload) != PING_BYTES:
            raise RecordError("an undefined flag, or not 8 bytes")
        if opened.type == RecordType.PING or peer.config.datagram:
            return
        expected = peer.pings.popleft() if peer.pings else None
        if opened.payload != expected:
            raise RecordError("not the bytes of the oldest PING that is not yet answered")

    def _expect_ready(self, opened: Opened) -> None:
        before = bool(self._peer.remote_ready)
        if before == (opened.type == RecordType.READY):
            raise RecordError("READY comes once, and first")

    def _check_counts(self, sent: object, processed: object) -> None:
        peer = self._peer
        lost = peer.config.datagram and isinstance(sent, int) and sent >= peer.inbound.received
        if sent != peer.inbound.received and not lost:
            raise RecordError(f"says that {sent} messages were sent, {peer.inbound.received} came")
        if not isinstance(processed, int) or processed > peer.outbound.next_mid:
            raise RecordError(
                f"says that {processed} messages were processed, {peer.outbound.sent} were sent"
            )

    def _note(self, frame: bytes, text: str) -> Noted:
        self._peer.note(text)
        return Noted("noted", frame, text)

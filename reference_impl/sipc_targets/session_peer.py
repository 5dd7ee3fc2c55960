"""The other side of a session: it has the keys, and seals whatever it is told to, rightly or wrongly."""

from __future__ import annotations

from typing import Any

from ipc_gauntlet.fuzz.mutate.sequence import number
from ipc_gauntlet.peer import cbor
from ipc_gauntlet.peer.conversation import Inbound
from ipc_gauntlet.peer.noise import CipherState, NoiseError
from ipc_gauntlet.peer.payloads import pack
from ipc_gauntlet.peer.quirks import RecordQuirks
from ipc_gauntlet.peer.records import Opener, RecordError, RecordType, Sealer, close_body
from sipc_targets.snapshots import Snapshot
from sipc_targets.violations import BrokenOutput

_SHIFT = 4
_MOST_BODY = 8192
_PING = pack(b"\3\0" + bytes(8))
_READY = cbor.encode({0: 1 << 20, 1: 4, 2: 1 << 20, 3: 60_000, 4: []})


class SessionPeer:
    """Makes frames by the names of steps, and reads what the reference sends.

    Args:
        shot: The handshake.
        datagram: Whether it is of profile D.

    Attributes:
        heard: Frames of the reference.
        sent: Frames that were sealed as they should be.
        requests: Numbers of the reference's requests.
        pings: PINGs that were not answered.
    """

    def __init__(self, shot: Snapshot, *, datagram: bool) -> None:
        self.shot = shot
        self.datagram = datagram
        shift = _SHIFT if datagram else None
        sending, receiving = shot.open_states()
        self._sealer = Sealer(sending, RecordQuirks(), shift)
        self._opener = Opener(receiving, shift)
        self._inbound = Inbound(ordered=not datagram)
        self._previous = b""
        self.heard: list[bytes] = []
        self.sent: list[bytes] = []
        self.requests: list[int] = []
        self.pings: list[bytes] = []
        self._mid = 0
        self._buffer = b""
        # Profile D: the keys of its epochs, the first of them now.
        self._keys = [sending.key]

    # --- what it says ---

    def honest(self, name: str, body: bytes) -> bytes:
        """The frames of a step of `HONEST`."""
        if name == "plaintext":
            return self._keep(self._sealer.seal(body[:_MOST_BODY]))
        if name == "rekey":
            return self._rekey()
        if name == "large":
            event = cbor.encode({0: 1, 1: 2, 2: 0, 4: "app.message", 14: bytes(number(body, 0, 65_000))})
            return self._keep(self._sealer.seal(pack(b"\2\3" + self._numbered(event))))
        if name == "fragments":
            return self._fragments(number(body, 1, 64), self._numbered(body[2 : 2 + _MOST_BODY]))
        return self._keep(self._sealer.seal(pack(self._body(name, body)[:_MOST_BODY])))

    def _body(self, name: str, body: bytes) -> bytes:
        if name == "ready":
            return b"\1\0" + _READY
        if name == "message":
            message = body[1 : 1 + _MOST_BODY]
            return b"\2\3" + (self._numbered(message) if body[:1] == b"\1" else message)
        if name == "respond_to":
            corr = self.requests[number(body) % len(self.requests)] if self.requests else number(body)
            return b"\2\3" + self._numbered(cbor.encode({0: 1, 1: 1, 2: 0, 3: corr, 14: b"answer", 15: 0}))
        if name == "ping":
            return b"\3\0" + body[:8].ljust(8, b"\0")
        if name == "pong":
            return b"\4\0" + (self.pings.pop(0) if self.pings else bytes(8))
        if name == "close":
            return b"\6\0" + close_body(0, self._mid, self._inbound.highest + 1)
        return (b"\7\0" if name == "error" else b"") + body

    def _numbered(self, message: bytes) -> bytes:
        """The message with the number that is due, if it can be read."""
        try:
            fields: Any = cbor.decode(message)
        except cbor.CborError:
            return message
        if not isinstance(fields, dict) or 2 not in fields:
            return message
        numbered = cbor.encode({**fields, 2: self._mid})
        self._mid += 1
        return numbered

    def _fragments(self, size: int, message: bytes) -> bytes:
        starts = range(0, max(1, len(message)), size)
        made = []
        for at, start in enumerate(starts):
            flags = (at == 0) | (at == len(starts) - 1) << 1
            made.append(self._sealer.seal(pack(bytes((2, flags)) + message[start : start + size])))
        self.sent += made
        return b"".join(made)

    def _rekey(self) -> bytes:
        self._previous = self._state().key
        frame = b"" if self.datagram else self._keep(self._sealer.frame(5, b""))
        self._sealer.rekey()
        return frame

    def _keep(self, frame: bytes) -> bytes:
        self.sent.append(frame)
        return frame

    # --- what it breaks ---

    def fault(self, name: str, body: bytes) -> bytes:
        """The frames of a step of `FAULTS`; empty where there is nothing yet to do it with."""
        made: bytes = getattr(self, f"_{name}")(body)
        return made

    @property
    def _number(self) -> int:
        """Of the next record."""
        return self._sealer.state.n

    def _state(self, epochs: int = 0) -> CipherState:
        """A state with the key of the next record, or with one of a later epoch."""
        state = self._sealer.state
        if not self.datagram:
            return state.copy()
        epoch = (self._number >> _SHIFT) + epochs
        while len(self._keys) <= epoch:
            self._keys.append(state.next_key(self._keys[-1]))
        return CipherState(state.cipher, self._keys[epoch])

    def _sealed(self, state: CipherState, n: int | None = None, ad: bytes = b"") -> bytes:
        n = self._number if n is None else n
        return self._frame(n, state.seal(_PING, ad, n=n))

    def _frame(self, n: int, sealed: bytes) -> bytes:
        content = n.to_bytes(8) + sealed if self.datagram else sealed
        return len(content).to_bytes(2) + content

    def _with_key(self, key: bytes) -> bytes:
        return self._sealed(CipherState(self._sealer.state.cipher, key)) if key else b""

    def _old_key(self, _body: bytes) -> bytes:
        return self._with_key(self._previous)

    def _reused_nonce(self, body: bytes) -> bytes:
        if self.datagram:
            # Only a number that was really used; others may have been left out.
            frame = self._replayed_record(body)
            return self._sealed(self._state(), int.from_bytes(frame[2:10])) if frame else b""
        n = self._number
        return self._sealed(self._state(), n - 1 - number(body) % n) if n else b""

    def _skipped_nonce(self, body: bytes) -> bytes:
        if self.datagram:
            return b""  # numbers may be left out there
        return self._sealed(self._state(), self._number + 1 + number(body))

    def _swapped_key(self, _body: bytes) -> bytes:
        return self._with_key(self._opener.state.key)

    def _unannounced_rekey(self, _body: bytes) -> bytes:
        if self.datagram:
            return self._with_key(self._state(1).key)
        state = self._state()
        return self._with_key(state.next_key(state.key))

    def _skipped_rekey(self, _body: bytes) -> bytes:
        old = self._state().key
        return self._rekey() + self._with_key(old)

    def _replayed_record(self, body: bytes) -> bytes:
        return self.sent[number(body) % len(self.sent)] if self.sent else b""

    def _reflected_record(self, body: bytes) -> bytes:
        return self.heard[number(body) % len(self.heard)] if self.heard else b""

    def _replayed_handshake(self, _body: bytes) -> bytes:
        return self.shot.last

    def _flipped_bit(self, body: bytes) -> bytes:
        frame = self._sealed(self._state())
        at = 16 + number(body, 0, 8 * (len(frame) - 2) - 1)
        return frame[: at // 8] + bytes((frame[at // 8] ^ 1 << at % 8,)) + frame[at // 8 + 1 :]

    def _short_tag(self, body: bytes) -> bytes:
        sealed = self._state().seal(_PING, n=self._number)
        return self._frame(self._number, sealed[: len(sealed) - 16 + number(body, 0, 15)])

    def _associated_data(self, body: bytes) -> bytes:
        return self._sealed(self._state(), ad=body[:8] or b"x")

    # --- what it hears ---

    def hear(self, data: bytes) -> None:
        """Read what the reference sent, and hold it against docs/sipc1.md.

        Raises:
            BrokenOutput: It is not of that page.
        """
        self._buffer += data
        while len(self._buffer) >= 2:
            size = 2 + int.from_bytes(self._buffer[:2])
            if len(self._buffer) < size:
                break
            frame, self._buffer = self._buffer[:size], self._buffer[size:]
            self.heard.append(frame)
            try:
                self._heard(frame)
            except (NoiseError, RecordError) as problem:
                raise BrokenOutput(f"frame {len(self.heard)}: {problem}") from problem
        if self._buffer:
            raise BrokenOutput("half a frame was sent")

    def _heard(self, frame: bytes) -> None:
        record = self._opener.open(frame)
        if record.type == RecordType.PING:
            self.pings.append(record.payload)
        elif record.type == RecordType.MSG:
            fields = self._inbound.fragment(record.flags, record.payload)
            if fields is not None and self._inbound.misnumbered:
                raise RecordError(self._inbound.misnumbered)
            if fields is not None and fields.get(1) == 0:
                self.requests.append(fields[2])

    def follow(self, number_of_records: int) -> None:
        """Expect this record next: the reference was told to go on with it."""
        self._opener.state.n = number_of_records

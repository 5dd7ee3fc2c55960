"""Records of profile D: each carries its number, so they may be lost, repeated and reordered.

    TransportFrame := u16 length | u64 n | Noise transport message (empty associated data)

Rules of this file. What is not authentic, or was there before, is dropped and counted, and changes nothing. The key
follows from the number: epoch = n >> epoch_bits, one Rekey for each epoch. A receiver never derives more than one key
ahead of what it has authenticated.
"""

import copy
import struct
from collections.abc import Callable, Iterator, Sequence

from sipc.errors import IntegrityError, LimitError, LocalError, SipcError
from sipc.noise import RESERVED_NONCE, TAG_LENGTH, CipherState
from sipc.records import (
    HARD_RECORD_LIMIT,
    MAX_PAYLOAD,
    PADDING,
    Record,
    RecordOpener,
    RecordSealer,
    parse_plaintext,
)
from sipc.replay_window import MAX_NUMBER, ReplayWindow

EPOCH_BITS = 20
"""How many records share a key, as a power of two. Tests may use 4 to 64."""
GRACE_S = 30.0
"""How long records of the previous epoch are accepted."""

_NUMBER = 8
_SHORTEST = _NUMBER + TAG_LENGTH
_HEAD = struct.Struct(">HBB")
_FRAME = struct.Struct(">HQ")
# A test may set a counter this many epochs ahead; each costs a Rekey.
_MOST_EPOCHS = 1 << 16


class DatagramSealer(RecordSealer):
    """The sending direction of profile D.

    Args:
        cipher: The sending CipherState after the handshake.
        epoch_bits: How many records share a key, as a power of two.
    """

    __slots__ = ("_epoch_bits",)

    def __init__(self, cipher: CipherState, epoch_bits: int) -> None:
        super().__init__(cipher)
        self._epoch_bits = epoch_bits

    def seal_pieces(
        self, kind: int, flags: int, pieces: Sequence[bytes | memoryview], size: int
    ) -> tuple[bytes, bytes]:
        """The frame of one record, under the key of its number; see `RecordSealer.seal_pieces`."""
        if self._dead:
            raise LocalError("this direction has ended")
        number = self._cipher.nonce
        if size > MAX_PAYLOAD or self.records >= HARD_RECORD_LIMIT or number > MAX_NUMBER:
            self._dead = True
            raise LocalError("a record is too long, or all numbers are used up", reason="limit")
        body_length = size + 2
        padded = (body_length + 65) & -PADDING
        plaintext = b"".join((_HEAD.pack(body_length, kind, flags), *pieces)).ljust(padded, b"\0")
        sealed = self._cipher.encrypt(plaintext)
        self.records += 1
        self.octets += padded
        if (number + 1) >> self._epoch_bits != number >> self._epoch_bits:
            self._next_key()
        return _FRAME.pack(len(sealed) + _NUMBER, number), sealed

    def rekey(self) -> bytes:
        """Go on with the first number of the next epoch. No record says so: the result is empty."""
        following = ((self._cipher.nonce >> self._epoch_bits) + 1) << self._epoch_bits
        # An epoch of which the peer sees nothing would be one too many for it to follow.
        if self.records and following <= MAX_NUMBER:
            self._cipher.nonce = following
            self._next_key()
        return b""

    def set_number(self, number: int) -> None:
        """Go on with this number, under the key of its epoch; for tests near a limit.

        Raises:
            LocalError: It lies in the past, or too far ahead.
        """
        _advance(self._cipher, self._cipher.nonce, number, self._epoch_bits)

    def _next_key(self) -> None:
        self._cipher.rekey()
        self.records = 0
        self.octets = 0


class DatagramOpener(RecordOpener):
    """The receiving direction of profile D.

    Args:
        cipher: The receiving CipherState after the handshake.
        epoch_bits: How many records share a key, as a power of two.
        count: Told `integrity` or `replayed` for each record that is dropped.

    Attributes:
        now: Monotonic time, set by who feeds bytes.
        number: Number of the record that was opened last.
    """

    __slots__ = (
        "_count",
        "_current",
        "_epoch",
        "_epoch_bits",
        "_previous",
        "_previous_until",
        "_rest",
        "_window",
        "now",
        "number",
    )

    def __init__(self, cipher: CipherState, epoch_bits: int, count: Callable[[str], None]) -> None:
        super().__init__(cipher)
        self.now = 0.0
        self.number = -1
        self._epoch_bits = epoch_bits
        self._count = count
        self._current = cipher
        self._previous: CipherState | None = None
        self._previous_until = 0.0
        self._epoch = 0
        self._window = ReplayWindow()
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[Record]:
        """Yield the records that are complete and acceptable; the rest of the bytes is kept.

        Raises:
            MalformedError: An authentic frame is not a record.
            ProtocolError: Its type or its flags are unknown.
            LocalError: This direction has ended.
        """
        if self._dead:
            raise LocalError("this direction has ended")
        buffer = self._rest + data
        start = 0
        while len(buffer) - start >= 2:
            stop = start + 2 + int.from_bytes(buffer[start : start + 2])
            if stop > len(buffer):
                break
            frame, start = buffer[start + 2 : stop], stop
            plaintext = self._authentic(frame)
            if plaintext is None:
                continue
            try:
                record = parse_plaintext(plaintext)
            except SipcError:
                self.end()
                raise
            yield record
            if self.has_ended():
                return
        self._rest = buffer[start:]

    def whole_message(self, data: bytes) -> bytes | None:
        """Leave everything to `feed`: each record has to be judged by its number."""
        return None

    def end(self) -> None:
        """Open nothing any more and forget what is buffered."""
        super().end()
        self._rest = b""

    def has_partial_frame(self) -> bool:
        """Whether the stream stands inside a frame."""
        return bool(self._rest)

    def set_number(self, number: int) -> None:
        """Expect this number next, under the key of its epoch; for tests near a limit.

        Raises:
            LocalError: It lies in the past, or too far ahead.
        """
        self._current.nonce = max(self._window.highest, 0)
        _advance(self._current, self._current.nonce, number, self._epoch_bits)
        self._epoch = number >> self._epoch_bits
        self._window.move_to(number)
        self._previous = None

    def _authentic(self, frame: bytes) -> bytes | None:
        """Decrypt a frame, or drop it. Nothing changes before it has been decrypted."""
        if len(frame) < _SHORTEST:
            self._count("integrity")
            return None
        number = int.from_bytes(frame[:_NUMBER])
        if number == RESERVED_NONCE:
            self._count("integrity")
            return None
        if not self._window.accepts(number):
            self._count("replayed")
            return None
        epoch = number >> self._epoch_bits
        cipher = self._cipher_of(epoch)
        if cipher is None:
            self._count("integrity")
            return None
        cipher.nonce = number
        try:
            plaintext = cipher.decrypt(frame[_NUMBER:])
        except (IntegrityError, LimitError):
            self._count("integrity")
            return None
        if epoch > self._epoch:
            self._previous, self._previous_until = self._current, self.now + GRACE_S
            self._current, self._epoch = cipher, epoch
        self._window.mark(number)
        self.number = number
        return plaintext

    def _cipher_of(self, epoch: int) -> CipherState | None:
        """The key of an epoch that is acceptable now."""
        if epoch == self._epoch:
            return self._current
        if epoch == self._epoch + 1:
            following = copy.copy(self._current)
            following.rekey()
            return following
        if epoch == self._epoch - 1 and self.now < self._previous_until:
            return self._previous
        return None


def _advance(cipher: CipherState, present: int, number: int, epoch_bits: int) -> None:
    epochs = (number >> epoch_bits) - (present >> epoch_bits)
    if not present <= number <= MAX_NUMBER or epochs > _MOST_EPOCHS:
        raise LocalError("a record counter cannot be set to that number", reason="limit")
    for _ in range(epochs):
        cipher.rekey()
    cipher.nonce = number

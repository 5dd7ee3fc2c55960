"""Protected records: the layer between the transport's bytes and typed records.

    TransportFrame := u16 length | Noise transport message (empty associated data)
    plaintext      := u16 body_length | body | padding
    body           := u8 type | u8 flags | payload

Rules of this file. The nonce is implicit: record k of a direction is decrypted as number k or not at all. Any
exception ends the direction it happened in for good; no later call does anything but raise. Padding is zero
bytes up to a multiple of 64 and is ignored on receipt.
"""

import struct
from collections.abc import Iterator, Sequence
from enum import IntEnum
from typing import NamedTuple

from sipc.errors import IntegrityError, LimitError, LocalError, MalformedError, ProtocolError, SipcError
from sipc.noise import RESERVED_NONCE, TAG_LENGTH, CipherState


class RecordType(IntEnum):
    """Record types of SIPC/1. Types from 0x80 are ignored where unknown, all others are fatal."""

    READY = 1
    MSG = 2
    PING = 3
    PONG = 4
    REKEY = 5
    CLOSE = 6
    ERROR = 7


FLAG_FIRST = 1
FLAG_LAST = 2
WHOLE = FLAG_FIRST | FLAG_LAST
FIRST_IGNORABLE_TYPE = 0x80

PADDING = 64
MAX_FRAME = 65535
# The longest padded plaintext that fits a frame with its tag, and what remains of it for one payload.
MAX_PLAINTEXT = (MAX_FRAME - TAG_LENGTH) // PADDING * PADDING
MAX_PAYLOAD = MAX_PLAINTEXT - 4

# After this many records under one key the connection ends, whoever forgot to rekey.
HARD_RECORD_LIMIT = 2**32

_DEFINED_FLAGS = dict.fromkeys(RecordType, 0) | {RecordType.MSG: FLAG_FIRST | FLAG_LAST}
_KINDS: dict[int, tuple[RecordType, int]] = {
    int(kind): (kind, 0xFF ^ flags) for kind, flags in _DEFINED_FLAGS.items()
}

_HEAD = struct.Struct(">HBB")
_LENGTH = struct.Struct(">H")
# Payloads longer than this are looked at in place; they are copied once, when their message is put together.
_VIEWED = 16384
_MSG = int(RecordType.MSG)
# With a plaintext of at least a head.
_SHORTEST = 2 + 4 + TAG_LENGTH
_ZEROS = tuple(bytes(count) for count in range(PADDING))


class Record(NamedTuple):
    """One authentic record.

    Attributes:
        type: One of the known types, or the number of an ignorable one.
        flags: Only flags that are defined for this type; anything for an ignorable one.
        payload: What follows the two head bytes; a view of it where a copy would cost more.
    """

    type: int
    flags: int
    payload: bytes | memoryview


class RecordSealer:
    """The sending direction: turns records into frames.

    Args:
        cipher: The sending CipherState after the handshake.

    Attributes:
        records: Records sealed under the present key.
        octets: Plaintext bytes sealed under the present key.
    """

    __slots__ = ("_cipher", "_dead", "octets", "records")

    def __init__(self, cipher: CipherState) -> None:
        self._cipher = cipher
        self._dead = False
        self.records = 0
        self.octets = 0

    def seal(self, kind: RecordType, payload: bytes = b"", flags: int = 0) -> bytes:
        """Return the frame of one record; see `seal_pieces`."""
        return b"".join(self.seal_pieces(kind, flags, (payload,), len(payload)))

    def seal_pieces(
        self, kind: int, flags: int, pieces: Sequence[bytes | memoryview], size: int
    ) -> tuple[bytes, bytes]:
        """Return the frame of one record, in two pieces.

        Args:
            kind: The record's type.
            flags: Its flags.
            pieces: Its payload.
            size: How long that is.

        Raises:
            LocalError: The payload does not fit, the key is used up, or this direction has ended.
        """
        if self._dead:
            raise LocalError("this direction has ended")
        if size > MAX_PAYLOAD or self.records >= HARD_RECORD_LIMIT:
            self._dead = True
            raise LocalError("a record is too long, or the key has been used too often", reason="limit")
        body_length = size + 2
        padded = (body_length + 65) & -PADDING
        head = _HEAD.pack(body_length, kind, flags)
        plaintext = b"".join((head, *pieces, _ZEROS[padded - body_length - 2]))
        try:
            sealed = self._cipher.encrypt(plaintext)
        except SipcError:
            self._dead = True
            raise
        self.records += 1
        self.octets += padded
        return _LENGTH.pack(len(sealed)), sealed

    def rekey(self) -> bytes:
        """Return the frame of a REKEY record; everything later is sealed under the next key."""
        frame = self.seal(RecordType.REKEY)
        self._cipher.rekey()
        self.records = 0
        self.octets = 0
        return frame

    def numbers_left(self) -> int:
        """How many records this direction can still have."""
        return RESERVED_NONCE - self._cipher.nonce

    def set_number(self, number: int) -> None:
        """Go on with this number under the present key; for tests near a limit.

        Raises:
            LocalError: It lies in the past, or does not exist.
        """
        set_number(self._cipher, number)

    def end(self) -> None:
        """Seal nothing any more."""
        self._dead = True


class RecordOpener:
    """The receiving direction: turns bytes into authentic records.

    Args:
        cipher: The receiving CipherState after the handshake.

    Attributes:
        records: Records opened under the present key.
    """

    __slots__ = ("_cipher", "_dead", "_missing", "_opened", "_pieces", "records")

    def __init__(self, cipher: CipherState) -> None:
        self._cipher = cipher
        # Bytes of a frame that is not complete, and how many more it takes until one can be.
        self._pieces: list[bytes] = []
        self._missing = 0
        # What `whole_message` opened, and was none.
        self._opened: Record | None = None
        self._dead = False
        self.records = 0

    def feed(self, data: bytes) -> Iterator[Record]:
        """Yield the records that are complete with `data`; the rest is kept for the next call.

        The caller takes all of them, or calls `end`.

        Raises:
            IntegrityError: A frame is not authentic at this position.
            MalformedError: An authentic frame is not a record.
            ProtocolError: Its type or its flags are unknown.
            LimitError: The peer has used its key too often.
            LocalError: This direction has ended.
        """
        if self._dead:
            raise LocalError("this direction has ended")
        if self._opened is not None:
            opened, self._opened = self._opened, None
            yield opened
            return
        if self._missing > len(data):
            # Nothing can be complete yet; a long frame is put together once, not for each piece.
            self._missing -= len(data)
            self._pieces.append(data)
            return
        buffer = b"".join((*self._pieces, data)) if self._pieces else data
        self._pieces.clear()
        self._missing = 0
        view = memoryview(buffer)
        end = len(buffer)
        start = 0
        while end - start >= 2:
            length = (buffer[start] << 8) | buffer[start + 1]
            if length < TAG_LENGTH:
                self.end()
                raise IntegrityError("a frame is too short to be authentic")
            stop = start + 2 + length
            if stop > end:
                self._missing = stop - end
                break
            try:
                record = self._open(view[start + 2 : stop])
            except SipcError:
                self.end()
                raise
            start = stop
            yield record
            if self.has_ended():
                return
        if start < end:
            self._pieces.append(buffer[start:])
            self._missing = self._missing or 1

    def whole_message(self, data: bytes) -> bytes | None:
        """Open `data` if it is exactly one frame; return the payload if that is one whole message.

        Any other record is kept for `feed`, which yields it first.

        Raises:
            SipcError: See `feed`.
        """
        if self._pieces or len(data) < _SHORTEST or (data[0] << 8 | data[1]) + 2 != len(data) or self._dead:
            return None
        try:
            plaintext = self._decrypt(data[2:])
            size, kind, flags = _HEAD.unpack_from(plaintext)
            if kind == _MSG and flags == WHOLE and 2 < size <= len(plaintext) - 2:
                return plaintext[4 : 2 + size]
            self._opened = parse_plaintext(plaintext)
        except SipcError:
            self.end()
            raise
        return None

    def rekey(self) -> None:
        """A REKEY record was opened: the next record is under the next key."""
        self._cipher.rekey()
        self.records = 0

    def set_number(self, number: int) -> None:
        """Expect this number next, under the present key; for tests near a limit.

        Raises:
            LocalError: It lies in the past, or does not exist.
        """
        set_number(self._cipher, number)

    def end(self) -> None:
        """Open nothing any more and forget what is buffered."""
        self._dead = True
        self._pieces.clear()
        self._opened = None

    def has_ended(self) -> bool:
        """Whether this direction has ended."""
        return self._dead

    def has_partial_frame(self) -> bool:
        """Whether the stream stands inside a frame."""
        return bool(self._pieces)

    def _open(self, sealed: memoryview) -> Record:
        return parse_plaintext(self._decrypt(sealed))

    def _decrypt(self, sealed: bytes | memoryview) -> bytes:
        if self.records >= HARD_RECORD_LIMIT:
            raise LimitError("the peer has used one key too often")
        plaintext = self._cipher.decrypt(sealed)
        self.records += 1
        return plaintext


def parse_plaintext(plaintext: bytes) -> Record:
    """Return the record of a decrypted frame.

    Raises:
        MalformedError: The lengths do not fit.
        ProtocolError: The type is unknown and not ignorable, or a flag is not defined.
    """
    if len(plaintext) < 4:
        raise MalformedError("a record is shorter than its head")
    body_length, kind, flags = _HEAD.unpack_from(plaintext)
    if not 2 <= body_length <= len(plaintext) - 2:
        raise MalformedError("a record's length is not that of its body")
    known = _KINDS.get(kind)
    if known is not None:
        kind, undefined = known
        if flags & undefined:
            raise ProtocolError(f"undefined flags 0x{flags:02x} in a record of type {kind.name}")
    elif kind < FIRST_IGNORABLE_TYPE:
        raise ProtocolError(f"unknown record type 0x{kind:02x}")
    if body_length > _VIEWED:
        return Record(kind, flags, memoryview(plaintext)[4 : 2 + body_length])
    return Record(kind, flags, plaintext[4 : 2 + body_length])


def set_number(cipher: CipherState, number: int) -> None:
    """Let a direction go on with a later number; raises LocalError if there is no such number ahead."""
    if not cipher.nonce <= number < RESERVED_NONCE:
        raise LocalError("a record counter cannot be set to that number", reason="limit")
    cipher.nonce = number

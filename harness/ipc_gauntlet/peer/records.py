"""Records (docs/sipc1.md, sections 9 to 12 and 20): sealing, opening, control records, fragments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from ipc_gauntlet.peer.cbor import CborError, Limits, decode, encode
from ipc_gauntlet.peer.noise import TAG, CipherState, NoiseError
from ipc_gauntlet.peer.payloads import PayloadError, pack, unpack
from ipc_gauntlet.peer.quirks import RecordQuirks

FIRST, LAST = 0x01, 0x02
PROFILE_D_HEADER = 8
RECORD_LIMITS = Limits(3, 128, 1024)


class RecordType(IntEnum):
    """Types that mean something, and one of each kind that does not."""

    READY = 0x01
    MSG = 0x02
    PING = 0x03
    PONG = 0x04
    REKEY = 0x05
    CLOSE = 0x06
    ERROR = 0x07
    UNKNOWN_FATAL = 0x08
    UNKNOWN_IGNORABLE = 0x80


def label_of(record_type: int) -> str:
    """The name of a record type for a trace."""
    try:
        return RecordType(record_type).name
    except ValueError:
        return f"record {record_type:#04x}"


class RecordError(ValueError):
    """A record that is authentic and not of section 9."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A record that authenticated."""

    type: int
    flags: int
    payload: bytes
    n: int


class Sealer:
    """One direction's sending half.

    Args:
        state: Key and nonce; open to everybody.
        quirks: How records are spoiled.
        shift: In profile D the length of an epoch, as a power of two; None in a stream.
    """

    def __init__(self, state: CipherState, quirks: RecordQuirks, shift: int | None = None) -> None:
        self.state = state
        self._quirks = quirks
        self._shift = shift
        self._epoch = 0

    def frame(self, record_type: int, body: bytes, flags: int = 0) -> bytes:
        """Seal one record and frame it."""
        return self.seal(pack(bytes([record_type, flags]) + body, self._quirks))

    def seal(self, plaintext: bytes, n: int | None = None) -> bytes:
        """Seal any plaintext and frame it.

        Args:
            plaintext: With length and padding, if it is to have them.
            n: The nonce; the next one by default. In a stream another one does not move the count, in profile D the
                next record follows it.
        """
        if n is None:
            n = self._quirks.stuck_nonce
        if self._shift is not None:
            return self._datagram(plaintext, self.state.n if n is None else n)
        sealed = self.state.seal(plaintext, n=n)
        return _counted(self._cut(sealed))

    def rekey(self) -> None:
        """What follows a REKEY; in profile D the first number of the next epoch is next."""
        if self._shift is not None:
            self.state.n = ((self.state.n >> self._shift) + 1) << self._shift
        elif self._quirks.ratchet:
            self.state.rekey()

    def _datagram(self, plaintext: bytes, n: int) -> bytes:
        while self._epoch < n >> (self._shift or 0):
            self.state.rekey()
            self._epoch += 1
        sealed = self.state.seal(plaintext, n=n)
        self.state.n = n + 1
        return _counted(n.to_bytes(PROFILE_D_HEADER) + self._cut(sealed))

    def _cut(self, sealed: bytes) -> bytes:
        return sealed[: len(sealed) - TAG + self._quirks.tag_bytes]


class Opener:
    """One direction's receiving half; see `Sealer`."""

    def __init__(self, state: CipherState, shift: int | None = None) -> None:
        self.state = state
        self._shift = shift
        self._keys = [state.key]

    def open(self, frame: bytes) -> Opened:
        """Open one transport frame.

        Raises:
            NoiseError: It does not authenticate.
            RecordError: It is authentic, but no record.
        """
        message = frame[2:]
        n = self.state.n
        if self._shift is None:
            plaintext = self.state.open(message)
        else:
            n = int.from_bytes(message[:PROFILE_D_HEADER])
            plaintext = self._datagram(message[PROFILE_D_HEADER:], n)
        try:
            body = unpack(plaintext)
        except PayloadError as problem:
            raise RecordError(str(problem)) from problem
        if len(body) < 2:
            raise RecordError("a body of less than 2 bytes")
        opened = Opened(body[0], body[1], body[2:], n)
        if opened.type == RecordType.REKEY and self._shift is None:
            self.state.rekey()
        return opened

    def _datagram(self, message: bytes, n: int) -> bytes:
        epoch = n >> (self._shift or 0)
        if epoch > len(self._keys):
            raise NoiseError("a number far beyond the present epoch")
        key = self._keys[epoch] if epoch < len(self._keys) else self.state.next_key(self._keys[-1])
        plaintext = CipherState(self.state.cipher, key).open(message, n=n)
        if epoch == len(self._keys):
            self._keys.append(key)
        self.state.key, self.state.n = self._keys[-1], max(self.state.n, n + 1)
        return plaintext


def fragments(message: bytes, quirks: RecordQuirks) -> Iterator[tuple[int, bytes]]:
    """Cut a message into MSG records: flags and payload of each."""
    starts = range(0, max(1, len(message)), quirks.fragment)
    for number, start in enumerate(starts):
        flags = FIRST if number == 0 and quirks.first_flag else 0
        if number == len(starts) - 1 and quirks.last_flag:
            flags |= LAST
        yield flags, message[start : start + quirks.fragment]


def close_body(reason: int, sent: int, processed: int) -> bytes:
    """The payload of CLOSE."""
    return encode({0: reason, 1: sent, 2: processed})


def error_body(code: int, reference: bytes) -> bytes:
    """The payload of ERROR."""
    return encode({0: code, 1: reference})


def control_map(payload: bytes, keys: set[int]) -> Mapping[int, Any]:
    """Read the map of READY, CLOSE or ERROR.

    Raises:
        RecordError: It is no map, or a required key is missing, or there is one that means nothing.
    """
    try:
        value = decode(payload, RECORD_LIMITS)
    except CborError as problem:
        raise RecordError(str(problem)) from problem
    if not isinstance(value, dict) or not all(type(key) is int and key >= 0 for key in value):
        raise RecordError("no map with numbers as keys")
    known = {key for key in value if key < 64}
    if known != keys:
        raise RecordError(f"keys {sorted(known)} instead of {sorted(keys)}")
    return value


def check_values(record_type: int, value: Mapping[int, Any]) -> None:
    """Hold the values of a control record's map against the ranges of section 9.

    Raises:
        RecordError: One is out of its range.
    """
    for key, (low, high) in _RANGES[record_type].items():
        number = value[key]
        if not isinstance(number, int) or isinstance(number, bool) or not low <= number <= high:
            raise RecordError(f"key {key} is {number!r}, not from {low} to {high}")
    if record_type == RecordType.READY:
        features = value[4]
        if not isinstance(features, list) or len(features) > MAX_FEATURES:
            raise RecordError(f"no list of up to {MAX_FEATURES} features")
        if not all(type(one) is int and 0 <= one < 1 << 16 for one in features):
            raise RecordError("a feature that is no u16")
        if sorted(set(features)) != features:
            raise RecordError("features that are not strictly ascending")
    if record_type == RecordType.ERROR and (not isinstance(value[1], bytes) or len(value[1]) != REFERENCE):
        raise RecordError(f"no reference of {REFERENCE} bytes")


MAX_FEATURES, REFERENCE = 64, 8
_COUNT = (0, (1 << 64) - 1)
_RANGES: dict[int, dict[int, tuple[int, int]]] = {
    RecordType.READY: {0: (1024, 1 << 24), 1: (1, 65535), 2: (2, 1 << 32), 3: (1, 86_400_000)},
    RecordType.CLOSE: {0: _COUNT, 1: _COUNT, 2: _COUNT},
    RecordType.ERROR: {0: (1, 255)},
}


def _counted(data: bytes) -> bytes:
    return len(data).to_bytes(2) + data

"""The four negotiation structures, the selection and the prologues (docs/sipc1.md, sections 3 and 4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

MAGIC = b"SIPC"
OFFER, RETRY, CHOICE, REJECT = range(4)
KINDS = {OFFER: "offer", RETRY: "retry", CHOICE: "choice", REJECT: "reject"}
MAX_NEGOTIATION = 362
NO_VERSION, NO_SUITE, BUSY = 1, 2, 3


class NegotiationError(ValueError):
    """Bytes that are none of the structures of section 4."""


@dataclass(frozen=True, slots=True)
class Offer:
    """OFFER: what an initiator can do, and what it wants."""

    lowest: int
    highest: int
    chosen: int
    suites: tuple[int, ...]
    psk_id: bytes
    service: bytes

    def encode(self) -> bytes:
        """The structure's bytes; values out of their range are not refused, only what does not fit into a field is."""
        numbers = b"".join(suite.to_bytes(2) for suite in self.suites)
        return (
            MAGIC
            + bytes([OFFER, self.lowest, self.highest, self.chosen, len(self.suites)])
            + numbers
            + bytes([len(self.psk_id)])
            + self.psk_id
            + bytes([len(self.service)])
            + self.service
        )

    @classmethod
    def decode(cls, data: bytes) -> Offer:
        """Read one.

        Raises:
            NegotiationError: It is malformed.
        """
        fields = _Fields(data, OFFER)
        lowest, highest, chosen, count = fields.u8(), fields.u8(), fields.u8(), fields.u8()
        suites = tuple(fields.u16() for _ in range(count))
        offer = cls(lowest, highest, chosen, suites, fields.block(), fields.block())
        fields.end()
        if not 1 <= lowest <= chosen <= highest or not 1 <= count <= 16:
            raise NegotiationError("versions or number of suites out of range")
        if len(offer.psk_id) > 64 or not offer.service:
            raise NegotiationError("psk_id too long, or no service")
        return offer


@dataclass(frozen=True, slots=True)
class Retry:
    """RETRY: what a responder wants instead of the offer's beginning."""

    version: int
    suite: int
    reserved: bytes = bytes(3)

    def encode(self) -> bytes:
        """The structure's bytes."""
        return MAGIC + bytes([RETRY, self.version]) + self.suite.to_bytes(2) + self.reserved

    @classmethod
    def decode(cls, data: bytes) -> Retry:
        """Read one.

        Raises:
            NegotiationError: It is malformed.
        """
        fields = _Fields(data, RETRY)
        retry = cls(fields.u8(), fields.u16(), fields.take(3))
        fields.end()
        if any(retry.reserved):
            raise NegotiationError("reserved bytes that are not zero")
        return retry


@dataclass(frozen=True, slots=True)
class Choice:
    """CHOICE: an initiator's consent to a RETRY."""

    version: int
    suite: int

    def encode(self) -> bytes:
        """The structure's bytes."""
        return MAGIC + bytes([CHOICE, self.version]) + self.suite.to_bytes(2)

    @classmethod
    def decode(cls, data: bytes) -> Choice:
        """Read one.

        Raises:
            NegotiationError: It is malformed.
        """
        fields = _Fields(data, CHOICE)
        choice = cls(fields.u8(), fields.u16())
        fields.end()
        return choice


@dataclass(frozen=True, slots=True)
class Reject:
    """REJECT: nothing in common, or busy."""

    highest: int
    code: int
    retry_after_ms: int = 0
    reserved: bytes = bytes(2)

    def encode(self) -> bytes:
        """The structure's bytes."""
        return (
            MAGIC
            + bytes([REJECT, self.highest])
            + self.reserved
            + bytes([self.code])
            + self.retry_after_ms.to_bytes(2)
        )

    @classmethod
    def decode(cls, data: bytes) -> Reject:
        """Read one.

        Raises:
            NegotiationError: It is malformed.
        """
        fields = _Fields(data, REJECT)
        highest, reserved = fields.u8(), fields.take(2)
        reject = cls(highest, fields.u8(), fields.u16(), reserved)
        fields.end()
        if any(reserved):
            raise NegotiationError("reserved bytes that are not zero")
        return reject


@dataclass(frozen=True, slots=True)
class Policy:
    """What a responder allows: a range of versions, and suites in order of preference."""

    lowest: int
    highest: int
    suites: tuple[int, ...]
    known: tuple[int, ...] = (1, 127)


def select(offer: Offer, policy: Policy) -> tuple[int, int] | int:
    """Choose a version and a suite, or the code of a REJECT."""
    versions = [
        version
        for version in policy.known
        if policy.lowest <= version <= policy.highest and offer.lowest <= version <= offer.highest
    ]
    if not versions:
        return NO_VERSION
    if offer.suites[0] in policy.suites:
        return max(versions), offer.suites[0]
    for suite in policy.suites:
        if suite in offer.suites:
            return max(versions), suite
    return NO_SUITE


def accepted_prologue(offer: bytes, application: bytes) -> bytes:
    """The prologue of a handshake that goes on as it began."""
    return b"NoiseSocketInit1" + counted(offer) + application


def retried_prologue(parts: Sequence[bytes], application: bytes) -> bytes:
    """The prologue after a RETRY.

    Args:
        parts: OFFER, its Noise message 1, RETRY, CHOICE.
        application: The application prologue.
    """
    offer, message, retry, choice = map(counted, parts)
    return b"NoiseSocketInit3" + offer + message + retry + counted(b"") + choice + application


def counted(data: bytes) -> bytes:
    """Bytes behind their length, u16."""
    return len(data).to_bytes(2) + data


class _Fields:
    """Reads the fields of one structure."""

    def __init__(self, data: bytes, kind: int) -> None:
        self._data = data
        self._at = 0
        if self.take(4) != MAGIC or self.u8() != kind:
            raise NegotiationError(f"not a {KINDS[kind]}")

    def take(self, count: int) -> bytes:
        if count > len(self._data) - self._at:
            raise NegotiationError("the structure ends too early")
        self._at += count
        return self._data[self._at - count : self._at]

    def u8(self) -> int:
        return self.take(1)[0]

    def u16(self) -> int:
        return int.from_bytes(self.take(2))

    def block(self) -> bytes:
        return self.take(self.u8())

    def end(self) -> None:
        if self._at != len(self._data):
            raise NegotiationError("bytes behind the end")

"""Negotiation: what is offered, how one of it is selected, and how both are bound to the handshake.

Rule of this file: it is pure. Every message has one encoding; the selection is a function of the offer and the
responder's policy; every negotiated byte goes into the prologue (NoiseSocket section 4), so that an edit on the path
breaks the first authenticated message.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, IntEnum

from sipc.errors import LocalError, MalformedError
from sipc.suites import VERSIONS, Suite

MAGIC = b"SIPC"
MAX_SUITES = 16
MAX_PSK_ID = 64
MAX_SERVICE = 255
MAX_NEGOTIATION = 4 + 5 + 2 * MAX_SUITES + 1 + MAX_PSK_ID + 1 + MAX_SERVICE

_OFFER = struct.Struct(">4sBBBBB")
_RETRY = struct.Struct(">4sBBHBH")
_CHOICE = struct.Struct(">4sBBH")
_REJECT = struct.Struct(">4sBBHBH")


class Kind(Enum):
    """Negotiation data by its kind byte; NONE is the empty one."""

    NONE = -1
    OFFER = 0
    RETRY = 1
    CHOICE = 2
    REJECT = 3


class RejectCode(IntEnum):
    """Why a responder refuses an offer in the open. Authentication is never a reason."""

    VERSION = 1
    NO_COMMON_SUITE = 2
    BUSY = 3


@dataclass(frozen=True, slots=True)
class Selection:
    """A version and a suite."""

    version: int
    suite: int


@dataclass(frozen=True, slots=True)
class Offer:
    """The initiator's first negotiation data.

    Args:
        versions: Lowest and highest version it accepts.
        chosen: The version that the attached Noise message follows.
        suites: Suite numbers in order of preference; the attached Noise message follows the first.
        psk_id: Identity of its pre-shared key, empty for none.
        service: Name of the service it wants to reach.
    """

    versions: tuple[int, int]
    chosen: int
    suites: tuple[int, ...]
    psk_id: bytes
    service: bytes

    def encode(self) -> bytes:
        """Return the wire form.

        Raises:
            LocalError: A field is out of range.
        """
        low, high = self.versions
        if not 1 <= low <= self.chosen <= high <= 255 or not 1 <= len(self.suites) <= MAX_SUITES:
            raise LocalError("an offer needs 1 to 16 suites and 1 <= lowest <= chosen <= highest version")
        if len(self.psk_id) > MAX_PSK_ID or not 1 <= len(self.service) <= MAX_SERVICE:
            raise LocalError(f"a PSK identity has up to {MAX_PSK_ID} bytes, a service 1 to {MAX_SERVICE}")
        return b"".join(
            (
                _OFFER.pack(MAGIC, Kind.OFFER.value, low, high, self.chosen, len(self.suites)),
                struct.pack(f">{len(self.suites)}H", *self.suites),
                bytes((len(self.psk_id),)) + self.psk_id,
                bytes((len(self.service),)) + self.service,
            )
        )

    @classmethod
    def parse(cls, data: bytes) -> Offer:
        """Read the wire form.

        Raises:
            MalformedError: It is not exactly one offer.
        """
        try:
            magic, kind, low, high, chosen, count = _OFFER.unpack_from(data)
            suites = struct.unpack_from(f">{count}H", data, _OFFER.size)
            end = _OFFER.size + 2 * count
            psk_id, end = _counted(data, end, MAX_PSK_ID)
            service, end = _counted(data, end, MAX_SERVICE)
        except (struct.error, IndexError):
            raise _malformed("an offer ends early") from None
        if magic != MAGIC or kind != Kind.OFFER.value:
            raise _malformed("not an offer")
        if end != len(data):
            raise _malformed("bytes behind an offer")
        if not 1 <= low <= chosen <= high:
            raise _malformed("an offer's versions are out of order")
        if not 1 <= count <= MAX_SUITES:
            raise _malformed(f"an offer of {count} suites")
        if not service:
            raise _malformed("an offer for no service")
        return cls((low, high), chosen, suites, psk_id, service)


@dataclass(frozen=True, slots=True)
class Reject:
    """The responder's refusal in the open.

    Args:
        highest: The highest version it would accept.
        code: A `RejectCode`, or an unknown number from a newer peer.
        retry_after_ms: For BUSY: when to come back.
    """

    highest: int
    code: int
    retry_after_ms: int = 0

    def encode(self) -> bytes:
        """Return the wire form."""
        return _REJECT.pack(MAGIC, Kind.REJECT.value, self.highest, 0, self.code, self.retry_after_ms)

    @classmethod
    def parse(cls, data: bytes) -> Reject:
        """Read the wire form.

        Raises:
            MalformedError: It is not exactly one refusal.
        """
        highest, reserved, code, retry_after_ms = _fixed(_REJECT, Kind.REJECT, data)
        if reserved:
            raise _malformed("a refusal's reserved field is not zero")
        return cls(highest, code, retry_after_ms)


def encode_retry(selection: Selection) -> bytes:
    """Return the responder's demand to start again with `selection`."""
    return _RETRY.pack(MAGIC, Kind.RETRY.value, selection.version, selection.suite, 0, 0)


def parse_retry(data: bytes) -> Selection:
    """Read the wire form; raises MalformedError."""
    version, suite, first, second = _fixed(_RETRY, Kind.RETRY, data)
    if first or second:
        raise _malformed("a retry's reserved fields are not zero")
    return Selection(version, suite)


def encode_choice(selection: Selection) -> bytes:
    """Return the negotiation data of the initiator's message after a retry."""
    return _CHOICE.pack(MAGIC, Kind.CHOICE.value, selection.version, selection.suite)


def parse_choice(data: bytes) -> Selection:
    """Read the wire form; raises MalformedError."""
    version, suite = _fixed(_CHOICE, Kind.CHOICE, data)
    return Selection(version, suite)


def kind_of(data: bytes) -> Kind:
    """Tell the kind of negotiation data, without looking further.

    Raises:
        MalformedError: It is neither empty nor SIPC negotiation data.
    """
    if not data:
        return Kind.NONE
    if len(data) < 5 or not data.startswith(MAGIC) or data[4] > Kind.REJECT.value:
        raise _malformed("not SIPC negotiation data")
    return Kind(data[4])


@dataclass(frozen=True, slots=True)
class Policy:
    """What one side accepts: a floor that nothing on the wire can lower.

    Args:
        versions: Lowest and highest version.
        suites: Allowed suites in order of preference.

    Raises:
        LocalError: It allows nothing.
    """

    versions: tuple[int, int]
    suites: tuple[Suite, ...]

    def __post_init__(self) -> None:
        if not self.suites or not any(map(self.accepts_version, VERSIONS)):
            raise LocalError("a policy must allow at least one suite and one known version")

    @property
    def highest(self) -> int:
        """The highest version that is both known and allowed."""
        return max(filter(self.accepts_version, VERSIONS))

    def accepts_version(self, version: int) -> bool:
        """Whether a version is known and allowed."""
        return version in VERSIONS and self.versions[0] <= version <= self.versions[1]

    def accepts_suite(self, number: int) -> bool:
        """Whether a suite is allowed."""
        return any(suite.id == number for suite in self.suites)


def select(offer: Offer, policy: Policy) -> Selection | RejectCode:
    """Select for the responder.

    The version is the highest that both sides accept. The suite is the initiator's first if the policy allows it,
    else the first of the policy's that was offered. Unknown versions and suites in the offer change nothing.
    """
    low, high = offer.versions
    versions = [version for version in VERSIONS if policy.accepts_version(version) and low <= version <= high]
    if not versions:
        return RejectCode.VERSION
    if policy.accepts_suite(offer.suites[0]):
        return Selection(max(versions), offer.suites[0])
    for suite in policy.suites:
        if suite.id in offer.suites:
            return Selection(max(versions), suite.id)
    return RejectCode.NO_COMMON_SUITE


def acceptable_retry(offer: Offer, policy: Policy, selection: Selection) -> bool:
    """Whether an initiator may follow a retry: something it offered, and something else than it began with."""
    return (
        selection != Selection(offer.chosen, offer.suites[0])
        and policy.accepts_version(selection.version)
        and policy.accepts_suite(selection.suite)
        and selection.suite in offer.suites
    )


def prologue(negotiation: bytes, version: int, *, datagram: bool = False) -> bytes:
    """The prologue of a handshake that goes on as offered (NoiseSocket section 4, "Init1")."""
    return _blocks(b"NoiseSocketInit1", (negotiation,)) + _application(version, datagram=datagram)


def retry_prologue(
    first: tuple[bytes, bytes], retry: bytes, choice: bytes, version: int, *, datagram: bool = False
) -> bytes:
    """The prologue after a retry ("Init3").

    Args:
        first: Negotiation data and Noise message of the first frame.
        retry: Negotiation data of the retry; its Noise message is empty.
        choice: Negotiation data of the initiator's second frame.
        version: The version that both sides go on with.
        datagram: Records are those of profile D.
    """
    blocks = _blocks(b"NoiseSocketInit3", (*first, retry, b"", choice))
    return blocks + _application(version, datagram=datagram)


def _application(version: int, *, datagram: bool) -> bytes:
    return VERSIONS[version] + (b" D" if datagram else b"")


def _blocks(label: bytes, blocks: Sequence[bytes]) -> bytes:
    return label + b"".join(len(block).to_bytes(2) + block for block in blocks)


def _counted(data: bytes, start: int, longest: int) -> tuple[bytes, int]:
    end = start + 1 + data[start]
    if data[start] > longest or end > len(data):
        raise _malformed("a field of an offer is too long")
    return data[start + 1 : end], end


def _fixed(layout: struct.Struct, kind: Kind, data: bytes) -> tuple[int, ...]:
    if len(data) != layout.size:
        raise _malformed("negotiation data of the wrong length")
    magic, number, *fields = layout.unpack(data)
    if magic != MAGIC or number != kind.value:
        raise _malformed(f"negotiation data that is no {kind.name}")
    return tuple(fields)


def _malformed(message: str) -> MalformedError:
    return MalformedError(message, stage="negotiation")

"""Cipher suites and protocol versions: what exists, and which numbers mean nothing on purpose.

Rule of this file: a number that is not listed here is never selected, and never an error in an offer.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from sipc.errors import LocalError
from sipc.noise import Cipher
from sipc.noise_handshake import NoiseProtocol, Pattern

# Protocol version -> application prologue. 127 is version 1 under another name: it exists so that choosing between
# versions can be tested, and it is outside every default range.
VERSIONS = {1: b"SIPC/1", 127: b"SIPC/127"}
DEFAULT_VERSIONS = (1, 1)


class Mode(StrEnum):
    """How the peers of a suite prove who they are. Modes never stand in for each other."""

    X509 = "x509"
    PSK = "psk"
    X509_PSK = "x509+psk"


_MODES = {Pattern.XX: Mode.X509, Pattern.NNPSK0: Mode.PSK, Pattern.XXPSK3: Mode.X509_PSK}


@dataclass(frozen=True, slots=True)
class Suite:
    """One cipher suite.

    Args:
        id: Its number on the wire.
        protocol: The Noise protocol it stands for.
    """

    id: int
    protocol: NoiseProtocol

    @property
    def name(self) -> str:
        """The Noise protocol name; also the suite's name in configuration."""
        return self.protocol.name

    @property
    def mode(self) -> Mode:
        """How peers authenticate under this suite."""
        return _MODES[self.protocol.pattern]


SUITES = {
    number: Suite(number, NoiseProtocol(pattern, cipher))
    for number, pattern, cipher in (
        (0x0001, Pattern.XX, Cipher.CHACHAPOLY),
        (0x0002, Pattern.XX, Cipher.AESGCM),
        (0x0011, Pattern.NNPSK0, Cipher.CHACHAPOLY),
        (0x0012, Pattern.NNPSK0, Cipher.AESGCM),
        (0x0021, Pattern.XXPSK3, Cipher.CHACHAPOLY),
    )
}
_BY_NAME = {suite.name: suite for suite in SUITES.values()}


def suites_named(names: Iterable[str]) -> tuple[Suite, ...]:
    """Return the suites with the given names, in their order.

    Raises:
        LocalError: A name is unknown or given twice.
    """
    wanted = tuple(names)
    unknown = [name for name in wanted if name not in _BY_NAME]
    if unknown:
        raise LocalError(f"unknown suites {unknown}; known: {', '.join(_BY_NAME)}")
    if len(set(wanted)) != len(wanted):
        raise LocalError("a suite is listed twice")
    return tuple(_BY_NAME[name] for name in wanted)


def suites_of(mode: Mode) -> tuple[Suite, ...]:
    """All suites of one mode, in the default order of preference."""
    return tuple(suite for suite in SUITES.values() if suite.mode is mode)


def is_grease(number: int) -> bool:
    """Whether a suite number is reserved for offers to hold something unknown (0x?A?A, after RFC 8701)."""
    return number & 0x0F0F == 0x0A0A


def is_test_only(number: int) -> bool:
    """Whether a suite number belongs to experiments (0x7F00 to 0x7FFF), which this implementation has none of."""
    return number >> 8 == 0x7F

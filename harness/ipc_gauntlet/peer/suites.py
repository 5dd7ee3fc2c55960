"""Suites and versions (docs/sipc1.md, section 2)."""

from __future__ import annotations

from dataclasses import dataclass

from ipc_gauntlet.peer.noise import CipherName, PatternName


@dataclass(frozen=True, slots=True)
class Suite:
    """One row of the table of suites.

    Args:
        number: How it is called on the wire.
        pattern: Its Noise pattern.
        cipher: Its AEAD.
    """

    number: int
    pattern: PatternName
    cipher: CipherName

    @property
    def name(self) -> str:
        """Its Noise protocol name."""
        return f"Noise_{self.pattern}_25519_{self.cipher}_SHA256"

    @property
    def mode(self) -> str:
        """How both sides prove who they are."""
        return {"XX": "x509", "NNpsk0": "psk", "XXpsk3": "x509+psk"}[self.pattern]


SUITES: dict[int, Suite] = {
    suite.number: suite
    for suite in (
        Suite(0x0001, "XX", "ChaChaPoly"),
        Suite(0x0002, "XX", "AESGCM"),
        Suite(0x0011, "NNpsk0", "ChaChaPoly"),
        Suite(0x0012, "NNpsk0", "AESGCM"),
        Suite(0x0021, "XXpsk3", "ChaChaPoly"),
    )
}
"""Every suite that means something, by number."""

GREASE = tuple(high << 12 | 0x0A00 | low << 4 | 0x000A for high in range(8) for low in range(16))
"""Numbers that never mean anything (0x?A?A below 0x8000)."""

PROLOGUES = {1: b"SIPC/1", 127: b"SIPC/127"}
"""The application prologue of each version."""

DATAGRAM_PROLOGUE = b"SIPC/1 D"
"""The application prologue of profile D."""


def suite_named(name: str) -> Suite:
    """Find a suite by its Noise protocol name.

    Raises:
        KeyError: There is none of this name.
    """
    return {suite.name: suite for suite in SUITES.values()}[name]


def mandatory(mode: str) -> Suite:
    """The first suite of a mode."""
    return next(suite for suite in SUITES.values() if suite.mode == mode)

"""Capability tokens (docs/sipc1.md, section 19): whoever makes them, with every part open to change."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ipc_gauntlet.peer.cbor import encode

_ISS = 1
_PROTECTED = encode({1: -8})
_PROFILE = b"SIPC/1 cap"


def _same(signature: bytes) -> bytes:
    return signature


@dataclass(frozen=True, slots=True)
class TokenIssuer:
    """An issuer of tokens.

    Args:
        name: Its name.
        secret: Its Ed25519 key, 32 bytes.
    """

    name: str
    secret: bytes

    def option(self) -> dict[str, object]:
        """An entry of the option `issuers`."""
        public = self._key.public_key().public_bytes_raw()
        return {"name": self.name, "public": base64.b64encode(public).decode("ascii")}

    def issue(self, claims: Mapping[int, Any], spoil: Callable[[bytes], bytes] = _same) -> bytes:
        """Make a token.

        Args:
            claims: By number; the issuer's name is added where it is missing.
            spoil: Takes the signature and returns what stands in its place.
        """
        payload = encode({_ISS: self.name, **claims})
        signature = self._key.sign(encode(["Signature1", _PROTECTED, _PROFILE, payload]))
        return encode([_PROTECTED, {}, payload, spoil(signature)])

    @property
    def _key(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.secret)

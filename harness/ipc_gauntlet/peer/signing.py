"""Signed messages (docs/sipc1.md, section 18): who signs them, and every part of that open to change."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ipc_gauntlet.peer.cbor import encode
from ipc_gauntlet.peer.conversation import BUDGET, FROM, MID, ONCE, PROV, SIG, TO, TRACE, VER

_HOP_BY_HOP = (MID, BUDGET, PROV, TRACE, SIG)
_CONTEXT = b"SIPC/1 msg"


@dataclass(frozen=True, slots=True)
class MessageSigner:
    """An identity that signs messages, whoever carries them.

    Args:
        name: Its name.
        secret: Its Ed25519 key, 32 bytes.
    """

    name: str
    secret: bytes

    @property
    def public(self) -> bytes:
        """Its public key, 32 bytes."""
        return self._key.public_key().public_bytes_raw()

    @property
    def pkcs8(self) -> bytes:
        """Its private key as PKCS#8 DER."""
        return self._key.private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    def option(self, *via: str) -> dict[str, object]:
        """An entry of the option `signers`: this signer, whose messages those named in `via` may pass on."""
        known: dict[str, object] = {
            "name": self.name,
            "public": base64.b64encode(self.public).decode("ascii"),
        }
        return {**known, "via": list(via)} if via else known

    def sign(
        self,
        fields: Mapping[int, Any],
        to: str,
        ident: bytes,
        expires_s: int,
        **instead: Any,  # noqa: ANN401
    ) -> dict[int, Any]:
        """Sign a message.

        Args:
            fields: Its map, as it will be sent but for what signing adds.
            to: For whom it is.
            ident: 16 bytes, different for each message.
            expires_s: Until when it is good, in seconds since 1970.
            **instead: `name`: another name to put into `from`; `context`: another prefix of what is signed.

        Returns:
            The map with `from`, `to`, `once` and `sig`.
        """
        whole: dict[int, Any] = {
            VER: 1,
            **fields,
            FROM: instead.get("name", self.name),
            TO: to,
            ONCE: [ident, expires_s],
        }
        covered = {key: value for key, value in whole.items() if key not in _HOP_BY_HOP}
        return {**whole, SIG: self.signature(instead.get("context", _CONTEXT) + encode(covered))}

    def signature(self, data: bytes) -> bytes:
        """Sign bytes as they are."""
        return self._key.sign(data)

    @property
    def _key(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.secret)

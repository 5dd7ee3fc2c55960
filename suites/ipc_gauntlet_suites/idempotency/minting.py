"""Capability tokens for requests under test (docs/sipc1.md, section 19)."""

import time
from typing import Any

from ipc_gauntlet import Deployment, Lab, TokenIssuer

_SUB, _AUD, _EXP, _IAT, _CTI = 2, 3, 4, 6, 7
_OPS, _PURPOSE, _LABEL, _USES = -65537, -65539, -65540, -65541
_LIFE_S = 50


class Mint:
    """An issuer of tokens for the client of a deployment, at its server.

    Args:
        lab: The case's lab.
        label: Who issues; another label has another name and another key.
        deployment: Whose tokens; the good one's by default.
    """

    def __init__(self, lab: Lab, label: str = "issuer", deployment: Deployment | None = None) -> None:
        self._lab = lab
        name = f"spiffe://test.example/{label}"
        self._issuer = TokenIssuer(name, lab.signer(name).secret)
        self._pair = deployment or lab.issuer.good()

    @property
    def option(self) -> dict[str, object]:
        """An entry of the option `issuers`."""
        return self._issuer.option()

    def token(
        self,
        *operations: str,
        label: int | None = None,
        purpose: str | None = None,
        uses: int | None = None,
        life_s: int = _LIFE_S,
    ) -> bytes:
        """A new token.

        Args:
            *operations: What it is for.
            label: The highest label it covers.
            purpose: What for.
            uses: For how many requests.
            life_s: How long it is good, in seconds from now.
        """
        now = int(time.time())
        claims: dict[int, Any] = {
            _SUB: self._pair.client.name,
            _AUD: self._pair.server.name,
            _EXP: now + life_s,
            _IAT: now,
            _CTI: self._lab.key(),
            _OPS: [f"app.{name}" for name in operations],
        }
        optional = {_LABEL: label, _PURPOSE: purpose, _USES: uses}
        claims |= {claim: value for claim, value in optional.items() if value is not None}
        return self._issuer.issue(claims)

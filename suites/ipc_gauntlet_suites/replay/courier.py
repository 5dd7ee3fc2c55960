"""Signed messages that come again: who brings them, over which session, and how often they had an effect."""

from collections.abc import Mapping
from typing import Any

from ipc_gauntlet import Deployment, Inconclusive, Lab, MessageSigner, Served, WirePeer

AUTHOR = "spiffe://test.example/author"
EVENT: Mapping[int, Any] = {1: 2, 4: "app.message"}
REQUEST: Mapping[int, Any] = {1: 0, 4: "app.append", 7: 5000}
BODY, IDEM, ONCE = 14, 6, 21


class Courier:
    """A server that believes one author, and clients that bring it the author's messages.

    Args:
        lab: The case's lab.
        options: More options of the server.
        deployment: Who server and first client are; the good one by default.
        via: Further names that may bring messages.
    """

    def __init__(
        self,
        lab: Lab,
        options: Mapping[str, object] | None = None,
        deployment: Deployment | None = None,
        via: tuple[str, ...] = (),
    ) -> None:
        self.lab = lab
        self.pair = deployment or lab.issuer.good()
        self.author: MessageSigner = lab.signer(AUTHOR)
        signers = [self.author.option(self.pair.client.name, *via)]
        self.served: Served = lab.listen(self.pair, options={"signers": signers, **(options or {})})

    def peer(self, served: Served | None = None, deployment: Deployment | None = None) -> WirePeer:
        """A client's session.

        Raises:
            Inconclusive: It was not established.
        """
        peer = self.lab.wire_client(served or self.served, deployment=deployment)
        if not peer.handshake():
            raise Inconclusive(f"no session ({peer.ended})")
        self.lab.stage("established")
        return peer

    def event(
        self, expires_s: int, payload: bytes, ident: bytes | None = None, to: str | None = None
    ) -> dict[int, Any]:
        """A signed event."""
        fields = {**EVENT, BODY: payload}
        return self.author.sign(fields, to or self.pair.server.name, ident or self.lab.key(), expires_s)

    def request(self, expires_s: int, payload: bytes, key: bytes) -> dict[int, Any]:
        """A signed request that writes into the ledger."""
        fields = {**REQUEST, BODY: payload, IDEM: key}
        return self.author.sign(fields, self.pair.server.name, self.lab.key(), expires_s)

    def count(self, payload: bytes) -> int:
        """How often the server has delivered this, over all of its connections and lives."""
        told = self.lab.server.observations
        return sum(one.method == "delivered" and one.payload == payload for one in told)

    def bring(self, peer: WirePeer, fields: Mapping[int, Any]) -> None:
        """Send a message and wait until it was taken or refused."""
        before = self._answers()
        peer.message(dict(fields))
        self.lab.settle(lambda: peer.ended is not None or self._answers() > before)

    def accept(self, peer: WirePeer, fields: Mapping[int, Any]) -> None:
        """A positive control: this one has its effect."""
        before = self.count(fields[BODY])
        self.bring(peer, fields)
        got = self.count(fields[BODY]) - before
        self.lab.require_control_that(got == 1, f"a good signed event was delivered {got} times")

    def refuse(self, peer: WirePeer, fields: Mapping[int, Any], what: str, reason: str = "replayed") -> None:
        """Demand that a message has no further effect."""
        before = self.count(fields[BODY])
        self.bring(peer, fields)
        self.lab.did(f"brought {what}")
        more = self.count(fields[BODY]) - before
        self.lab.require_that(more == 0, f"{what} to be refused", f"delivered {more} time(s)", reason)

    def _answers(self) -> int:
        told = self.lab.server.observations
        return sum(one.method in ("delivered", "rejected", "closed") for one in told)

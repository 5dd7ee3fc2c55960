"""A server that believes signed messages, and a wire client that carries them."""

import time
from collections.abc import Mapping
from typing import Any

from ipc_gauntlet import Deployment, Lab, MessageSigner, Served, WirePeer

_MINUTE_S = 60
_BODY, _KIND, _METHOD, _EVENT = 14, 1, 4, 2


class Desk:
    """A server that believes one signer, and a wire client that carries messages to it.

    Args:
        lab: The case's lab.
        via: Whether the client may pass the signer's messages on.
    """

    def __init__(self, lab: Lab, *, via: bool = True) -> None:
        self.lab = lab
        self.pair: Deployment = lab.issuer.good()
        self.signer: MessageSigner = lab.signer("spiffe://test.example/author")
        self.own: MessageSigner = lab.signer(self.pair.client.name)
        carriers = (self.pair.client.name,) if via else ()
        options = {"signers": [self.signer.option(*carriers), self.own.option()]}
        self.served: Served = lab.listen(options=options)
        self.carrier: WirePeer = self._carrier()

    def _carrier(self) -> WirePeer:
        peer = self.lab.wire_client(self.served)
        self.lab.require_control_that(peer.handshake(), f"no session ({peer.ended})")
        return peer

    @property
    def soon(self) -> int:
        """A time at which a message is still good."""
        return int(time.time()) + _MINUTE_S

    def signed(self, text: str = "claim", **instead: Any) -> dict[int, Any]:  # noqa: ANN401
        """A signed event from the signer to the server, with `instead` of the usual parts."""
        signer = instead.pop("signer", self.signer)
        fields = {
            _KIND: _EVENT,
            _METHOD: "app.message",
            _BODY: self.lab.payload(text),
            **instead.pop("fields", {}),
        }
        to = instead.pop("to", self.pair.server.name)
        ident = instead.pop("ident", self.lab.key())
        return dict(signer.sign(fields, to, ident, instead.pop("expires_s", self.soon), **instead))

    def carry(self, fields: Mapping[int, Any]) -> list[str | None]:
        """Send a message on the open session, or a new one if the last was ended because of it.

        Returns:
            As whose message it was delivered, each time that it was.
        """
        lab = self.lab
        if self.carrier.ended is not None:
            self.carrier = self._carrier()
        peer = self.carrier
        before = len(self._told())
        refused = len(self._refusals())
        peer.message(dict(fields))
        lab.settle(
            lambda: peer.ended is not None or len(self._told()) > before or len(self._refusals()) > refused
        )
        return self._told()[before:]

    def _told(self) -> list[str | None]:
        seen = [one for one in self.lab.iut_told(self.carrier) if one.method == "delivered"]
        return [one.params.get("peer") for one in seen]

    def _refusals(self) -> list[Any]:
        return refusals(self.lab, self.carrier)

    def refuses(self, what: str, fields: Mapping[int, Any]) -> None:
        """Demand that a message is not delivered at all."""
        self.lab.did(f"sent an event {what}")
        got = self.carry(fields)
        told = f"delivered as {', '.join(map(str, got))}" if got else "refused"
        self.lab.require_that(not got, f"an event {what} to be refused", told, "delivered")

    def accepts(self, what: str, fields: Mapping[int, Any], name: str) -> None:
        """A positive control: this one is delivered, under this name."""
        got = self.carry(fields)
        self.lab.require_control_that(got == [name], f"an event {what} was delivered as {got}, not as {name}")


def refusals(lab: Lab, peer: WirePeer) -> list[Any]:
    """What was refused of a wire peer, message by message."""
    return [one for one in lab.iut_told(peer) if one.method == "rejected"]

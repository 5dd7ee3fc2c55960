"""Attempts of a wire peer to be taken for somebody, and what must not come of them."""

from dataclasses import dataclass

from ipc_gauntlet import Deployment, EndView, Lab, Quirks, Role, WirePeer

PLAIN = Quirks()


@dataclass(frozen=True, slots=True)
class Attempt:
    """What came of one.

    Args:
        peer: The wire peer.
        view: What the implementation under test told its user.
        talked: Whether the wire peer got as far as to send a message.
    """

    peer: WirePeer
    view: EndView
    talked: bool

    @property
    def accepted(self) -> bool:
        """Whether anybody was taken in: a session was reported, or data delivered, or keyed data sent."""
        return bool(self.view.established or self.view.delivered or self.talked)


def opposite(lab: Lab, role: Role, deployment: Deployment | None = None, quirks: Quirks = PLAIN) -> WirePeer:
    """A wire peer in a fresh connection with the implementation under test, which plays `role`."""
    given = deployment or lab.issuer.good()
    if role == "server":
        return lab.wire_client(lab.listen(given), deployment=given, quirks=quirks)
    peer = lab.wire_server(deployment=given, quirks=quirks)
    lab.attempt_to(peer)
    return peer


def attempt(lab: Lab, role: Role, deployment: Deployment | None = None, quirks: Quirks = PLAIN) -> Attempt:
    """Let a wire peer run its handshake and, if it is let in, send a message."""
    peer = opposite(lab, role, deployment, quirks)
    talked = peer.handshake()
    if talked:
        peer.event(lab.payload("canary"))
    return seen(lab, peer, talked=talked)


def seen(lab: Lab, peer: WirePeer, *, talked: bool = False) -> Attempt:
    """Wait until the implementation under test has ended an attempt, or has let it in, and look."""
    lab.settle(lambda: bool(lab.iut_view(peer).delivered) if talked else _over(lab, peer))
    return Attempt(peer, lab.iut_view(peer), talked)


def settled(lab: Lab, peer: WirePeer) -> None:
    """Wait until the implementation under test has ended a wire peer's connection, or nothing moves any more."""
    lab.settle(lambda: peer.ended is not None)


def good(lab: Lab, role: Role, deployment: Deployment | None = None, quirks: Quirks = PLAIN) -> Attempt:
    """A positive control: the same attempt with nothing wrong gets in and is heard."""
    made = attempt(lab, role, deployment, quirks)
    lab.require_control_that(
        bool(made.talked and made.view.established and made.view.delivered),
        f"a good wire peer did not get through ({made.peer.ended}, {made.view})",
    )
    made.peer.close()
    return made


def _over(lab: Lab, peer: WirePeer) -> bool:
    view = lab.iut_view(peer)
    return bool(view.refusals or view.endings or view.established or view.delivered)

"""Public keys that are no keys, and authenticators that are not whole."""

from functools import partial

import pytest

from ipc_gauntlet import LOW_ORDER, HandshakeQuirks, Lab, Quirks, RecordType, Role, WirePeer, case
from ipc_gauntlet_suites.authentication.attempts import attempt, good, opposite, settled
from ipc_gauntlet_suites.authentication.tags import Edit, in_handshake, in_record, some_spoiled, spoiled
from ipc_gauntlet_suites.scripts import BOTH_ROLES, other

_WHOLE_MESSAGE = 0x03  # FIRST and LAST


@case("AUTH-11", wire="sipc/1", stage="handshake")
@pytest.mark.parametrize("role", BOTH_ROLES)
def test_low_order_ephemeral(lab: Lab, role: Role) -> None:
    """The peer's ephemeral key is a point of low order, in every encoding, so that the shared secret is zero and everybody
    on the path knows it. The attempt must end before anything is sent that was encrypted with it."""
    lab.judge(role)
    good(lab, role)
    lab.stage("handshake")
    lab.did(f"used each of {len(LOW_ORDER)} encodings of points of low order as ephemeral key")
    for point in LOW_ORDER:
        made = attempt(lab, role, quirks=Quirks(handshake=HandshakeQuirks(ephemeral=point)))
        _refused(lab, made.peer, point, accepted=made.accepted)


@case("AUTH-11", wire="sipc/1", credentials=("x509",), stage="handshake")
@pytest.mark.parametrize("role", BOTH_ROLES)
def test_low_order_static(lab: Lab, role: Role) -> None:
    """The peer's static key is a point of low order, and there is even a good certificate for it. The attempt must end
    there."""
    lab.judge(role)
    good(lab, role)
    lab.stage("handshake")
    lab.did(f"used each of {len(LOW_ORDER)} encodings of points of low order as static key")
    for point in LOW_ORDER:
        deployment = lab.x509.certifying(other(role), point)
        made = attempt(lab, role, deployment, Quirks(handshake=HandshakeQuirks(static=point)))
        _refused(lab, made.peer, point, accepted=made.accepted)


def _refused(lab: Lab, peer: WirePeer, point: bytes, *, accepted: bool) -> None:
    """Nothing keyed with a known secret was sent, and no session came of it."""
    shown = f"heard {', '.join(peer.labels()) or 'nothing'} after {point[:8].hex()}..."
    lab.require_that(not accepted, "a key of low order to be refused", shown, "established")
    # Sent before the point was heard: an offer. Message 2 comes before a client's static key is known.
    before = {"offer"} if not peer.peer.initiator else set()
    if peer.peer.initiator and peer.peer.quirks.handshake.static is not None:
        before = {"accept"}
    keyed = [label for label in peer.labels() if label not in before]
    lab.require_that(not keyed, "nothing to be sent that is keyed with it", shown, "answered")
    lab.require_that(peer.ended is not None, "the attempt to end", "it stayed open", "not-ended")
    peer.hang_up()


@case("AUTH-15", wire="sipc/1", stage="handshake")
@pytest.mark.parametrize("role", BOTH_ROLES)
def test_handshake_tag(lab: Lab, role: Role) -> None:
    """The authenticator that ends the peer's last handshake message is cut to every shorter length, made longer, sent
    twice, and wrong in each single byte. Only the whole and right one may be accepted."""
    lab.judge(role)
    good(lab, role)
    lab.stage("handshake")
    accepted = []
    every = spoiled() if lab.issuer.kind == "x509" else some_spoiled(lab.rng)
    for what, edit in every:
        peer = opposite(lab, role)
        _last_step(peer, partial(in_handshake, edit=edit))
        _talk(lab, peer)
        view = lab.iut_view(peer)
        if view.established or view.delivered or peer.established:
            accepted.append(what)
        peer.hang_up()
    _only_whole(lab, accepted, "established")


@case("AUTH-15", wire="sipc/1")
@pytest.mark.parametrize("role", BOTH_ROLES)
def test_record_tag(lab: Lab, role: Role) -> None:
    """The same with the authenticator of a record within a session, in which the peer sends a message: it must not be
    delivered, and the session must end."""
    lab.judge(role)
    good(lab, role)
    lab.stage("established")
    accepted, open_still = [], []
    for what, edit in some_spoiled(lab.rng):
        peer = opposite(lab, role)
        lab.require_control_that(peer.handshake(), f"no session ({peer.ended})")
        peer.by_hand()
        body = peer.peer.outbound.encode({1: 2, 4: "app.message", 14: lab.payload("canary")})
        peer.record(RecordType.MSG, body, _WHOLE_MESSAGE, partial(in_record, edit=edit))
        settled(lab, peer)
        if lab.iut_view(peer).delivered:
            accepted.append(what)
        elif peer.ended is None:
            open_still.append(what)
        peer.hang_up()
    _only_whole(lab, accepted, "delivered")
    _only_whole(lab, open_still, "not-ended")


def _last_step(peer: WirePeer, edit: Edit) -> None:
    """Follow the rules up to the peer's own last handshake message, which is edited, and send READY behind it."""
    psk = not peer.deployment.client.chain
    if not peer.peer.initiator:
        peer.expect("offer")
        peer.accept(edit)
        return
    peer.offer(edit if psk else None)
    if not psk:
        peer.expect("accept")
        peer.message3(edit)
        peer.ready()


def _talk(lab: Lab, peer: WirePeer) -> None:
    """Go on as if the message had been accepted."""
    if not peer.peer.ready_sent:
        answer = "accept" if peer.peer.initiator else "READY"
        if (
            not lab.settle(lambda: peer.ended is not None or answer in peer.labels())
            or peer.ended is not None
        ):
            return
        peer.ready()
    peer.event(lab.payload("canary"))
    lab.settle(lambda: peer.ended is not None or bool(lab.iut_view(peer).delivered))


def _only_whole(lab: Lab, accepted: list[str], reason: str) -> None:
    told = (
        f"accepted {'; '.join(accepted)}" if reason != "not-ended" else f"went on after {'; '.join(accepted)}"
    )
    lab.require_that(not accepted, "only whole and right authenticators to be accepted", told, reason)

"""Who talks to whom: both ends agree on it, and each session is a session of its own."""

import pytest

from ipc_gauntlet import (
    CertificateQuirks,
    EndView,
    Inconclusive,
    Lab,
    NegotiationQuirks,
    Quirks,
    Role,
    Session,
    WirePeer,
    case,
    checks,
)
from ipc_gauntlet_suites.authentication.attempts import attempt, good
from ipc_gauntlet_suites.scripts import BOTH_ROLES, numbered, open_or_stop, other, other_principal

SESSIONS = 16


@case("AUTH-08", needs=("channel-binding",), observes=("established",), stage="established")
def test_bindings(lab: Lab) -> None:
    """Many sessions of the same pair: both ends of each report the same channel binding, and no two sessions, of one
    client or of two, have the same one."""
    served, second = other_principal(lab)
    lab.control(numbered("c2s", 1), checks.delivered_all("c2s"), served=served)
    lab.stage("established")
    seen: dict[bytes, int] = {}
    for number in range(SESSIONS):
        session = lab.session(served=served, deployment=second if number % 4 == 3 else None)
        open_or_stop(session)
        client, server = _binding(session.view("client")), _binding(session.view("server"))
        session.close_end("client", "abort")
        session.close()
        told = f"session {number}: {client[:8].hex()}... and {server[:8].hex()}..."
        same = bool(client) and client == server
        lab.require_that(same, "both ends to report the same channel binding", told, "binding")
        earlier = seen.setdefault(client, number)
        told = f"sessions {earlier} and {number} have the same"
        lab.require_that(earlier == number, "a binding for each session that no other has", told, "binding")
    lab.did(f"opened {SESSIONS} sessions, a quarter of them as another client")


@case("AUTH-08", observes=("established",), stage="established")
def test_ordered_identities(lab: Lab) -> None:
    """Two clients connect to the same server. Each end must call the other by the name that it proved, and nothing else:
    the server each client, each client the server."""
    served, second = other_principal(lab)
    first = lab.issuer.good()
    for deployment in (first, second, first):
        session = lab.session(served=served, deployment=deployment)
        open_or_stop(session)
        lab.require_control_that(session.is_established("server"), "the server told of no session")
        lab.stage("established")
        _named(lab, session, deployment.service, deployment.client.name)
        session.close_end("client", "abort")
        session.close()
    lab.did("connected as one client, as another, and as the first again")


def _named(lab: Lab, session: Session, server: str, client: str) -> None:
    for role, wanted in (("client", server), ("server", client)):
        names = [one.peer for one in session.view(role).established]  # type: ignore[arg-type]
        if names and names[0] is None:
            lab.note(f"the {role} does not tell its user who the peer is")
            continue
        told = f"the {role} named {', '.join(map(str, names)) or 'nobody'}"
        lab.require_that(names == [wanted], f"the {role} to name {wanted}", told, "peer")


def _binding(view: EndView) -> bytes:
    return (view.established[0].binding or b"") if view.established else b""


@case("AUTH-08", wire="sipc/1", stage="established")
def test_relay_with_an_identity(lab: Lab) -> None:
    """A relay in the middle ends both legs itself, with a valid identity of its own, and claims at every place that
    allows a claim to be the other end. Each end must name the relay, and the legs must have different bindings."""
    first, relay = lab.issuer.good(), lab.issuer.good("relay")
    trust = lab.issuer.trust_both(first, relay)
    served = lab.listen(first.replace("server", first.server.but(trust=trust)))
    inbound = lab.wire_server(deployment=lab.issuer.good(server="relay"))
    lab.attempt_to(inbound)
    outbound = lab.wire_client(served, deployment=relay)
    for leg in (inbound, outbound):
        lab.require_control_that(leg.handshake(), f"the relay did not get in ({leg.ended})")
    outbound.event(lab.payload("canary"), extra={70: first.client.name})
    lab.stage("established")
    lab.settle(lambda: bool(lab.iut_view(outbound).delivered))
    for leg in (inbound, outbound):
        _names_relay(lab, leg, relay.client.name)
    bindings = {leg.state.binding for leg in (inbound, outbound) if leg.state is not None}
    lab.require_that(len(bindings) == 2, "a different binding on each leg", f"{len(bindings)}", "binding")
    for leg in (inbound, outbound):
        told = _told_binding(lab.iut_view(leg))
        lab.require_that(
            leg.state is not None and told in (leg.state.binding, None),
            "the binding of the leg to be told",
            f"{told!r}",
            "binding",
        )


@case("AUTH-08", wire="sipc/1", credentials=("x509",), stage="established", role="server")
def test_claim_in_the_offer(lab: Lab) -> None:
    """A client with a certificate of its own names another client in its offer, where a client with a pre-shared key
    would name that key. It is refused, or called by its certificate's name."""
    relay = lab.issuer.good("relay")
    served = lab.listen()
    control = lab.wire_client(served, deployment=relay)
    lab.require_control_that(control.handshake(), f"the second client did not get in ({control.ended})")
    control.hang_up()
    lab.stage("established")
    claim = NegotiationQuirks(psk_id=lab.issuer.good().client.name.encode())
    peer = lab.wire_client(served, deployment=relay, quirks=Quirks(negotiation=claim))
    if peer.handshake():
        lab.iut_conn(peer)
    names = {one.peer for one in lab.iut_view(peer).established}
    lab.require_that(names <= {relay.client.name}, f"nobody but {relay.client.name}", f"{names}", "peer")


def _names_relay(lab: Lab, leg: WirePeer, name: str) -> None:
    names = [one.peer for one in lab.iut_view(leg).established]
    lab.require_that(names == [name], f"the peer to be called {name}", f"it was called {names}", "peer")


def _told_binding(view: EndView) -> bytes | None:
    if not view.established:
        raise Inconclusive("no session was told of")
    return view.established[0].binding


@case("AUTH-08", wire="sipc/1", credentials=("psk",), stage="handshake")
@pytest.mark.parametrize("role", BOTH_ROLES)
def test_claimed_names(lab: Lab, role: Role) -> None:
    """A peer that holds a key of its own claims, within the handshake that proves this key, to be somebody else, or to
    want somebody else. It must be refused: the key is for one ordered pair of names."""
    lab.judge(role)
    good(lab, role)
    lab.stage("handshake")
    own = lab.issuer.good()
    mine, theirs = own.side(other(role)).name, own.side(role).name
    for quirk in (
        CertificateQuirks(own_name="spiffe://test.example/relay"),
        CertificateQuirks(other_name="spiffe://test.example/elsewhere"),
        CertificateQuirks(own_name=theirs, other_name=mine),
        CertificateQuirks(own_name=theirs),
        CertificateQuirks(own_name=mine.upper()),
        CertificateQuirks(own_name=""),
    ):
        made = attempt(lab, role, quirks=Quirks(certificate=quirk))
        names = [one.peer for one in made.view.established]
        told = f"let in as {names}" if made.accepted else "refused"
        lab.require_that(not made.accepted, "a claim that is not the key's to be refused", told, "peer")
        made.peer.hang_up()

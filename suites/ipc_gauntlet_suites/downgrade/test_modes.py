"""How somebody proves who he is cannot be negotiated: a certificate, a pre-shared key and nothing at all are three things."""

from collections.abc import Iterator, Mapping

import pytest

from ipc_gauntlet import (
    Deployment,
    Lab,
    NegotiationQuirks,
    NotApplicable,
    Quirks,
    Served,
    Session,
    WirePeer,
    case,
    checks,
    negotiation,
)
from ipc_gauntlet_suites.downgrade import offers

AT_ONCE = 16
BOTH_PROVED = 0x0021
BOTH_PROVED_NAME = "Noise_XXpsk3_25519_ChaChaPoly_SHA256"
#: Where a suite could be that nobody should be able to use: near those there are, and where experiments are.
SUSPICIOUS = (*range(0x30), *range(0x7F00, 0x8000))
OTHER_KIND = {"x509": "psk", "psk": "x509"}


@case("DOWN-11", wire="sipc/1", role="server", stage="negotiation")
def test_suites_of_another_mode(lab: Lab) -> None:
    """A service is configured for one kind of credentials, and otherwise as it comes. A client offers every suite of another
    mode, and every number behind which an anonymous one could be. The server must refuse all of them in the open."""
    lab.stage("negotiation")
    served = lab.listen()
    own = {"suites": list(offers.numbers(lab))}
    control = lab.wire_client(served, options=own)
    lab.require_control_that(control.handshake(), f"no session under its own mode ({control.ended})")
    control.close()
    for numbers in _at_once(one for one in SUSPICIOUS if one not in offers.numbers(lab)):
        quirks = Quirks(negotiation=NegotiationQuirks(suites=numbers))
        peer = lab.wire_client(served, quirks=quirks, options=own)
        peer.offer()
        lab.settle(lambda p=peer: p.ended is not None or bool(p.heard))  # type: ignore[misc]
        lab.did(f"offered the suites {numbers[0]:#06x} to {numbers[-1]:#06x}")
        _require_refused(lab, peer)
        peer.hang_up()


@case("DOWN-11", wire="sipc/1", role="server", credentials=("x509",), axes="each", stage="negotiation")
def test_key_without_certificate(lab: Lab) -> None:
    """A service wants certificates, with or without a pre-shared key beside them. A client that holds the right key, and no
    certificate, wants to get in by the key alone. The server must refuse; by both the client gets in."""
    lab.stage("negotiation")
    certified = lab.issuer.good()
    keyed = _keyed(lab, certified)
    first, _ = offers.numbers(lab)
    plain = {"psk": keyed.server.credential}
    for options in (plain, {**plain, "suites": [*offers.names(lab, first), BOTH_PROVED_NAME]}):
        served = lab.listen(certified, options)
        beside: Mapping[str, object] = {"psk": keyed.client.credential, "suites": [BOTH_PROVED]}
        controls = [{"suites": [first]}, *([beside] if "suites" in options else [])]
        for given in controls:
            control = lab.wire_client(served, options=given)
            lab.require_control_that(control.handshake(), f"a certificate did not get in ({control.ended})")
            control.close()
        for suites in [tuple(offers.SUITES["psk"]), (offers.GREASE, *offers.SUITES["psk"])]:
            quirks = Quirks(negotiation=NegotiationQuirks(suites=suites))
            peer = lab.wire_client(served, deployment=keyed, quirks=quirks)
            talked = peer.handshake()
            lab.did("offered to prove the key alone")
            lab.require_that(not talked, "no session by the key alone", "there was one", "other-mode")
            _require_refused(lab, peer)


@case("DOWN-11", wire="sipc/1", role="client", stage="negotiation")
def test_server_of_another_mode(lab: Lab) -> None:
    """A client offers suites of its own mode and of no other. A server that asks it for another one, which would prove less
    or something else, must not get any further."""
    lab.stage("negotiation")
    control = lab.wire_server()
    lab.attempt_to(control)
    lab.require_control_that(control.handshake(), f"no session under its own mode ({control.ended})")
    offered = set(_offered(control))
    control.close()
    foreign = offered - set(offers.numbers(lab))
    lab.require_that(not foreign, "an offer of one mode", f"also of {foreign}", "other-mode")
    others = (*offers.SUITES[OTHER_KIND[lab.issuer.kind]], BOTH_PROVED, 0x7F01)
    for suite in others:
        peer = lab.wire_server(quirks=Quirks(negotiation=NegotiationQuirks(retry=(offers.VERSION, suite))))
        lab.attempt_to(peer)
        _require_given_up(lab, peer, f"asked for the suite {suite:#06x}")


@case("DOWN-11", wire="sipc/1", role="client", credentials=("x509",), axes="each", stage="negotiation")
def test_one_proof_instead_of_two(lab: Lab) -> None:
    """A client wants certificates and a pre-shared key beside them. A server asks it to do with one of the two. The client
    must not."""
    lab.stage("negotiation")
    certified = lab.issuer.good()
    keyed = _keyed(lab, certified)
    mine = {"psk": keyed.client.credential, "suites": [BOTH_PROVED_NAME]}
    theirs = {"psk": keyed.server.credential, "suites": [BOTH_PROVED, *offers.SUITES["x509"]]}
    control = lab.wire_server(deployment=certified, options=theirs)
    lab.attempt_to(control, options=mine)
    lab.require_control_that(control.handshake(), f"both proofs did not get through ({control.ended})")
    control.close()
    for suite in (*offers.SUITES["x509"], *offers.SUITES["psk"]):
        quirks = Quirks(negotiation=NegotiationQuirks(retry=(offers.VERSION, suite)))
        peer = lab.wire_server(deployment=certified, quirks=quirks, options=theirs)
        lab.attempt_to(peer, options=mine)
        _require_given_up(lab, peer, f"asked for the suite {suite:#06x} alone")


@case(
    "DOWN-11",
    wire="sipc/1",
    role="server",
    needs=("authorization", "request"),
    credentials=("x509",),
    axes="each",
)
@pytest.mark.parametrize("equal", ["name", "identity"])
def test_rights_of_another_kind(lab: Lab, equal: str) -> None:
    """One endpoint takes certificates and pre-shared keys. Somebody holds a key that was made for the name in a certificate,
    or that is called like it. What was granted to the holder of the certificate is not his, and the other way round."""
    certified = lab.issuer.good()
    keyed = _keyed(lab, certified, called=certified.client.name if equal == "identity" else None)
    suites = [offers.SUITES[kind][number] for kind, number in (("x509", 0x0001), ("psk", 0x0011))]
    served = lab.listen(certified, {"psk": keyed.server.credential, "suites": suites})
    by_certificate = _opened(lab, served, certified)
    kinds = [_kinds(by_certificate)]
    by_key = _opened(lab, served, keyed)
    kinds.append(_kinds(by_key))
    lab.stage("established")
    lab.require_that(kinds == [{"x509"}, {"psk"}], "each by its own kind", f"{kinds}", "same-principal")
    for one in (by_certificate, by_key):
        lab.require_control_that(not one.ask("read").ok, "nobody had a role, and was allowed")
    who = {"listener": served.listener, "role": "reader"}
    rights: list[tuple[str, str, Session, Session]] = [
        ("x509", certified.client.name, by_certificate, by_key),
        ("psk", keyed.client.name, by_key, by_certificate),
    ]
    for kind, name, holder, stranger in rights:
        lab.configure("server", "grant", name=name, credential=kind, **who)
        lab.did(f"gave the role to {name} by {kind}")
        allowed = stranger.ask("read").ok
        lab.require_that(not allowed, "the other principal refused", "it was allowed", "other-rights")
        lab.require_control_that(holder.ask("read").ok, f"{name} has the role and was refused")
        lab.configure("server", "withdraw", name=name, credential=kind, **who)


def _at_once(numbers: Iterator[int]) -> Iterator[tuple[int, ...]]:
    whole = tuple(numbers)
    return (whole[at : at + AT_ONCE] for at in range(0, len(whole), AT_ONCE))


def _keyed(lab: Lab, certified: Deployment, called: str | None = None) -> Deployment:
    """A pre-shared key for the names of two certificates, or for another client's name, but with this identity."""
    other = lab.issuer_of("psk")
    made = other.good() if called is None else other.good(client="stranger")
    if made.server.name != certified.server.name or (
        called is None and made.client.name != certified.client.name
    ):
        raise NotApplicable("its certificates and its pre-shared keys have different names")
    if called is None:
        return made
    client, server = ({**(side.credential or {}), "id": called} for side in (made.client, made.server))
    return Deployment(
        made.client.but(credential=client, trust={"kind": "psk", "keys": [client]}),
        made.server.but(credential=server, trust={"kind": "psk", "keys": [server]}),
    )


def _opened(lab: Lab, served: Served, deployment: Deployment) -> Session:
    session = lab.session(served=served, deployment=deployment)
    lab.require_control_that(session.open(), f"no session for {deployment.client.name}")
    return session


def _kinds(session: Session) -> set[str | None]:
    return {one.credential for one in session.view("server").established}


def _offered(peer: WirePeer) -> tuple[int, ...]:
    made = negotiation.Offer.decode(peer.peer.negotiating.offer_bytes)
    return tuple(one for one in made.suites if one & 0x0F0F != 0x0A0A)


def _require_refused(lab: Lab, peer: WirePeer) -> None:
    """The server said that there is nothing in common, and nothing else."""
    heard = peer.labels()
    lab.require_that(heard == ["reject"], "a refusal in the open", f"{heard or 'nothing'}", "other-mode")
    view = lab.iut_view(peer)
    lab.require_view(view, checks.not_established("server"), checks.nothing_delivered())


def _require_given_up(lab: Lab, peer: WirePeer, what: str) -> None:
    peer.handshake()
    lab.did(f"the server {what}")
    went_on = [label for label in peer.labels() if label != "offer"]
    lab.require_that(not went_on, "no further byte", f"the client sent {went_on}", "other-mode")
    lab.settle(lambda: bool(lab.iut_view(peer).refusals))
    view = lab.iut_view(peer)
    lab.require_that(not view.established, "no session", f"{view.established}", "established")
    peer.hang_up()

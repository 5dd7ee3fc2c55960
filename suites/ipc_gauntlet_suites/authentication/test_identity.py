"""Who the peer is: identities that are missing, untrusted, borrowed or another's."""

import base64

import pytest

from ipc_gauntlet import (
    CertificateQuirks,
    Drop,
    HandshakeQuirks,
    Lab,
    Outcome,
    Quirks,
    RecordQuirks,
    Role,
    Selector,
    case,
    cbor,
    checks,
)
from ipc_gauntlet_suites.authentication.attempts import Attempt, attempt, good
from ipc_gauntlet_suites.scripts import BOTH_ROLES, numbered, other, try_to_talk


@case("AUTH-01")
@pytest.mark.parametrize("role", BOTH_ROLES)
def test_peer_without_identity(lab: Lab, role: Role) -> None:
    """The peer is given no credential. This end must not call the session established, and no application data may
    be delivered in either direction."""
    lab.judge(role)
    lab.control(numbered("c2s", 2), checks.delivered_all("c2s"))
    good = lab.issuer.good()
    bare = good.replace(other(role), good.side(other(role)).but(credential=None))
    outcome = lab.attack(try_to_talk, deployment=bare, what=f"the {other(role)} has no credential")
    lab.require(outcome, checks.not_established(role), checks.nothing_delivered())
    lab.advise(outcome, checks.ended(role))


@case("AUTH-01")
@pytest.mark.parametrize("role", BOTH_ROLES)
def test_proof_withheld(lab: Lab, role: Role) -> None:
    """The peer begins well, but what would prove who it is never arrives: the adversary drops it. This end must not
    call the session established, and nothing may be delivered or be seen in clear."""
    lab.judge(role)
    lab.control(numbered("c2s", 2), checks.delivered_all("c2s"))
    # A server has proved nothing before its first flight, a client nothing with it.
    at = Selector(direction="s2c" if role == "client" else "c2s", nth=int(role == "server"), since_mark=False)
    outcome = lab.attack(try_to_talk, Drop(at=at, count=64))
    canaries = outcome.sent["c2s"] + outcome.sent["s2c"]
    lab.require(outcome, checks.not_established(role), checks.nothing_delivered())
    lab.require(outcome, *(checks.not_in_clear(canary) for canary in canaries))


_NOBODY = {
    "no certificates": cbor.encode({1: []}),
    "an empty certificate": cbor.encode({1: [b""]}),
    "an empty map": cbor.encode({}),
    "null": cbor.encode(None),
    "nothing": b"",
    "empty names": cbor.encode({2: "", 3: ""}),
}


@case("AUTH-01", wire="sipc/1", stage="handshake")
@pytest.mark.parametrize("role", BOTH_ROLES)
def test_nobody(lab: Lab, role: Role) -> None:
    """The peer completes the key exchange but says nothing about who it is, in every way there is to say nothing. It
    must be refused, not be taken for an anonymous peer."""
    lab.judge(role)
    good(lab, role)
    lab.stage("handshake")
    accepted = []
    for what, body in _NOBODY.items():
        made = attempt(lab, role, quirks=Quirks(certificate=CertificateQuirks(body=body)))
        if made.accepted:
            accepted.append(what)
        made.peer.hang_up()
    told = f"accepted a peer that presented {', '.join(accepted)}"
    lab.require_that(not accepted, "a peer without identity to be refused", told, "established")


@case("AUTH-01", wire="sipc/1", role="client", stage="handshake")
def test_data_before_confirmation(lab: Lab) -> None:
    """The server's handshake is good, but it never confirms the keys. Whatever the client's application wants to send
    must stay where it is."""
    control = good(lab, "client")
    lab.require_control_that(not control.peer.noted, f"noted {control.peer.noted}")
    peer = lab.wire_server(quirks=Quirks(record=RecordQuirks(skip_ready=True)))
    conn = lab.attempt_to(peer)
    lab.stage("handshake")
    canary = base64.b64encode(lab.payload("canary")).decode("ascii")
    lab.submit("client", "send", {"conn": conn, "payload": canary})
    peer.handshake(timeout_s=0.0)
    peer.expect("READY")
    call = lab.submit("client", "send", {"conn": conn, "payload": canary})
    lab.settle(lambda: call.done)
    peer.settle()
    extra = [label for label in peer.labels() if label not in ("offer", "message3", "READY")]
    lab.require_that(not extra, "nothing sent but the handshake", f"sent {', '.join(extra)}", "sent-early")
    lab.require(Outcome(client=lab.iut_view(peer), stage="handshake"), checks.not_established("client"))


@case("AUTH-02")
@pytest.mark.parametrize("role", BOTH_ROLES)
def test_untrusted_key(lab: Lab, role: Role) -> None:
    """The peer proves a key that this end was never told to trust, under the right name."""
    lab.judge(role)
    lab.control(numbered("c2s", 2), checks.delivered_all("c2s"))
    spoiled = lab.issuer.untrusted(other(role))
    outcome = lab.attack(try_to_talk, deployment=spoiled, what=f"the {other(role)}'s key is not trusted")
    lab.require(outcome, checks.not_established(role), checks.nothing_delivered())
    lab.advise(outcome, checks.ended(role), checks.refused_for(role, "authentication"))


@case("AUTH-02", credentials=("x509",))
@pytest.mark.parametrize("role", BOTH_ROLES)
def test_self_signed(lab: Lab, role: Role) -> None:
    """The peer presents a certificate that is its own issuer."""
    lab.judge(role)
    lab.control(numbered("c2s", 2), checks.delivered_all("c2s"))
    spoiled = lab.x509.self_signed(other(role))
    outcome = lab.attack(try_to_talk, deployment=spoiled, what=f"the {other(role)}'s leaf is self-signed")
    lab.require(outcome, checks.not_established(role), checks.nothing_delivered())
    lab.advise(outcome, checks.ended(role), checks.refused_for(role, "authentication"))


@case("AUTH-02", credentials=("x509",))
@pytest.mark.parametrize("role", BOTH_ROLES)
def test_authority_of_the_same_name(lab: Lab, role: Role) -> None:
    """The peer's certificate was issued by an authority that has the name of the trusted one, and another key."""
    lab.judge(role)
    lab.control(numbered("c2s", 2), checks.delivered_all("c2s"))
    spoiled = lab.x509.by_namesake(other(role))
    outcome = lab.attack(try_to_talk, deployment=spoiled, what=f"the {other(role)}'s authority is a namesake")
    lab.require(outcome, checks.not_established(role), checks.nothing_delivered())


@case("AUTH-02", credentials=("x509",))
@pytest.mark.parametrize("role", BOTH_ROLES)
def test_root_sent_along(lab: Lab, role: Role) -> None:
    """The peer's certificate is good under a root that the peer itself sends along and nobody here was told to
    trust."""
    lab.judge(role)
    lab.control(numbered("c2s", 2), checks.delivered_all("c2s"))
    spoiled = lab.x509.bringing_root(other(role))
    outcome = lab.attack(try_to_talk, deployment=spoiled, what=f"the {other(role)} sends its own root along")
    lab.require(outcome, checks.not_established(role), checks.nothing_delivered())


@case("AUTH-02", credentials=("x509", "raw-key"))
@pytest.mark.parametrize("role", BOTH_ROLES)
def test_empty_trust(lab: Lab, role: Role) -> None:
    """This end trusts nobody; it must then accept nobody, and not everybody."""
    lab.judge(role)
    lab.control(numbered("c2s", 2), checks.delivered_all("c2s"))
    good = lab.issuer.good()
    empty = good.side(role).but(trust=lab.issuer.empty_trust())
    outcome = lab.attack(try_to_talk, deployment=good.replace(role, empty), what=f"the {role} trusts nobody")
    lab.require(outcome, checks.not_established(role), checks.nothing_delivered())


@case("AUTH-02", credentials=("psk",), role="server")
def test_empty_psk_store(lab: Lab) -> None:
    """A server that was told of no pre-shared key to accept accepts nobody: neither with a key of its own, nor without,
    nor because another endpoint of the same program trusts the client."""
    served = lab.listen()
    lab.control(numbered("c2s", 2), checks.delivered_all("c2s"), served=served)
    good = lab.issuer.good()
    trusting_nobody = good.server.but(trust=lab.issuer.empty_trust())
    for empty in (trusting_nobody, trusting_nobody.but(credential=None)):
        what = f"the server trusts no key{'' if empty.credential else ' and has none'}"
        outcome = lab.attack(try_to_talk, deployment=good.replace("server", empty), what=what)
        lab.require(outcome, checks.not_established("server"), checks.nothing_delivered())


@case("AUTH-03", credentials=("x509", "raw-key"))
@pytest.mark.parametrize("role", BOTH_ROLES)
def test_borrowed_identity(lab: Lab, role: Role) -> None:
    """The peer presents a trusted identity's public part but holds another private key, so it cannot prove
    possession. Refusing to start with such a pair is as good as refusing the handshake."""
    lab.judge(role)
    lab.control(numbered("c2s", 2), checks.delivered_all("c2s"))
    spoiled = lab.issuer.mismatched(other(role))
    what = f"the {other(role)} presents an identity whose private key it does not hold"
    outcome = lab.attack(try_to_talk, deployment=spoiled, what=what)
    lab.require(outcome, checks.not_established(role), checks.nothing_delivered())


_FORGED = (
    "other-signer",
    "ca-other-signer",
    "flipped-signature",
    "zero-signature",
    "no-signature",
    "short-signature",
    "long-signature",
    "changed-content",
)


@case("AUTH-03", credentials=("x509",))
@pytest.mark.parametrize("role", BOTH_ROLES)
def test_forged_certificate(lab: Lab, role: Role) -> None:
    """The peer holds the key of its certificate and the certificate says all the right things, but the authority did
    not sign it: another key did, or nobody, or what it signed was changed."""
    lab.judge(role)
    lab.control(numbered("c2s", 1), checks.delivered_all("c2s"), deployment=lab.x509.chained(other(role)))
    for defect in _FORGED:
        spoiled = lab.x509.chained(other(role), defect)
        outcome = lab.attack(try_to_talk, deployment=spoiled, what=f"the {other(role)}'s chain: {defect}")
        lab.require(outcome, checks.not_established(role), checks.nothing_delivered())


@case("AUTH-03", credentials=("x509",), wire="sipc/1", stage="handshake")
@pytest.mark.parametrize("role", BOTH_ROLES)
def test_victims_certificate(lab: Lab, role: Role) -> None:
    """A peer with a valid identity of its own presents somebody else's certificate over its own key: alone, in front of
    its own, and behind it. None of them is an identity that it has proved."""
    lab.judge(role)
    good(lab, role)
    lab.stage("handshake")
    victim = lab.issuer.good()
    mallory = lab.issuer.good("mallory", "mallory").side(other(role))
    attacker = victim.replace(other(role), mallory).intending(victim.service)
    theirs, own = victim.side(other(role)).chain, mallory.chain
    for what, chain in {
        "alone": theirs,
        "in front of its own": (*theirs, *own),
        "behind its own": (*own, *theirs),
        "twice": (*theirs, *theirs),
    }.items():
        made = attempt(lab, role, attacker, Quirks(certificate=CertificateQuirks(chain=chain)))
        lab.did(f"presented another's certificate {what}")
        lab.require_that(not made.accepted, "no identity without its proof", _as_whom(made), "established")
        made.peer.hang_up()


@case("AUTH-03", credentials=("x509",), wire="sipc/1", stage="handshake")
@pytest.mark.parametrize("role", BOTH_ROLES)
def test_key_without_its_secret(lab: Lab, role: Role) -> None:
    """The peer presents somebody else's certificate and public key, and computes with what it has instead of the private
    key."""
    lab.judge(role)
    good(lab, role)
    lab.stage("handshake")
    victim = lab.issuer.good().side(other(role))
    for what, quirk in {
        "the public key alone": HandshakeQuirks(static=victim.public_key),
        "another private key": HandshakeQuirks(static_private=lab.rng.randbytes(32)),
    }.items():
        made = attempt(lab, role, quirks=Quirks(handshake=quirk))
        lab.did(f"presented a certificate and used {what}")
        lab.require_that(not made.accepted, "no identity without its proof", _as_whom(made), "established")
        made.peer.hang_up()


@case("AUTH-04", credentials=("x509", "raw-key"), role="client")
@pytest.mark.parametrize("claim", ["its-own-service", "the-wanted-service"])
def test_another_valid_service(lab: Lab, claim: str) -> None:
    """The adversary leads the client to a different service whose identity is valid under the same trust, and which may
    also call itself by the wanted service's name. The client asked for one exact name and must refuse every other."""
    deployment = lab.issuer.elsewhere()
    elsewhere = lab.listen(deployment)
    lab.control(numbered("c2s", 2), checks.delivered_all("c2s"), served=elsewhere, deployment=deployment)
    wrong = deployment.intending(lab.issuer.good().service)
    if claim == "the-wanted-service":
        elsewhere = lab.listen(wrong)
    what = f"the client wants {wrong.service} and is led to {deployment.service}"
    outcome = lab.attack(try_to_talk, served=elsewhere, deployment=wrong, what=what)
    lab.require(outcome, checks.not_established("client"), checks.nothing_delivered())
    lab.advise(outcome, checks.ended("client"), checks.refused_for("client", "authentication"))


_SIMILAR = {
    "uri": (
        "spiffe://test.example/serve",
        "spiffe://test.example/server1",
        "spiffe://test.example/Server",
        "spiffe://test.example/SERVER",
        "spiffe://test.example/server/x",
        "spiffe://test.example/x/server",
        "spiffe://other.example/server",
        "spiffe://test.example.evil.example/server",
        "spiffe://sub.test.example/server",
    ),
    "dns": (
        "serve.test.example",
        "server1.test.example",
        "xserver.test.example",
        "a.server.test.example",
        "server.test.example.evil.example",
        "test.example",
        "server.other.example",
    ),
}


@case("AUTH-04", credentials=("x509",), role="client")
def test_similar_name(lab: Lab) -> None:
    """The client is led to a service whose certificate is valid, for a name that looks like the intended one: longer,
    shorter, spelt in another case, in another domain; or whose certificate mentions the intended name where it means
    nothing. The name has to be equal."""
    lab.control(numbered("c2s", 1), checks.delivered_all("c2s"))
    wanted = lab.issuer.good().service
    elsewhere = lab.issuer.elsewhere().service
    attacks = {name: lab.x509.renamed("server", name) for name in _SIMILAR[lab.x509.form]}
    attacks["the right common name"] = lab.x509.renamed("server", elsewhere, common_name=wanted)
    for what, deployment in attacks.items():
        outcome = lab.attack(try_to_talk, deployment=deployment, what=f"wants {wanted}, meets {what}")
        lab.require(outcome, checks.not_established("client"), checks.nothing_delivered())


@case("AUTH-04", credentials=("x509", "raw-key"), role="client")
def test_unclear_intention(lab: Lab) -> None:
    """The client is told to reach nobody, or a name that is not quite the server's: in another spelling, with something
    before or behind it. Such a client must not accept the server."""
    lab.control(numbered("c2s", 1), checks.delivered_all("c2s"))
    wanted = lab.issuer.good().service
    similar = (
        wanted[:-1],
        wanted + "1",
        wanted + "/",
        " " + wanted,
        wanted + " ",
        wanted + "\0x",
        wanted + "?x",
    )
    spelt = (wanted.upper(), wanted.replace("s", "%73"), wanted.replace("/server", "/./server"))
    uri = wanted if wanted.startswith("spiffe:") else ""
    for service in ("", *similar, *(spelt if uri else ())):
        meant = lab.issuer.good().intending(service)
        outcome = lab.attack(try_to_talk, deployment=meant, what=f"told to reach {service!r}")
        lab.require(outcome, checks.not_established("client"), checks.nothing_delivered())


@case("AUTH-04", credentials=("x509",), wire="sipc/1", role="client", stage="handshake")
def test_service_is_no_identity(lab: Lab) -> None:
    """A wire server with a valid identity that is not the intended one accepts the offer for the intended service. The
    client must refuse it, and must not show it who the client is."""
    good(lab, "client")
    lab.stage("handshake")
    meant = lab.issuer.good()
    there = meant.replace("server", lab.issuer.good("client", "elsewhere").server).intending(meant.service)
    made = attempt(lab, "client", there)
    lab.require_that(not made.accepted, "another identity to be refused", _as_whom(made), "established")
    shown = "message3" in made.peer.labels()
    lab.require_that(
        not shown, "no identity shown to another than intended", "message 3 was sent", "answered"
    )


def _as_whom(made: Attempt) -> str:
    whom = ", ".join(str(one.peer) for one in made.view.established) or "nobody"
    return f"established with {whom}, {len(made.view.delivered)} messages delivered"

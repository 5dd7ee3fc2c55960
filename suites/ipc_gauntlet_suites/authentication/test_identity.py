"""Who the peer is: identities that are missing, untrusted, borrowed or another's."""

import pytest

from ipc_gauntlet import Lab, Role, case, checks
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
    """A server with no pre-shared key accepts nobody."""
    lab.control(numbered("c2s", 2), checks.delivered_all("c2s"))
    good = lab.issuer.good()
    empty = good.server.but(trust=lab.issuer.empty_trust(), credential=None)
    outcome = lab.attack(try_to_talk, deployment=good.replace("server", empty), what="the server has no key")
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


@case("AUTH-04", credentials=("x509", "raw-key"), role="client")
def test_another_valid_service(lab: Lab) -> None:
    """The adversary leads the client to a different service whose identity is valid under the same trust. The
    client asked for one exact name and must refuse every other."""
    deployment = lab.issuer.elsewhere()
    elsewhere = lab.listen(deployment)
    lab.control(numbered("c2s", 2), checks.delivered_all("c2s"), served=elsewhere, deployment=deployment)
    wrong = deployment.intending(lab.issuer.good().service)
    what = f"the client wants {wrong.service} and is led to {deployment.service}"
    outcome = lab.attack(try_to_talk, served=elsewhere, deployment=wrong, what=what)
    lab.require(outcome, checks.not_established("client"), checks.nothing_delivered())
    lab.advise(outcome, checks.ended("client"), checks.refused_for("client", "authentication"))

"""Certificate paths with exactly one thing wrong."""

import time

import pytest

from ipc_gauntlet import DEFECTS, ROOT_DEFECTS, Lab, Role, case, checks
from ipc_gauntlet_suites.authentication.attempts import attempt, good
from ipc_gauntlet_suites.scripts import BOTH_ROLES, numbered, other, try_to_talk

_NEAR_S = 30


@case("AUTH-12", credentials=("x509",))
@pytest.mark.parametrize("role", BOTH_ROLES)
def test_defective_path(lab: Lab, role: Role) -> None:
    """The peer presents certificate chains, each with one attribute changed that RFC 5280 makes every implementation
    look at. The unchanged chain is accepted; each of the others must be refused."""
    lab.judge(role)
    lab.control(numbered("c2s", 1), checks.delivered_all("c2s"), deployment=lab.x509.chained(other(role)))
    accepted, unsent = [], []
    for defect in DEFECTS:
        if not defect.portable or lab.x509.form not in defect.forms:
            continue
        spoiled = lab.x509.chained(other(role), defect.name)
        session = lab.session(deployment=spoiled)
        try_to_talk(session)
        outcome = session.finish()
        lab.stage(outcome.stage)
        if other(role) in session.refused:
            unsent.append(defect.name)
        if outcome.end(role).established or outcome.server.delivered or outcome.client.delivered:
            accepted.append(defect.what)
            lab.record(session, f"the {other(role)} presented a chain in which {defect.what}")
    if unsent:
        lab.note(
            f"not put to the test, since the {other(role)} would not even load them: {', '.join(unsent)}"
        )
    lab.require_that(not accepted, "every defective path to be refused", _told(accepted), "established")


@case("AUTH-12", credentials=("x509",), wire="sipc/1", stage="handshake")
@pytest.mark.parametrize("role", BOTH_ROLES)
def test_every_defect(lab: Lab, role: Role) -> None:
    """A peer that holds the right key presents chains that break one rule of the profile each, also rules that are
    stricter than RFC 5280. None may be accepted, and a client must not answer one with its own identity."""
    lab.judge(role)
    good(lab, role, lab.x509.chained(other(role)))
    accepted, answered = [], []
    lab.did(f"presented {len(DEFECTS)} chains, each with one thing wrong")
    lab.stage("handshake")
    for defect in DEFECTS:
        if lab.x509.form not in defect.forms:
            continue
        made = attempt(lab, role, lab.x509.chained(other(role), defect.name))
        if made.accepted:
            accepted.append(defect.what)
        elif "message3" in made.peer.labels() and role == "client":
            answered.append(defect.what)
        made.peer.hang_up()
    lab.require_that(not accepted, "every defective path to be refused", _told(accepted), "established")
    lab.require_that(
        not answered, "no identity shown to a peer that is not good", _told(answered), "answered"
    )


@case("AUTH-12", credentials=("x509",), needs=("virtual-clock",))
@pytest.mark.parametrize("role", BOTH_ROLES)
@pytest.mark.parametrize("end", ["notBefore", "notAfter"])
def test_validity_to_the_minute(lab: Lab, role: Role, end: str) -> None:
    """The clock of this end is set to half a minute on this side of the peer certificate's validity, where it is good, and
    half a minute beyond, where it is not: there is no grace."""
    lab.judge(role)
    options = {"clock": "virtual"}
    served = lab.listen(options=options)
    lab.control(numbered("c2s", 1), checks.delivered_all("c2s"), served=served, options=options)
    first, last = lab.issuer.good().side(other(role)).validity
    now = time.time()
    beyond, edge = (-1, first) if end == "notBefore" else (1, last)
    lab.step_wall(round((edge - now - beyond * _NEAR_S) * 1000), role)
    lab.control(numbered("c2s", 1), checks.delivered_all("c2s"), served=served, options=options)
    lab.step_wall(beyond * 2 * _NEAR_S * 1000, role)
    outcome = lab.attack(
        try_to_talk, served=served, options=options, what=f"the {role}'s clock is half a minute beyond {end}"
    )
    lab.require(outcome, checks.not_established(role), checks.nothing_delivered())


@case("AUTH-12", credentials=("x509",), wire="sipc/1", stage="handshake")
@pytest.mark.parametrize("role", BOTH_ROLES)
def test_root_that_is_not_good(lab: Lab, role: Role) -> None:
    """Trust in a root does not make it good: an expired one, one that is no authority, one with limits that the path does
    not keep. Each is refused, with a chain that is good but for its root."""
    lab.judge(role)
    good(lab, role, lab.x509.rooted(other(role)))
    lab.stage("handshake")
    accepted = []
    for defect in ROOT_DEFECTS:
        made = attempt(lab, role, lab.x509.rooted(other(role), defect.name))
        if made.accepted:
            accepted.append(defect.what)
        made.peer.hang_up()
    lab.did(f"used {len(ROOT_DEFECTS)} roots, each with one thing wrong")
    lab.require_that(not accepted, "every defective path to be refused", _told(accepted), "established")


def _told(what: list[str]) -> str:
    return f"accepted although {'; '.join(what)}" if what else "all were refused"

"""What authentication depends on fails: then nobody is let in, and nobody else is kept out."""

import pytest

from ipc_gauntlet import Direction, Lab, NotApplicable, Role, Session, case, checks
from ipc_gauntlet_suites.scripts import BOTH_ROLES, numbered, try_to_talk

_WAYS = ("raise", "none", "hang")


@case("AUTH-13", needs=("faults",), stage="handshake")
@pytest.mark.parametrize("role", BOTH_ROLES)
@pytest.mark.parametrize("point", ["verify", "key-store", "entropy"])
def test_dependency_fails(lab: Lab, role: Role, point: str) -> None:
    """Something that authentication needs fails in the middle of an attempt: who judges the peer, where the own key comes
    from, where random bytes come from. It raises an error, answers with nothing, or never answers. The attempt must not
    become a session, and the next one, with everything in order, must, even while the first still hangs."""
    if (lab.issuer.kind, role, point) == ("psk", "client", "verify"):
        raise NotApplicable("a client with one pre-shared key has nobody to ask about it")
    lab.judge(role)
    options = {"clock": "virtual"} if lab.virtual else {}
    served = lab.listen(options=options)
    lab.control(numbered("c2s", 1), checks.delivered_all("c2s"), served=served, options=options)
    for way in _WAYS:
        lab.arm(role, point, way)
        # Who does not wait for the decision may leave the fault to the next one, on a busy machine.
        session = lab.session(served=served, options=options, patient=way != "hang")
        if way == "hang":
            session.open(warm=False)  # a sending call may rightly wait for what hangs
            lab.pause_until_quiet(lambda: False)
        else:
            try_to_talk(session)
        outcome = session.outcome()
        lab.record(session, f"{point} fails at the {role}: {way}")
        lab.require(outcome, checks.not_established(role), checks.nothing_delivered())
        beside = lab.session(served=served, options=options, patient=True)
        numbered("c2s", 1)(beside)
        wrong = checks.delivered_all("c2s")(beside.outcome())
        told = "" if wrong is None else wrong.seen
        lab.require_that(wrong is None, f"a good session after {point} failed ({way})", told, "not-served")
        if way == "hang":
            _given_up(lab, session, role)
        for one in (beside, session):
            one.close()


def _given_up(lab: Lab, session: Session, role: Role) -> None:
    """With a clock that can be moved: an attempt that hangs is refused at the handshake's deadline."""
    limit = lab.timeouts.get("handshake_ms")
    if not lab.virtual or limit is None or session.link is None:
        return
    lab.advance(limit)
    direction: Direction = "c2s" if role == "client" else "s2c"
    link = session.the_link()
    lab.settle(lambda: link.ended(direction) is not None)
    ended = link.ended(direction) is not None or session.is_over(role)
    lab.require_that(ended, "an attempt that hangs to be refused in time", "it stayed open", "not-ended")
    lab.require_that(
        not session.view("client").established, "no session to come of it", "it did", "established"
    )

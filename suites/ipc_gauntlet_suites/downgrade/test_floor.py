"""What was configured is the least: neither a peer, nor a lack of alternatives, nor another kind of credentials gets below it."""

from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from ipc_gauntlet import Lab, NegotiationQuirks, Quirks, Role, Served, WirePeer, case, checks, negotiation
from ipc_gauntlet_suites.downgrade import offers
from ipc_gauntlet_suites.scripts import BOTH_ROLES

ATTEMPTS = 2
NO_VERSION, NO_SUITE = 1, 2
LATEST = 255
#: What variables that make a program lenient end with, behind the program's name or nothing.
LENIENT = ("DEBUG", "TEST", "TESTING", "DEV", "INSECURE", "ALLOW_INSECURE", "ALLOW_WEAK", "COMPAT", "LEGACY")
OTHER_MODE = {"x509": "psk", "psk": "x509"}


@dataclass(frozen=True, slots=True)
class Floor:
    """A floor, and somebody below it.

    Args:
        what: In words.
        options: The floor, as options of the implementation under test.
        suites: What the other side offers.
        versions: Lowest, highest, and what it begins with.
        code: How a server must refuse that.
    """

    what: str
    options: Mapping[str, object]
    suites: tuple[int, ...]
    versions: tuple[int, int, int]
    code: int


def _floors(lab: Lab) -> list[Floor]:
    """Floors, each with an offer below it; nothing that an offer begins with is ever allowed."""
    first, second = offers.numbers(lab)
    foreign = tuple(offers.SUITES[OTHER_MODE[lab.issuer.kind]])
    test, one = offers.TEST_VERSION, offers.VERSION
    best = {"suites": offers.names(lab, first), "versions": [one, test]}
    other = {"suites": offers.names(lab, second), "versions": [one, test]}
    latest = {"suites": offers.names(lab), "versions": [test, test]}
    both = (one, test, test)
    return [
        Floor("only another suite", best, (second,), both, NO_SUITE),
        Floor("only the mandatory suite", other, (first,), both, NO_SUITE),
        Floor("another suite, behind one that means nothing", best, (offers.GREASE, second), both, NO_SUITE),
        Floor("only suites of another mode", best, foreign, both, NO_SUITE),
        Floor("only numbers that mean nothing", best, (offers.GREASE, 0, 0xFFFF), both, NO_SUITE),
        Floor("only an older version", latest, (first, second), (one, one, one), NO_VERSION),
        Floor("all versions but the floor's", latest, (first, second), (one, test - 1, test - 1), NO_VERSION),
        Floor("only later versions", latest, (first, second), (test + 1, LATEST, LATEST), NO_VERSION),
        Floor(
            "only a later version than the highest",
            {"suites": offers.names(lab), "versions": [one, one]},
            (first, second),
            (test, test, test),
            NO_VERSION,
        ),
    ]


@case("DOWN-04", wire="sipc/1", role="server", stage="negotiation")
def test_offers_below_the_floor(lab: Lab) -> None:
    """A client offers nothing that the server allows: other suites, another mode, older or later versions. The server must
    refuse in the open, say that there is nothing in common, and never answer with something that it does not allow."""
    lab.stage("negotiation")
    for floor in _floors(lab):
        served = lab.listen(options=floor.options)
        _get_in(lab, served, floor.options)
        _require_refused(lab, _below(lab, served, floor), floor)


@case("DOWN-04", wire="sipc/1", role="server", stage="negotiation")
def test_older_beginning(lab: Lab) -> None:
    """A client offers a range that the server's floor lies in, and begins with what lies below it. The server must have it
    begin again, with what the floor allows, or end it."""
    lab.stage("negotiation")
    first, second = offers.numbers(lab)
    one, test = offers.BOTH_VERSIONS
    both = {"suites": offers.names(lab), "versions": [test, test]}
    only = {"suites": offers.names(lab, first), "versions": [one, test]}
    for floor, suites, chosen in [
        (both, (first,), one),
        (both, (first,), 100),
        (only, (second, first), test),
    ]:
        served = lab.listen(options=floor)
        _get_in(lab, served, floor)
        quirks = NegotiationQuirks(suites=suites, versions=(one, test, chosen))
        peer = lab.wire_client(served, quirks=Quirks(negotiation=quirks), options=offers.wide(lab))
        peer.offer()
        lab.settle(lambda p=peer: p.ended is not None or bool(p.heard))  # type: ignore[misc]
        lab.did(f"offered versions {one} to {test} and suites {suites}, and began with version {chosen}")
        chose = peer.labels()
        lab.require_that(
            "accept" not in chose, "the beginning not accepted", "it was accepted", "below-floor"
        )
        if "retry" in chose:
            asked = (peer.peer.negotiating.version, peer.peer.negotiating.suite)
            lab.require_that(asked == (test, first), f"{(test, first)}", f"{asked}", "below-floor")
        peer.hang_up()


@case("DOWN-04", wire="sipc/1", role="client", stage="negotiation")
def test_servers_below_the_floor(lab: Lab) -> None:
    """A server asks for less than the client's floor, goes on with less, or refuses because it has only less. The client
    must not go on, must tell its user that this is a refusal, and must offer the same again at its next attempt."""
    lab.stage("negotiation")
    first, second = offers.numbers(lab)
    foreign = next(iter(offers.SUITES[OTHER_MODE[lab.issuer.kind]]))
    one, test = offers.BOTH_VERSIONS
    best = {"suites": offers.names(lab, first), "versions": [one, one]}
    latest = {"suites": offers.names(lab), "versions": [test, test]}
    for floor, lowest, allowed, less in [
        (best, one, {first}, second),
        (latest, test, {first, second}, first),
    ]:
        control = _server(lab, Quirks(), floor)
        lab.require_control_that(control.handshake(), f"no session with a good server ({control.ended})")
        offer = control.peer.negotiating.offer_bytes
        control.close()
        _require_offer(lab, offer, lowest, allowed)
        for what, quirks in {
            "asked for less": NegotiationQuirks(retry=(one, less)),
            "asked for another mode": NegotiationQuirks(retry=(lowest, foreign)),
            "asked for a suite that means nothing": NegotiationQuirks(retry=(lowest, 0x7F01)),
            "went on with less": NegotiationQuirks(accept_as=(one, less)),
            "had no common version": NegotiationQuirks(reject=(NO_VERSION, 0)),
            "had no common suite": NegotiationQuirks(reject=(NO_SUITE, 0)),
        }.items():
            for _ in range(ATTEMPTS):
                peer = _server(lab, Quirks(negotiation=quirks), floor)
                _answer(lab, peer)
                lab.did(f"the server {what}")
                again = peer.peer.negotiating.offer_bytes
                lab.require_that(again == offer, "the same offer again", again.hex(), "floor-lowered")
                _require_given_up(lab, peer, what)
        last = _server(lab, Quirks(), floor)
        opened = last.handshake()
        same = last.peer.negotiating.offer_bytes == offer
        lab.require_that(opened and same, "a good server reached as before", "it was not", "floor-lowered")
        last.close()


@case("DOWN-04", wire="sipc/1", stage="negotiation")
def test_nothing_in_common(lab: Lab) -> None:
    """The two sides allow nothing that the other one allows, though both know all of it. No session may come of it, and
    both must tell their user that this is why."""
    lab.stage("negotiation")
    first, second = offers.numbers(lab)
    one, test = offers.BOTH_VERSIONS
    for name, low, high in [
        ("suites", offers.names(lab, second), offers.names(lab, first)),
        ("versions", [one, one], [test, test]),
    ]:
        for given, wanted in [(low, high), (high, low)]:
            served = lab.listen(options={name: given})
            control = lab.session(served=served, options={name: given}, patient=True)
            lab.require_control_that(control.open(), "two sides that allow the same had no session")
            control.close()
            session = lab.session(served=served, options={name: wanted}, patient=True)
            session.open(warm=False)
            session.settle(lambda s=session: s.is_over("client") and s.is_over("server"))  # type: ignore[misc]
            lab.record(session, f"the server allows {name} {given}, the client {wanted}")
            lab.require(
                session.finish(),
                checks.not_established("client"),
                checks.not_established("server"),
                checks.nothing_delivered(),
                checks.refused_for("client", "downgrade"),
                checks.refused_for("server", "downgrade"),
            )


@case("DOWN-04", wire="sipc/1", stage="negotiation", axes="each")
@pytest.mark.parametrize("role", BOTH_ROLES)
def test_environment(lab: Lab, role: Role) -> None:
    """The program is started with the variables in its environment that people use to make programs lenient: for
    debugging, for tests, for older peers. Its floor must be where it was."""
    lab.judge(role)
    names = {lab.statement.name, lab.statement.wire.protocol.split("/")[0], ""}
    prefixes = {"".join(c if c.isalnum() else "_" for c in name).upper() for name in names}
    lab.restart(role, env={f"{one}_{last}".lstrip("_"): "1" for one in prefixes for last in LENIENT})
    lab.stage("negotiation")
    first, second = offers.numbers(lab)
    best = {"suites": offers.names(lab, first)}
    if role == "client":
        control = _server(lab, Quirks(), best)
        lab.require_control_that(control.handshake(), f"no session with a good server ({control.ended})")
        control.close()
        for quirks in (NegotiationQuirks(retry=(1, second)), NegotiationQuirks(accept_as=(1, second))):
            peer = _server(lab, Quirks(negotiation=quirks), best)
            _answer(lab, peer)
            _require_given_up(lab, peer, "wanted less")
        return
    for floor in _floors(lab):
        served = lab.listen(options=floor.options)
        _get_in(lab, served, floor.options)
        _require_refused(lab, _below(lab, served, floor), floor)


def _below(lab: Lab, served: Served, floor: Floor) -> WirePeer:
    quirks = NegotiationQuirks(suites=floor.suites, versions=floor.versions)
    peer = lab.wire_client(served, quirks=Quirks(negotiation=quirks), options=offers.wide(lab))
    peer.offer()
    lab.settle(lambda: peer.ended is not None)
    lab.did(f"offered {floor.what}")
    return peer


def _server(lab: Lab, quirks: Quirks, floor: Mapping[str, object]) -> WirePeer:
    peer = lab.wire_server(quirks=quirks, options=offers.wide(lab))
    lab.attempt_to(peer, options=floor)
    return peer


def _answer(lab: Lab, peer: WirePeer) -> None:
    """Let a server answer an offer; where it cannot go on itself, it hangs up."""
    peer.expect("offer")
    peer.handshake(timeout_s=0.0)
    lab.wait(lambda: peer.ended is not None or peer.established or bool(peer.noted))
    if peer.ended is None:
        peer.hang_up()


def _get_in(lab: Lab, served: Served, options: Mapping[str, object]) -> None:
    """Positive control: with what the endpoint allows there is a session."""
    peer = lab.wire_client(served, options=options)
    lab.require_control_that(peer.handshake(), f"what is allowed led to no session ({peer.ended})")
    peer.close()


def _require_refused(lab: Lab, peer: WirePeer, floor: Floor) -> None:
    heard = peer.labels()
    selected = [label for label in heard if label in ("accept", "retry")]
    lab.require_that(not selected, f"{floor.what}: refused", f"answered by {selected}", "below-floor")
    view = lab.iut_view(peer)
    lab.require_view(view, checks.not_established("server"), checks.nothing_delivered())
    code = negotiation.Reject.decode(offers.parts(_reject(peer))[0]).code if "reject" in heard else None
    lab.require_that(
        code == floor.code, f"{floor.what}: a refusal of code {floor.code}", f"{code}", "no-refusal"
    )
    lab.settle(lambda: bool(lab.iut_view(peer).refusals))
    reasons = {reason for _, reason in lab.iut_view(peer).refusals}
    lab.require_that("downgrade" in reasons, "told as a downgrade", f"told as {reasons}", "no-refusal")


def _reject(peer: WirePeer) -> bytes:
    return next(one.data for one in peer.heard if one.label == "reject")


def _require_offer(lab: Lab, offer: bytes, lowest: int, allowed: set[int]) -> None:
    made = negotiation.Offer.decode(offer)
    meant = {suite for suite in made.suites if suite & 0x0F0F != 0x0A0A}
    fits = made.lowest >= lowest and made.chosen >= lowest and meant <= allowed
    lab.require_that(fits, f"nothing below version {lowest}, suites {allowed}", f"{made}", "below-floor")


def _require_given_up(lab: Lab, peer: WirePeer, what: str) -> None:
    went_on = [label for label in peer.labels() if label != "offer"]
    lab.require_that(not went_on, f"the server {what}: given up", f"the client sent {went_on}", "below-floor")
    lab.settle(lambda: bool(lab.iut_view(peer).refusals))
    view = lab.iut_view(peer)
    taken = bool(view.established or view.delivered)
    lab.require_that(not taken, f"the server {what}: no session", f"{view}", "established")
    lab.require_that(
        bool(view.refusals), f"the server {what}: told as a refusal", "nothing told", "no-refusal"
    )
    peer.hang_up()

"""The selection is bound on both sides: what is forged, altered, dropped or replayed of it leads to no session."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from ipc_gauntlet import (
    Duplicate,
    HandshakeQuirks,
    Lab,
    NegotiationQuirks,
    Quirks,
    Replace,
    Role,
    Selector,
    Served,
    WirePeer,
    case,
    checks,
    negotiation,
)
from ipc_gauntlet import Edit as OnTheWay
from ipc_gauntlet_suites.downgrade import offers
from ipc_gauntlet_suites.downgrade.offers import GREASE, TEST_VERSION, VERSION
from ipc_gauntlet_suites.scripts import BOTH_ROLES, numbered, try_to_talk


@case("DOWN-02", wire="sipc/1", axes="each", stage="handshake")
@pytest.mark.parametrize("role", BOTH_ROLES)
def test_selection_bound_in_part(lab: Lab, role: Role) -> None:
    """A responder has asked for another suite or version, and was obeyed. The peer of the implementation then binds less
    than all of that into its handshake: not the RETRY, not the CHOICE, not what came before, or only the last of it. A
    side that gets along with such a peer binds as little itself."""
    lab.judge(role)
    served = lab.listen(options=offers.wide(lab)) if role == "server" else None
    lab.stage("handshake")
    first = _retried(lab, served)
    forms = list(_weak(first))
    first.hang_up()
    for what in forms:
        peer = _retried(lab, served)
        peer.peer.negotiating.quirks = Quirks(handshake=HandshakeQuirks(prologue=_weak(peer)[what]))
        lab.did(f"{peer.name}: binds {what}")
        found = offers.came_about(lab, peer)
        lab.require_that(not found, f"no session with a peer that binds {what}", "there was one", "unbound")
    control = _retried(lab, served)
    lab.require_control_that(control.handshake(), f"no session with a good peer ({control.ended})")
    control.close()


def _retried(lab: Lab, served: Served | None) -> WirePeer:
    """A wire peer right before it goes on after a RETRY; a client of `served`, or a server."""
    options = offers.wide(lab)
    if served is not None:
        own = {**options, "suites": [GREASE, *offers.numbers(lab)], "chosen": VERSION}
        peer = lab.wire_client(served, options=own)
        peer.offer()
        peer.expect("retry")
        return peer
    peer = lab.wire_server(options=options)
    lab.attempt_to(peer, options=options)
    peer.expect("offer")
    peer.retry(VERSION, offers.numbers(lab)[1])
    peer.expect("choice")
    return peer


def _weak(peer: WirePeer) -> dict[str, bytes]:
    """Prologues after a RETRY that leave something out."""
    state = peer.peer.negotiating
    name = offers.APPLICATION[state.version]
    retry, choice = state.retry_bytes, negotiation.Choice(state.version, state.suite).encode()
    blocks = {
        "the OFFER": state.offer_bytes,
        "the first Noise message": state.first_message,
        "the RETRY": retry,
        "the empty message": b"",
        "the CHOICE": choice,
    }

    def bound(*parts: bytes, application: bytes = name) -> bytes:
        return b"NoiseSocketInit3" + b"".join(map(negotiation.counted, parts)) + application

    def put(**changed: bytes) -> bytes:
        return bound(*{**blocks, **{"the " + key: block for key, block in changed.items()}}.values())

    forms = {
        "nothing at all": b"",
        "nothing but the protocol": name,
        "no more than an offer that is accepted": negotiation.accepted_prologue(state.offer_bytes, name),
        "the CHOICE as if it were the offer": negotiation.accepted_prologue(choice, name),
        "the RETRY as if it were the offer": negotiation.accepted_prologue(retry, name),
        "nothing before the RETRY": bound(retry, b"", choice),
        "nothing but the RETRY": bound(retry, b""),
        "nothing but the CHOICE": bound(choice),
        "neither RETRY nor CHOICE": bound(state.offer_bytes, state.first_message),
        "neither the RETRY nor its message": bound(state.offer_bytes, state.first_message, choice),
        "neither first message nor RETRY": bound(state.offer_bytes, choice),
        "the version under which it began": put()[: -len(name)]
        + offers.APPLICATION[_began(state.offer_bytes)],
        "no protocol": bound(*blocks.values(), application=b""),
        "no version of the RETRY": put(RETRY=retry[:5] + retry[6:]),
        "no suite of the RETRY": put(RETRY=retry[:6] + retry[8:]),
        "no reserved bytes of the RETRY": put(RETRY=retry[:8]),
        "no version of the CHOICE": put(CHOICE=choice[:5] + choice[6:]),
        "no suite of the CHOICE": put(CHOICE=choice[:6]),
    }
    for key, block in blocks.items():
        forms[f"all but {key}"] = bound(*(other for at, other in blocks.items() if at != key))
        if block:
            forms[f"{key} as if it were empty"] = bound(
                *(b"" if at == key else other for at, other in blocks.items())
            )
    return {what: form for what, form in forms.items() if form != bound(*blocks.values())}


def _began(offer: bytes) -> int:
    return negotiation.Offer.decode(offer).chosen


@case("DOWN-02", wire="sipc/1", role="client", axes="each", stage="handshake")
def test_retry_on_one_side_only(lab: Lab) -> None:
    """Client and server differ in whether there was a RETRY: the server binds one that the client never got, or the client
    followed one, and is answered as if it had not. No session may come of it."""
    lab.stage("handshake")
    options, (_, second) = offers.wide(lab), offers.numbers(lab)
    for sent in (False, True):
        peer = _retried(lab, None) if sent else lab.wire_server(options=options)
        state = peer.peer.negotiating
        if sent:  # forget it
            offer = negotiation.Offer.decode(state.offer_bytes)
            state.retry_bytes = state.choice_bytes = b""
            state.version, state.suite = offer.chosen, offer.suites[0]
            what = "as if no RETRY had been sent"
        else:
            lab.attempt_to(peer, options=options)
            peer.expect("offer")
            retry = negotiation.Retry(state.version, second).encode()
            choice = negotiation.Choice(state.version, second).encode()
            parts = (state.offer_bytes, state.first_message, retry, choice)
            bound = negotiation.retried_prologue(parts, offers.APPLICATION[state.version])
            state.quirks = Quirks(handshake=HandshakeQuirks(prologue=bound))
            what = "as if a RETRY had been sent"
        lab.did(f"{peer.name}: goes on {what}")
        found = offers.came_about(lab, peer)
        lab.require_that(
            not found, f"no session with a server that goes on {what}", "there was one", "established"
        )
    control = _retried(lab, None)
    lab.require_control_that(control.handshake(), f"no session with a good peer ({control.ended})")
    control.close()


@case("DOWN-02", wire="sipc/1", role="server", axes="each", stage="handshake")
def test_other_than_asked(lab: Lab) -> None:
    """A server has asked for another suite and version with a RETRY. The client goes on with something else: its CHOICE
    names another suite or version, or it follows another than it names; it begins anew, or as if nothing had been asked;
    it makes its choice twice, or without having been asked. No session may come of it."""
    served = lab.listen(options=offers.wide(lab))
    first, second = offers.numbers(lab)
    lab.stage("handshake")
    asked = (TEST_VERSION, first)
    others = [(TEST_VERSION, second), (VERSION, first), (VERSION, second)]

    def follows(named: tuple[int, int], under: tuple[int, int]) -> Callable[[WirePeer], None]:
        def go(peer: WirePeer) -> None:
            state = peer.peer.negotiating
            state.version, state.suite = under
            state.quirks = Quirks(negotiation=NegotiationQuirks(choice=named))
            peer.choice()

        return go

    ways: dict[str, Callable[[WirePeer], None]] = {"begins anew, as asked": _anew, "chooses twice": _twice}
    for other in others:
        ways[f"chooses {other}"] = follows(other, other)
        ways[f"says it chooses {other}, and does as asked"] = follows(other, asked)
        ways[f"says it does as asked, and follows {other}"] = follows(asked, other)
    for what, way in ways.items():
        peer = _retried(lab, served)
        lab.did(f"{peer.name}: {what}")
        way(peer)
        found = offers.came_about(lab, peer)
        lab.require_that(not found, f"no session with a client that {what}", "there was one", "established")
    control = _retried(lab, served)
    lab.require_control_that(control.handshake(), f"no session with a good peer ({control.ended})")
    control.close()


def _anew(peer: WirePeer) -> None:
    """Send a second offer that begins with what was asked for."""
    state = peer.peer.negotiating
    kept = tuple(one for one in state.config.suites if one != GREASE)
    state.config = replace(state.config, suites=kept, chosen=state.version)
    state.retry_bytes = b""
    peer.offer()


def _twice(peer: WirePeer) -> None:
    """Send two choices, one after the other; the second one is gone on with."""
    peer.choice()
    peer.expect("accept")
    peer.choice()


@dataclass(frozen=True, slots=True)
class _Attack:
    """What an adversary does to a negotiation between two ends that follow the rules.

    Args:
        what: In words.
        served: Who is connected to.
        faults: What happens on the way.
    """

    what: str
    served: Served
    faults: tuple[Replace | OnTheWay | Duplicate, ...]


@case("DOWN-02", wire="sipc/1", axes="each")
def test_selection_rewritten(lab: Lab) -> None:
    """Two ends follow the rules; what the server selects is forged, altered, replaced or doubled on the way: an acceptance
    becomes a RETRY to something weaker, a RETRY becomes an acceptance or another RETRY, also with the client's
    answer to it corrected, or the server is made to ask for less. No session may come of it."""
    options = offers.wide(lab)
    second = offers.numbers(lab)[1]
    willing = lab.listen(options=options)
    asking = lab.listen(options={**options, "suites": offers.names(lab, second)})
    accepted = _undisturbed(lab, willing)
    _undisturbed(lab, asking)
    offer, _ = offers.parts(accepted["c2s"])
    for attack in _attacks(lab, willing, asking, accepted["s2c"], offer):
        outcome = lab.attack(
            try_to_talk, *attack.faults, what=attack.what, served=attack.served, options=options
        )
        lab.require(
            outcome,
            checks.not_established("client"),
            checks.not_established("server"),
            checks.nothing_delivered(),
        )


def _undisturbed(lab: Lab, served: Served) -> dict[str, bytes]:
    """The first frame of each direction in a session that is left alone."""
    control = lab.session(served=served, options=offers.wide(lab), patient=True)
    numbered("c2s", 1)(control)
    lab.require_control(control.outcome(), checks.delivered_all("c2s"))
    link = control.the_link()
    frames = {"c2s": link.recording("c2s")[0], "s2c": link.recording("s2c")[0]}
    control.close()
    return frames


def _attacks(lab: Lab, willing: Served, asking: Served, accepted: bytes, offer: bytes) -> list[_Attack]:
    first, second = offers.numbers(lab)
    answer = Selector(direction="s2c", nth=0, since_mark=False)
    begin, choice = (Selector(direction="c2s", nth=nth, since_mark=False) for nth in (0, 1))

    def retry(version: int, suite: int, reserved: bytes = bytes(3)) -> bytes:
        return offers.framed(negotiation.Retry(version, suite, reserved).encode())

    was = negotiation.Offer.decode(offer)
    weaker = [(VERSION, first), (VERSION, second), (TEST_VERSION, second)]
    found = [
        _Attack(f"an acceptance becomes a RETRY to {one}", willing, (Replace(at=answer, data=retry(*one)),))
        for one in weaker
    ]
    for served, suites in ((willing, (GREASE, second)), (asking, (GREASE, second, first))):
        less = replace(was, suites=suites).encode()
        fault = OnTheWay(at=begin, delete=len(offer), insert=less)
        found.append(_Attack(f"the server is offered {suites}", served, (fault,)))
    older = Replace(at=answer, data=retry(VERSION, second))
    corrected = OnTheWay(at=choice, offset=5, delete=1, insert=bytes([TEST_VERSION]))
    return [
        *found,
        _Attack("a RETRY becomes one to an older version", asking, (older,)),
        _Attack("the same, and the client's answer is corrected", asking, (older, corrected)),
        _Attack(
            "the RETRY counts itself",
            asking,
            (Replace(at=answer, data=retry(TEST_VERSION, second, b"\1\0\0")),),
        ),
        _Attack("a RETRY becomes another session's acceptance", asking, (Replace(at=answer, data=accepted),)),
        _Attack("the RETRY comes twice", asking, (Duplicate(at=answer),)),
        _Attack("the CHOICE comes twice", asking, (Duplicate(at=choice),)),
    ]

"""Whose answer is it (docs/sipc1.md, section 14): each response belongs to one open request, by its number."""

from collections.abc import Callable

import pytest

from ipc_gauntlet import Lab, Role, WirePeer, case
from ipc_gauntlet_suites.ordering.asking import Asked, answered_requests, ask, number_of
from ipc_gauntlet_suites.ordering.wired import over, require_refused, wired
from ipc_gauntlet_suites.scripts import BOTH_ROLES

REQUEST, RESPONSE, EVENT, CANCEL = range(4)
NEVER_USED = 1000


@case("ORD-05", wire="sipc/1", role="client", needs=("request",), axes="each")
@pytest.mark.parametrize("order", ["reversed", "rotated", "shuffled"])
def test_answers_in_another_order(lab: Lab, order: str) -> None:
    """Several requests are open at once, and are answered in another order than they came. Every caller must get the
    answer to its own request."""
    peer = wired(lab, "client")
    _answered_in_turn(lab, peer)
    calls = [ask(lab, peer) for _ in range(5)]
    numbers = [number_of(peer, call) for call in calls]
    turns = list(range(len(calls)))
    if order == "reversed":
        turns.reverse()
    elif order == "rotated":
        turns = turns[1:] + turns[:1]
    else:
        lab.rng.shuffle(turns)
    lab.did(f"answered 5 open requests in the order {turns}")
    for turn in turns:
        peer.respond(numbers[turn], 0, calls[turn].payload)
    for call in calls:
        answer = call.answer()
        lab.require_that(
            answer.ok and answer.payload == call.payload,
            "every caller to get the answer to its own request",
            f"{answer.payload!r} in place of {call.payload!r}"
            if answer.ok
            else f"{answer.code or answer.reason}",
            "other-answer",
        )


def _answered_in_turn(lab: Lab, peer: WirePeer) -> None:
    """The positive control: a request that is answered by its number gets its answer."""
    peer.by_hand()
    call = ask(lab, peer)
    peer.respond(number_of(peer, call), 0, call.payload)
    answer = call.answer()
    lab.require_control_that(answer.ok and answer.payload == call.payload, f"a right answer: {answer}")


def _respond(offset: int) -> Callable[[WirePeer, int], None]:
    return lambda peer, mid: (peer.respond(mid + offset, 0, b"not for you"), None)[1]


def _shaped(**fields: object) -> Callable[[WirePeer, int], None]:
    """A response with one thing wrong; `corr` of None stands for the request's own number."""

    def send(peer: WirePeer, mid: int) -> None:
        numbers = {"kind": 1, "corr": 3, "method": 4, "budget": 7, "label": 8, "body": 14, "status": 15}
        shape: dict[str, object] = {
            "kind": RESPONSE,
            "corr": mid,
            "label": 0,
            "body": b"not for you",
            "status": 0,
        }
        shape |= fields
        peer.message({numbers[name]: value for name, value in shape.items()})

    return send


MISFITS: dict[str, Callable[[WirePeer, int], None]] = {
    "number-before": _respond(-1),
    "number-behind": _respond(1),
    "number-never-used": _respond(NEVER_USED),
    "number-of-8-bits": _respond(256),
    "number-of-16-bits": _respond(65536),
    "number-of-32-bits": _respond(2**32),
    "event-with-number": _shaped(kind=EVENT, method="app.message", status=...),
    "request-with-number": _shaped(kind=REQUEST, method="app.echo", budget=1000, status=...),
    "cancel-of-it": _shaped(kind=CANCEL, status=..., label=..., body=...),
    "unknown-kind": _shaped(kind=4),
    "no-number": _shaped(corr=...),
    "number-as-text": _shaped(corr="0"),
    "number-in-list": _shaped(corr=[0]),
    "number-negative": _shaped(corr=-1),
    "no-status": _shaped(status=...),
    "status-as-text": _shaped(status="ok"),
    "failed-with-body": _shaped(status=14),
}
# Without a request that is open these name nothing that was ever asked.
UNASKED = ("number-before", "number-behind", "number-never-used")


@case("ORD-05", wire="sipc/1", role="client", needs=("request",), axes="each")
@pytest.mark.parametrize("defect", MISFITS)
def test_answer_to_nothing(lab: Lab, defect: str) -> None:
    """A request is open, and what comes is no answer to it: it names another number, is of another kind, or lacks what an
    answer has. The caller must get an error and not that answer, the session must end, and the program must live."""
    peer = wired(lab, "client")
    _answered_in_turn(lab, peer)
    call = ask(lab, peer)
    MISFITS[defect](peer, number_of(peer, call))
    lab.did(f"answered with {defect}")
    require_refused(lab, peer)
    answer = call.answer()
    lab.require_that(
        not answer.ok, "no success from it", f"the caller got {answer.payload!r}", "other-answer"
    )


@case("ORD-05", wire="sipc/1", axes="each")
@pytest.mark.parametrize("role", BOTH_ROLES)
@pytest.mark.parametrize("number", [0, 1, NEVER_USED])
@pytest.mark.parametrize("sent", ["nothing", "event"])
def test_answer_without_a_request(lab: Lab, role: Role, number: int, sent: str) -> None:
    """A response comes though nothing was ever asked, or names a message that was no request. The session must end, and
    the program must not see it."""
    control = wired(lab, role)
    control.event(b"control")
    lab.wait(lambda: bool(lab.iut_view(control).delivered))
    lab.require_control_that(control.goes_on(), "the session did not go on after an event")
    control.hang_up()
    peer = wired(lab, role)
    if sent == "event":
        lab.call(role, "send", {"conn": lab.iut_conn(peer), "payload": "aGVsbG8="})
        peer.expect("MSG")
    peer.respond(number, 0, b"nobody asked")
    lab.did(f"answered number {number}; {sent} had been sent")
    require_refused(lab, peer)


@case("ORD-05", wire="sipc/1", role="client", needs=("request",), axes="each")
@pytest.mark.parametrize("status", [0, 14])
@pytest.mark.parametrize("other", ["none-open", "one-open"])
def test_second_answer(lab: Lab, status: int, other: str) -> None:
    """A request is answered twice. The second answer belongs to nobody: it must not reach a caller whose request is open,
    and the session must end."""
    peer = wired(lab, "client")
    _answered_in_turn(lab, peer)
    first = ask(lab, peer)
    later = ask(lab, peer) if other == "one-open" else None
    mid = number_of(peer, first)
    if later is not None:
        number_of(peer, later)
    peer.respond(mid, 0, first.payload)
    peer.respond(mid, status, b"again" if status == 0 else ...)
    lab.did("answered the same request twice")
    answer = first.answer()
    lab.require_that(
        answer.ok and answer.payload == first.payload,
        "the first answer to stand",
        f"{answer}",
        "other-answer",
    )
    require_refused(lab, peer)
    if later is not None:
        told = later.answer()
        lab.require_that(
            not told.ok and told.executed != "no",
            "the other caller to be told that its outcome is unknown",
            f"{told}",
            "other-answer",
        )


@case("ORD-05", wire="sipc/1", role="server", needs=("request",), axes="each")
def test_every_request_is_answered_once(lab: Lab) -> None:
    """The case asks the server under test many things at once, some of which take longer than others. Every request must
    be answered exactly once, under its own number, with its own content."""
    peer = wired(lab, "server")
    control = peer.request("echo", b"control")
    first = peer.response_to(control)
    lab.require_control_that(
        first is not None and first.fields.get(14) == b"control", "echo was not answered"
    )
    asked: Asked = {}
    with peer.together():
        for turn in range(24):
            if turn % 4 == 1:
                asked[peer.request("wait", b"%d" % (turn % 3), okey=b"%d" % turn)] = b"done"
            else:
                payload = lab.payload()
                asked[peer.request("echo", payload, okey=b"%d" % (turn % 5))] = payload
    wrong = answered_requests(lab, peer, asked)
    lab.did("asked 24 things at once")
    lab.require_that(not wrong, "one answer to each, its own", wrong, "other-answer")
    view = over(lab, peer)
    lab.require_that(not view.endings, "the session to go on", f"it ended: {view.endings}", "ended")

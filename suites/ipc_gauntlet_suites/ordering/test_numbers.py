"""Numbers of messages name one message for a whole session, so that a late answer finds nobody else."""

import pytest

from ipc_gauntlet import Lab, Role, WirePeer, case
from ipc_gauntlet_suites.ordering.asking import ask, number_of
from ipc_gauntlet_suites.ordering.wired import require_refused, wired
from ipc_gauntlet_suites.scripts import BOTH_ROLES

LIMITS = {"8-bits": 2**8, "16-bits": 2**16, "31-bits": 2**31, "32-bits": 2**32, "53-bits": 2**53}
SOON_MS = 200
LATER_MS = 60_000


def _given_up(lab: Lab, peer: WirePeer, how: str) -> int:
    """Have the client under test make a request and give it up; return the request's number."""
    tag = lab.name("tag")
    if how == "timed-out":
        question = ask(lab, peer, deadline_ms=SOON_MS)
        number = number_of(peer, question)
        lab.advance(SOON_MS + 1, "client")
    else:
        question = ask(lab, peer, deadline_ms=LATER_MS, tag=tag)
        number = number_of(peer, question)
        lab.configure("client", "cancel", conn=lab.iut_conn(peer), tag=tag)
    answer = question.answer()
    lab.require_that(not answer.ok, "a request that was given up to fail", f"{answer}", "other-answer")
    return number


def _in_time(lab: Lab, peer: WirePeer) -> None:
    """The positive control: an answer that comes in time reaches its caller."""
    peer.by_hand()
    question = ask(lab, peer, deadline_ms=LATER_MS)
    peer.respond(number_of(peer, question), 0, question.payload)
    answer = question.answer()
    lab.require_control_that(answer.ok and answer.payload == question.payload, f"an answer in time: {answer}")


@case("ORD-06", wire="sipc/1", role="client", needs=("request", "cancel", "virtual-clock"), axes="each")
@pytest.mark.parametrize("how", ["timed-out", "cancelled"])
@pytest.mark.parametrize(
    ("late", "newer"), [("one", "open"), ("several", "open"), ("several", "answered"), ("one", "none")]
)
def test_late_answer(lab: Lab, how: str, late: str, newer: str) -> None:
    """Requests are given up, newer ones are made, and then the answers to the old ones come. They must reach nobody; the
    newer requests must get their own answers, and the session must go on."""
    peer = wired(lab, "client", virtual=True)
    _in_time(lab, peer)
    old = [_given_up(lab, peer, how) for _ in range(1 if late == "one" else 3)]
    questions = [ask(lab, peer, deadline_ms=LATER_MS) for _ in range(0 if newer == "none" else 3)]
    numbers = [number_of(peer, question) for question in questions]
    lab.require_that(
        len({*old, *numbers}) == len(old) + len(numbers),
        "a new number for each",
        f"{old}, {numbers}",
        "number-reused",
    )
    if newer == "answered":
        peer.respond(numbers[0], 0, questions[0].payload)
    for number in reversed(old):
        peer.respond(number, 0, b"late")
    lab.did(f"answered {len(old)} requests that were {how}; newer ones: {newer}")
    for number, question in list(zip(numbers, questions, strict=True))[1 if newer == "answered" else 0 :]:
        peer.respond(number, 0, question.payload)
    for question in questions:
        answer = question.answer()
        lab.require_that(
            answer.ok and answer.payload == question.payload,
            "each newer request to get its own answer",
            f"{answer.payload!r}" if answer.ok else f"{answer}",
            "other-answer",
        )
    lab.require_that(peer.goes_on(), "the session to go on", f"it did not: {peer.ended}", "ended")
    if lab.has("metrics"):
        count = lab.metrics("client")["late_reply"]
        lab.require_that(
            count == len(old), f"{len(old)} late answers counted", f"{count} counted", "not-counted"
        )


@case("ORD-06", wire="sipc/1", role="client", needs=("request", "cancel", "virtual-clock"), axes="each")
@pytest.mark.parametrize("how", ["timed-out", "cancelled"])
def test_second_late_answer(lab: Lab, how: str) -> None:
    """A request that was given up is answered twice, while a newer one is open. The first answer is late, the second one
    belongs to nobody: the session must end, and the newer request must not be answered by it."""
    peer = wired(lab, "client", virtual=True)
    _in_time(lab, peer)
    old = _given_up(lab, peer, how)
    newer = ask(lab, peer, deadline_ms=LATER_MS)
    number_of(peer, newer)
    peer.respond(old, 0, b"late")
    peer.respond(old, 0, b"late")
    lab.did(f"answered a request that was {how} twice")
    require_refused(lab, peer)
    answer = newer.answer()
    lab.require_that(
        not answer.ok, "the newer request not answered by it", f"{answer.payload!r}", "other-answer"
    )


@case("ORD-06", wire="sipc/1", role="client", needs=("request", "debug"), axes="each")
@pytest.mark.parametrize("limit", LIMITS)
def test_numbers_beyond_a_limit(lab: Lab, limit: str) -> None:
    """The client's messages come near a number that is too large for so many bits. Their numbers must go on, and each
    answer must reach the request that has its number."""
    peer = wired(lab, "client")
    _in_time(lab, peer)
    conn, start = lab.iut_conn(peer), LIMITS[limit] - 2
    lab.configure("client", "set-counter", conn=conn, direction="send", value=start, of="messages")
    questions = [ask(lab, peer) for _ in range(4)]
    numbers = [number_of(peer, question) for question in questions]
    lab.did(f"had the client go on with message {start}")
    lab.require_that(
        numbers == list(range(start, start + 4)), f"numbers from {start} on", f"{numbers}", "number-reused"
    )
    for number, question in reversed(list(zip(numbers, questions, strict=True))):
        peer.respond(number, 0, question.payload)
    for question in questions:
        answer = question.answer()
        lab.require_that(
            answer.ok and answer.payload == question.payload,
            "each request to get its own answer",
            f"{answer}",
            "other-answer",
        )


@case("ORD-06", wire="sipc/1", axes="each", needs=("request",))
@pytest.mark.parametrize("role", BOTH_ROLES)
def test_numbers_of_all_messages(lab: Lab, role: Role) -> None:
    """The implementation under test sends messages of every kind: events, requests that succeed, fail or are given up,
    answers. Each must have a number of its own in its direction, one more than the one before."""
    lab.need("cancel", "nothing is given up")
    peer = wired(lab, role)
    conn = lab.iut_conn(peer)
    sent = 0
    for turn in range(40):
        if turn % 2 == 0:
            lab.submit(role, "send", {"conn": conn, "payload": "aGVsbG8="})
            sent += 1
        elif role == "server":
            peer.request("echo" if turn % 3 else "unknown", b"question")
            sent += 1
        else:
            tag = lab.name("tag")
            question = ask(lab, peer, tag=tag)
            peer.by_hand()
            sent += 1
            number = number_of(peer, question)
            if turn % 3:
                peer.respond(number, 14 if turn % 5 else 0, ... if turn % 5 else b"answer")
            else:
                lab.configure("client", "cancel", conn=conn, tag=tag)
                sent += 1
    lab.wait(lambda: len(peer.messages) >= sent or peer.ended is not None)
    numbers = [message.fields[2] for message in peer.messages]
    lab.require_control_that(len(numbers) == sent, f"{len(numbers)} of {sent} messages came")
    lab.require_that(
        numbers == list(range(sent)),
        "numbers from 0 on, without gap or repetition",
        f"{numbers}",
        "number-reused",
    )

"""Requests between one implementation under test and the case itself, and whose answers they get."""

import base64
from dataclasses import dataclass

from ipc_gauntlet import Answer, Call, Inconclusive, Lab, WirePeer
from ipc_gauntlet_suites.scripts import answer_of

METHOD, BODY, STATUS = 4, 14, 15

#: What a server was asked: the right answer by the request's number.
Asked = dict[int, bytes]


@dataclass(frozen=True, slots=True)
class Question:
    """A request that a client under test has sent to the case.

    Args:
        lab: The case's lab.
        call: The driver's call, which ends with the request's outcome.
        payload: Its content.
    """

    lab: Lab
    call: Call
    payload: bytes

    def answer(self) -> Answer:
        """Wait for what the client's caller is told.

        Raises:
            Inconclusive: It is never told anything.
        """
        if not self.lab.wait(lambda: self.call.done):
            raise Inconclusive("the outcome of a request never came")
        outcome = answer_of(self.call)
        reason, executed, code = (str(outcome.get(name, "")) for name in ("reason", "executed", "code"))
        payload = base64.b64decode(str(outcome.get("payload", "")))
        return Answer(outcome.get("status") == "ok", payload, reason, executed, code)


def ask(lab: Lab, peer: WirePeer, *, deadline_ms: int | None = None, tag: str | None = None) -> Question:
    """Have the client under test send a request to the case.

    Args:
        lab: The case's lab.
        peer: The case's own side.
        deadline_ms: When the client gives up.
        tag: A name under which it can be given up.
    """
    payload = lab.payload("question")
    params: dict[str, object] = {
        "conn": lab.iut_conn(peer),
        "kind": "request",
        "operation": "echo",
        "payload": base64.b64encode(payload).decode("ascii"),
    }
    if deadline_ms is not None:
        params["deadline_ms"] = deadline_ms
    if tag is not None:
        params["tag"] = tag
    return Question(lab, lab.submit("client", "send", params), payload)


def number_of(peer: WirePeer, question: Question) -> int:
    """Wait for a request and return its number.

    Raises:
        Inconclusive: It never came.
    """

    def numbers() -> list[int]:
        return [int(one.fields[2]) for one in peer.messages if one.fields.get(BODY) == question.payload]

    peer.wait(lambda: bool(numbers()) or question.call.done)
    if not numbers():
        raise Inconclusive("a request of the client under test never came")
    return numbers()[0]


def answered_requests(lab: Lab, peer: WirePeer, asked: Asked) -> str:
    """Wait until every request has an answer and nothing moves any more.

    Returns:
        What is wrong with the answers; empty when each request got one, its own.
    """
    lab.wait(lambda: all(mid in peer.responses for mid in asked) or peer.ended is not None)
    peer.settle()
    for mid, answers in peer.responses.items():
        if mid in asked and len(answers) > 1:
            return f"{len(answers)} answers to one request"
    for mid, payload in asked.items():
        answers = peer.responses.get(mid, [])
        if not answers:
            return "a request without an answer"
        if answers[0].fields.get(STATUS) != 0 or answers[0].fields.get(BODY) != payload:
            return f"an answer with {answers[0].fields.get(BODY)!r} in place of {payload!r}"
    return ""

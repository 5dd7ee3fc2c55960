"""Every run of one keyed operation: a client that retries, a network that loses and repeats, one crash, an expiring
record. Small enough to look at all of them."""

from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

RETRIES = 3
COPIES = 2

DESIGNS = {
    "correct": "the record is made with the effect, durably, and kept for as long as anybody may retry",
    "no_dedup": "there is no record",
    "effect_then_record": "the effect first, its record in a step of its own",
    "cache_volatile": "the record does not survive a crash",
    "no_inprogress": "a duplicate that comes while the first one runs finds nothing",
    "ttl_short": "the record may expire while the client still retries",
}


class State(NamedTuple):
    """A moment of a run.

    Attributes:
        sent: Attempts the client has made.
        requests: Copies of the request on their way.
        running: Executions that have begun and have had no effect yet.
        unrecorded: Effects of which the record is still to be written.
        effects: How often the effect happened.
        record: What is remembered: nothing, an execution that runs, or its answer.
        answers: Answers on their way.
        answered: The client has one.
        crashed: The responder has crashed once.
    """

    sent: int = 0
    requests: int = 0
    running: int = 0
    unrecorded: int = 0
    effects: int = 0
    record: str = ""
    answers: int = 0
    answered: bool = False
    crashed: bool = False


Step = tuple[str, State]


def steps(state: State, design: str) -> Iterator[Step]:
    """Everything that can happen next."""
    yield from _client(state)
    yield from _network(state)
    yield from _responder(state, design)
    if not state.crashed:
        yield "crash", _crash(state, design)
    if design == "ttl_short" and state.record == "answer":
        yield "the record expires", state._replace(record="")


def _client(state: State) -> Iterator[Step]:
    if not state.answered and state.sent <= RETRIES:
        yield "send", state._replace(sent=state.sent + 1, requests=min(state.requests + 1, COPIES))
    if state.answers:
        yield "answer arrives", state._replace(answers=state.answers - 1, answered=True)


def _network(state: State) -> Iterator[Step]:
    if state.requests:
        yield "request is lost", state._replace(requests=state.requests - 1)
    if 0 < state.requests < COPIES:
        yield "request is repeated", state._replace(requests=state.requests + 1)
    if state.answers:
        yield "answer is lost", state._replace(answers=state.answers - 1)


def _responder(state: State, design: str) -> Iterator[Step]:
    if state.requests:
        yield "request arrives", _arrive(state._replace(requests=state.requests - 1), design)
    if state.running:
        after = state._replace(running=state.running - 1, effects=state.effects + 1)
        if design == "effect_then_record":
            yield "effect", after._replace(unrecorded=1)
        else:
            record = "" if design == "no_dedup" else "answer"
            yield "effect and record", after._replace(record=record, answers=1)
    if state.unrecorded:
        yield "record", state._replace(unrecorded=0, record="answer", answers=1)


def _arrive(state: State, design: str) -> State:
    if state.record == "answer":
        return state._replace(answers=1)
    busy = state.running or state.unrecorded
    if busy and design not in {"no_dedup", "no_inprogress"}:
        return state
    # More than two at once shows nothing new.
    return state._replace(running=min(state.running + 1, 2))


def _crash(state: State, design: str) -> State:
    record = "" if design == "cache_volatile" else state.record
    return state._replace(running=0, unrecorded=0, record=record, answers=0, crashed=True)


def explore(design: str) -> tuple[int, list[str] | None]:
    """Look at every state that can be reached, nearest first.

    Returns:
        How many there are (up to the first bad one), and the shortest way to two effects; None if there is none.
    """
    start = State()
    ways: dict[State, list[str]] = {start: []}
    queue = deque([start])
    while queue:
        state = queue.popleft()
        if state.effects > 1:
            return len(ways), ways[state]
        for what, following in steps(state, design):
            if following not in ways:
                ways[following] = [*ways[state], what]
                queue.append(following)
    return len(ways), None

"""Requests under way, budgets, lanes, and what a duplicate gets."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from sipc.cbor import Value
from sipc.envelope import Envelope, Kind, build
from sipc.errors import LocalError, ProtocolError
from sipc.idempotency import Decision, Entry, Outcome, decide, fingerprint, has_expired
from sipc.ordering import Lanes
from sipc.rpc import Call, OpenCalls, OwedAnswers, clamp_budget


@pytest.mark.parametrize(
    ("given_ms", "wire_ms"),
    [
        (0.2, 1),
        (1, 1),
        (1.9, 1),
        (300, 300),
        (600_000, 600_000),
        (600_001, 600_000),
        (2**63, 600_000),
        (math.inf, 600_000),
    ],
)
def test_budget_is_clamped(given_ms: float, wire_ms: int) -> None:
    """Whatever the caller says, the wire has 1 to 600000."""
    assert clamp_budget(given_ms) == wire_ms


@pytest.mark.parametrize("given_ms", [0, -1, -math.inf, math.nan])
def test_no_time_left_is_not_sent(given_ms: float) -> None:
    """A request without time fails at its caller."""
    with pytest.raises(LocalError) as caught:
        clamp_budget(given_ms)
    assert caught.value.reason == "timeout"


def test_a_call_decides_its_fields() -> None:
    """A call's fields are those of an event plus key and budget."""
    fields = Call("a.b", b"x", idem=bytes(16), budget_ms=20).fields()
    assert build(Kind.REQUEST, 0, fields).budget_ms == 20


def test_a_response_settles_one_request_once() -> None:
    """The second response to a request is an error."""
    calls = OpenCalls()
    calls.add(0, 10.0)
    calls.add(1, 10.0)
    assert calls.settle(1)
    with pytest.raises(ProtocolError):
        calls.settle(1)
    assert calls.settle(0)


def test_a_response_to_nothing_is_an_error() -> None:
    """A number that was never asked with is not matched to anything."""
    calls = OpenCalls()
    calls.add(3, 10.0)
    with pytest.raises(ProtocolError):
        calls.settle(2)
    assert calls.settle(3)


def test_a_late_reply_is_counted_and_settles_nothing_else() -> None:
    """A reply to a request that was given up does not reach a newer one."""
    calls = OpenCalls()
    calls.add(0, 10.0)
    assert calls.expire(10.0) == [0]
    calls.add(1, 20.0)
    assert not calls.settle(0)
    assert calls.late_replies == 1
    assert calls.settle(1)
    with pytest.raises(ProtocolError):
        calls.settle(0)


def test_given_up_requests_still_count() -> None:
    """The peer may be working on them."""
    calls = OpenCalls()
    calls.add(0, 10.0)
    assert calls.abandon(0)
    assert not calls.abandon(0)
    assert len(calls) == 1
    calls.settle(0)
    assert len(calls) == 0


def test_deadlines_come_in_order_and_on_time() -> None:
    """Nothing expires before its deadline, and everything at it."""
    owed = OwedAnswers()
    for mid, deadline in ((0, 3.0), (1, 1.0), (2, 2.0)):
        owed.add(mid, deadline)
    assert owed.expire(0.999) == []
    assert owed.next_deadline() == 1.0
    assert owed.settle(1)
    assert not owed.settle(1)
    assert owed.next_deadline() == 2.0
    assert owed.expire(3.0) == [2, 0]
    assert owed.next_deadline() is None


def test_taking_all_leaves_nothing() -> None:
    """At the end of a session everything open is returned once."""
    calls = OpenCalls()
    calls.add(0, 1.0)
    calls.add(1, 1.0)
    calls.abandon(0)
    assert calls.take_all() == [1]
    assert len(calls) == 0
    assert calls.next_deadline() is None


# --- lanes ---


def test_a_busy_lane_does_not_hold_up_another() -> None:
    """Lanes are independent; within one, the next runs when the previous has ended."""
    lanes: Lanes[str] = Lanes()
    assert lanes.submit("a", "a1")
    assert not lanes.submit("a", "a2")
    assert lanes.submit("b", "b1")
    assert lanes.done("b") is None
    assert lanes.done("a") == "a2"
    assert lanes.done("a") is None
    assert len(lanes) == 0


def test_an_idle_lane_has_nothing_to_end() -> None:
    """Ending what does not run is a bug of the caller."""
    with pytest.raises(KeyError):
        Lanes[int]().done("a")


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 5)), max_size=60))
def test_order_within_a_lane(steps: list[tuple[str, int]]) -> None:
    """In any interleaving items of a lane run one at a time and in the order of submission."""
    lanes: Lanes[int] = Lanes()
    running: dict[str, int] = {}
    ran: dict[str, list[int]] = {lane: [] for lane in "abc"}
    for number, (lane, action) in enumerate(steps):
        if action and lane in running:
            following = lanes.done(lane)
            del running[lane]
            if following is not None:
                running[lane] = following
                ran[lane].append(following)
        elif lanes.submit(lane, number):
            assert lane not in running
            running[lane] = number
            ran[lane].append(number)
    assert all(order == sorted(order) for order in ran.values())


# --- idempotency ---


def request(**changes: Value) -> Envelope:
    """A keyed request with some keys changed."""
    fields: dict[int, Value] = {4: "app.append", 6: b"k" * 16, 7: 1000, 14: b"body"}
    fields |= {int(name[1:]): value for name, value in changes.items()}
    return build(Kind.REQUEST, 3, fields)


@pytest.mark.parametrize(
    "changes",
    [
        {"k4": "app.other"},
        {"k5": 2},
        {"k8": 0},
        {"k9": "audit"},
        {"k14": b"Body"},
        {"k14": "body"},
        {"k14": None},
    ],
    ids=str,
)
def test_fingerprint_tells_requests_apart(changes: dict[str, Value]) -> None:
    """Method, schema, label, purpose and body all count."""
    assert fingerprint(request(**changes)) != fingerprint(request())


@pytest.mark.parametrize(
    "changes", [{"k7": 5}, {"k13": bytes(25)}, {"k12": b"o"}, {"k5": 1}, {"k8": 3}], ids=str
)
def test_fingerprint_ignores_the_attempt(changes: dict[str, Value]) -> None:
    """Budget, trace, lane, and a default that is spelled out do not make another request."""
    assert fingerprint(request(**changes)) == fingerprint(request())


DONE = Outcome(0, b"\x00")


@pytest.mark.parametrize(
    ("entry", "full", "decision"),
    [
        (None, False, Decision.EXECUTE),
        (None, True, Decision.BUSY),
        (Entry(b"a", 1, None), False, Decision.IN_PROGRESS),
        (Entry(b"a", 1, None), True, Decision.IN_PROGRESS),
        (Entry(b"a", 0, None), False, Decision.UNKNOWN),
        (Entry(b"a", 1, DONE), False, Decision.REPEAT),
        (Entry(b"a", 0, DONE), True, Decision.REPEAT),
        (Entry(b"b", 1, DONE), False, Decision.MISMATCH),
        (Entry(b"b", 1, None), False, Decision.MISMATCH),
        (Entry(b"b", 0, None), False, Decision.MISMATCH),
    ],
)
def test_decisions(entry: Entry | None, full: bool, decision: Decision) -> None:
    """The whole table; a mismatch comes before anything that would tell about the first request."""
    assert decide(entry, b"a", epoch=1, full=full) is decision


def test_horizon() -> None:
    """An entry lives up to its horizon and not beyond."""
    assert not has_expired(100.0, 699.999, 600.0)
    assert has_expired(100.0, 700.0, 600.0)


class AtMostOnce(RuleBasedStateMachine):
    """One keyed operation under duplicates, crashes and restarts."""

    def __init__(self) -> None:
        super().__init__()
        self.entry: Entry | None = None
        self.epoch = 0
        self.running = False
        self.effects = 0
        self.answers: set[bytes | None] = set()

    @rule()
    def duplicate(self) -> None:
        decision = decide(self.entry, b"f", epoch=self.epoch, full=False)
        if decision is Decision.EXECUTE:
            assert not self.running
            self.entry = Entry(b"f", self.epoch, None)
            self.running = True
        elif decision is Decision.REPEAT:
            assert self.entry is not None
            assert self.entry.outcome is not None
            self.answers.add(self.entry.outcome.body)

    @precondition(lambda self: self.running)
    @rule()
    def finish(self) -> None:
        """Effect and record become true in the same step, as a store's transaction makes them."""
        self.effects += 1
        self.entry = Entry(b"f", self.epoch, Outcome(0, b"%d" % self.effects))
        self.running = False

    @precondition(lambda self: self.running)
    @rule()
    def finish_without_record(self) -> None:
        """A crash between the effect and its record of a method that is not durable."""
        self.effects += 1
        self.crash()

    @rule()
    def crash(self) -> None:
        self.running = False
        self.epoch += 1

    @invariant()
    def at_most_one_effect(self) -> None:
        assert self.effects <= 1
        assert len(self.answers) <= 1


TestAtMostOnce = AtMostOnce.TestCase

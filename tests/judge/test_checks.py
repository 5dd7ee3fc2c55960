"""The judge, check by check: each tells apart the outcomes it must tell apart, and for the stated reason."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipc_gauntlet.errors import RequirementViolated
from ipc_gauntlet.judge import Check, EndView, Outcome, checks, require
from ipc_gauntlet.judge.outcome import Ending, Identity

A, B, C, D = b"a1", b"b2", b"c3", b"d4"


def arrived(*payloads: bytes, sent: tuple[bytes, ...] = (A, B, C)) -> Outcome:
    """An outcome in which the client sent A, B, C and these were delivered."""
    return Outcome(server=EndView(delivered=payloads), sent={"c2s": sent, "s2c": ()}, stage="established")


def ended(how: str, reason: str = "unspecified") -> Outcome:
    """An outcome in which the server was told of this end."""
    return Outcome(server=EndView(established=(Identity(),), endings=(Ending(how, reason),)))


@pytest.mark.parametrize(
    ("check", "good", "bad", "reason"),
    [
        (
            checks.delivered_all("c2s"),
            [(A, B, C)],
            [(), (A, B), (A, C, B), (A, B, C, C), (A, B, D)],
            "not-delivered",
        ),
        (checks.delivered_only_sent("c2s"), [(), (A,), (C, A, A)], [(D,), (A, b"a2")], "altered"),
        (
            checks.delivered_at_most_once("c2s"),
            [(), (A, B, C), (C, A)],
            [(A, A), (A, B, C, B)],
            "delivered-twice",
        ),
        (checks.delivered_prefix("c2s"), [(), (A,), (A, B, C)], [(B, A)], "reordered"),
        (checks.delivered_prefix("c2s"), [(A, B)], [(A, C), (B,), (C,)], "gap"),
        (checks.delivered_prefix("c2s"), [(A, B)], [(A, A), (A, B, C, C)], "delivered-twice"),
        (checks.delivered_prefix("c2s"), [(A, B)], [(A, D), (D,)], "altered"),
        (checks.delivered_prefix("c2s", at_most=1), [(), (A,)], [(A, B)], "delivered-beyond"),
        (checks.nothing_delivered("c2s"), [()], [(A,), (D,)], "delivered"),
        (checks.nothing_delivered(), [()], [(A,)], "delivered"),
    ],
)
def test_delivery_checks(
    check: Check, good: list[tuple[bytes, ...]], bad: list[tuple[bytes, ...]], reason: str
) -> None:
    """Each delivery check accepts what it must and names the class of what it refuses."""
    for payloads in good:
        assert check(arrived(*payloads)) is None, payloads
    for payloads in bad:
        finding = check(arrived(*payloads))
        assert finding is not None, payloads
        assert finding.reason == reason
        assert finding.expected
        assert finding.seen


def test_nothing_sent_is_nothing_delivered() -> None:
    """A control in which nothing could be sent has not passed: a dead endpoint would make every case pass."""
    finding = checks.delivered_all("c2s")(Outcome())
    assert finding is not None
    assert finding.reason == "not-sent"


def test_direction_matters() -> None:
    """What arrived at the server says nothing about the other direction."""
    outcome = arrived(A, A)
    assert checks.delivered_at_most_once("s2c")(outcome) is None
    assert checks.delivered_at_most_once("c2s")(outcome) is not None
    assert checks.nothing_delivered("s2c")(outcome) is None


def test_nothing_delivered_looks_both_ways() -> None:
    """Without a direction, a delivery at either end counts."""
    outcome = Outcome(client=EndView(delivered=(A,)))
    assert checks.nothing_delivered()(outcome) is not None


def test_injected_bytes_inside_a_message() -> None:
    """A canary counts as delivered also when it is only a part of a message."""
    outcome = arrived(b"..canary..", sent=())
    assert checks.never_delivered(b"canary")(outcome) is not None
    assert checks.never_delivered(b"canary", "client")(outcome) is None
    assert checks.never_delivered(b"other")(outcome) is None


def test_established_checks() -> None:
    """Established means reported at least once by that role."""
    outcome = ended("clean")
    assert checks.not_established("server")(outcome) is not None
    assert checks.established("server")(outcome) is None
    assert checks.not_established("client")(outcome) is None
    assert checks.established("client")(outcome) is not None


@pytest.mark.parametrize("how", ["truncated", "error", "local"])
def test_only_clean_is_clean(how: str) -> None:
    """Every ending but a clean one passes, a clean one does not, and silence is not an end."""
    assert checks.not_clean("server")(ended(how)) is None
    assert checks.not_clean("server")(ended("clean")) is not None
    assert checks.ended("server")(ended(how)) is None
    assert checks.ended("server")(Outcome()) is not None


def test_refusal_counts_as_end_only_before_established() -> None:
    """A refused attempt has ended; a refused message on a live session has not ended it."""
    refused = EndView(refusals=(("handshake", "authentication"),))
    assert checks.ended("server")(Outcome(server=refused)) is None
    live = dataclasses.replace(refused, established=(Identity(),))
    assert checks.ended("server")(Outcome(server=live)) is not None


def test_only_the_first_report_of_an_end_counts() -> None:
    """An end that was first called clean stays clean."""
    view = EndView(endings=(Ending("clean"), Ending("error")))
    assert checks.not_clean("server")(Outcome(server=view)) is not None
    assert checks.ended_as("server", "error")(Outcome(server=view)) is not None
    assert checks.ended_as("server", "clean")(Outcome(server=view)) is None


def test_reasons_come_from_ends_and_refusals() -> None:
    """Advice on reasons looks at both kinds of report."""
    assert checks.refused_for("server", "integrity")(ended("error", "integrity")) is None
    assert checks.refused_for("server", "replay")(ended("error", "integrity")) is not None
    refused = Outcome(server=EndView(refusals=(("handshake", "authentication"),)))
    assert checks.refused_for("server", "authentication")(refused) is None


@pytest.mark.parametrize(("times", "holds"), [(0, False), (1, True), (2, False)])
def test_executions_are_counted(times: int, holds: bool) -> None:
    """Exactly once means exactly once, for that operation and payload only."""
    view = EndView(executed=(("append", A),) * times + (("append", B), ("echo", A)))
    finding = checks.executed_times("append", A, 1, 1)(Outcome(server=view))
    assert (finding is None) is holds


@pytest.mark.parametrize("form", ["raw", "hex", "base64", "utf-16"])
def test_canaries_are_found_in_every_form(form: str) -> None:
    """A secret on the wire is found in whatever common form it has."""
    canary = b"canary-7f3a9c"
    wire = b"\x00\x01" + checks.canary_forms(canary)[form] + b"\xff"
    assert checks.not_in_clear(canary, wire)(Outcome()) is not None
    assert checks.not_in_clear(canary)(Outcome(wire={"c2s": b"", "s2c": wire})) is not None
    assert checks.not_in_clear(canary, b"nothing of it")(Outcome()) is None


@pytest.mark.parametrize("member", ["peer", "version", "suite"])
def test_changed_views_are_noticed(member: str) -> None:
    """A session that came about with another peer, version or suite is a downgrade; none at all is not."""
    view = Identity("server", "1", "best")
    reference = Outcome(client=EndView(established=(view,)))
    worse = dataclasses.replace(view, **{member: "weaker"})
    assert checks.same_views(reference)(Outcome(client=EndView(established=(worse,)))) is not None
    assert checks.same_views(reference)(reference) is None
    assert checks.same_views(reference)(Outcome()) is None


def test_endings_are_compared_with_the_control() -> None:
    """Another way of ending, or not having been established, is a difference."""
    control = ended("clean")
    assert checks.same_endings(control)(ended("clean", "peer-closed")) is None
    assert checks.same_endings(control)(ended("error")) is not None
    assert checks.same_endings(control)(Outcome()) is not None


def test_bindings_must_agree() -> None:
    """Two ends with two bindings are two sessions; an end that tells none proves nothing."""
    one, two = (EndView(established=(Identity(binding=value),)) for value in (b"x", b"y"))
    assert checks.bindings_agree()(Outcome(client=one, server=one)) is None
    assert checks.bindings_agree()(Outcome(client=one, server=two)) is not None
    assert checks.bindings_agree()(Outcome(client=one)) is None


def test_a_ruling_needs_a_check() -> None:
    """A ruling without a check would always pass, so it is refused."""
    with pytest.raises(ValueError, match="at least one check"):
        require(Outcome())


def test_a_ruling_tells_everything_that_broke() -> None:
    """All broken checks are told; the first one gives the reason class."""
    with pytest.raises(RequirementViolated) as caught:
        require(
            arrived(D, D),
            checks.delivered_only_sent("c2s"),
            checks.delivered_prefix("c2s"),
            checks.ended("server"),
        )
    assert caught.value.reason == "altered"
    assert "also delivered" in caught.value.seen
    assert "stayed open" in caught.value.seen


@given(st.lists(st.integers(0, 4), max_size=8))
def test_prefix_agrees_with_its_definition(picked: list[int]) -> None:
    """The prefix check holds exactly for prefixes, whatever was delivered."""
    sent = (b"0", b"1", b"2", b"3", b"4")
    got = tuple(sent[index] for index in picked)
    finding = checks.delivered_prefix("c2s")(arrived(*got, sent=sent))
    assert (finding is None) == (got == sent[: len(got)])


@given(st.lists(st.sampled_from([A, B, C, D]), max_size=8))
def test_prefix_is_the_strictest(payloads: list[bytes]) -> None:
    """Whatever is a prefix of distinct messages is also only-sent and at-most-once."""
    outcome = arrived(*payloads)
    if checks.delivered_prefix("c2s")(outcome) is None:
        assert checks.delivered_only_sent("c2s")(outcome) is None
        assert checks.delivered_at_most_once("c2s")(outcome) is None

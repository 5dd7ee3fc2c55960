"""Two parsers in one target: agreement is a verdict, everything else a disagreement with a cause."""

from __future__ import annotations

import gc
import weakref
from dataclasses import replace

import pytest

from ipc_gauntlet.fuzz import Target
from ipc_gauntlet.fuzz.differential.pair import Disagreement, Second, both
from ipc_gauntlet.fuzz.execute import execute


class First(Exception):
    """The first refuses."""

    reason = "malformed"


class Other(Exception):
    """The second refuses."""


def first(data: bytes) -> object:
    """Takes `a`, `v` and `x`."""
    if data[:1] in (b"a", b"v", b"x"):
        return data[1:]
    if data[:1] == b"k":
        raise KeyError("first")
    raise First(f"{len(data)} bytes")


def _inner(data: bytes) -> None:
    raise Other(f"not {data!r}")


def second(data: bytes) -> object:
    """Takes `a`, `v` and `y`."""
    if data[:1] == b"x":
        _inner(data)
    if data[:1] == b"n":
        raise Other("no")
    if data[:1] == b"z":
        raise ZeroDivisionError("second")
    return data[1:] if data[:1] == b"a" else b"another"


TARGET = Target(
    name="one",
    title="One.",
    layer="other",
    parse=first,
    rejects=(First,),
    measured=(__name__,),
    canonical=False,
)
PAIR = both(TARGET, Second("the other", second, (Other,)), name="pair", measured=("more",))


def test_it_is_a_target_like_any_other() -> None:
    """Modules of both are measured; what belongs to the first alone is left out."""
    assert (PAIR.name, PAIR.measured, PAIR.title) == (
        "pair",
        (__name__, "more"),
        "One; the other must agree.",
    )
    assert PAIR.reference_parser == ""


def test_its_cases_are_for_implementations_of_the_firsts_parser() -> None:
    """No driver is asked beside it; but what is found is a case for anybody's."""
    parsed = replace(TARGET, reference_parser="box")
    again = both(parsed, Second("the other", second, (Other,)), name="again")
    assert (again.reference_parser, again.case_parser) == ("", "box")
    assert (parsed.case_parser, PAIR.case_parser) == ("box", "")
    more = both(again, Second("a third", second, (Other,)), name="more")
    assert more.case_parser == "box"


@pytest.mark.parametrize(
    ("data", "kind", "error"),
    [
        (b"a1", None, "accepted"),
        (b"n", None, "malformed"),
        (b"v1", "disagreement", "values"),
        (b"x", "disagreement", "accepted/refused"),
        (b"y", "disagreement", "malformed/accepted"),
        (b"k", "crash", "KeyError"),
        (b"z", "crash", "ZeroDivisionError"),
    ],
)
def test_verdicts_and_findings(data: bytes, kind: str | None, error: str) -> None:
    """Agreement is the first's verdict; what either does not declare is a crash."""
    done = execute(PAIR, data)
    if kind is None:
        assert done.finding is None
        assert done.verdict is not None
        assert (done.verdict.reason or "accepted") == error
    else:
        assert done.finding is not None
        assert (done.finding.kind, done.finding.error) == (kind, error)


def test_the_stack_is_that_of_the_one_that_refused() -> None:
    """So that two checks are two causes, and numbers tell nothing apart."""
    one, other = execute(PAIR, b"x").finding, execute(PAIR, b"xx").finding
    assert one is not None
    assert other is not None
    assert one.signature == other.signature
    assert [frame.function for frame in one.frames][-2:] == ["second", "_inner"]
    refused = execute(PAIR, b"y").finding
    assert refused is not None
    assert refused.frames[-1].function == "first"


def test_true_is_not_one() -> None:
    """Values are compared by how they look."""
    pair = both(TARGET, Second("o", lambda _: True, ()), name="p")
    with pytest.raises(Disagreement, match="different values"):
        pair.parse(b"a1")
    same = both(TARGET, Second("o", lambda _: True, (), lambda mine, theirs: bool(mine) == theirs), name="p")
    assert same.parse(b"a1") == b"1"


def _word(error: BaseException) -> str:
    return "malformed" if str(error) == "no" else "other"


def test_reasons_are_compared_where_both_have_them() -> None:
    """A wrong class of answer is a disagreement, with the stack of the first's refusal."""
    pair = both(TARGET, Second("the other", _refuse, (Other,), reason=_word), name="p")
    assert execute(pair, b"n").finding is None
    found = execute(pair, b"m").finding
    assert found is not None
    assert (found.kind, found.error, found.frames[-1].function) == (
        "disagreement",
        "malformed/other",
        "first",
    )
    assert "refuses for another reason (other: no m)" in found.message


def _refuse(data: bytes) -> object:
    raise Other("no" if data == b"n" else "no m")


def test_refusals_leave_no_cycle() -> None:
    """A campaign makes millions of them."""
    gc.collect()
    gc.disable()
    try:
        with pytest.raises(First) as caught:
            PAIR.parse(b"n")
        gone = weakref.ref(caught.value)
        del caught
        assert gone() is None
    finally:
        gc.enable()

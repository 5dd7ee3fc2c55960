"""Two verdicts held against each other."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import replace as change

import pytest

from ipc_gauntlet.fuzz import Target
from ipc_gauntlet.fuzz.differential.answers import Answer, template
from ipc_gauntlet.fuzz.differential.compare import Reference, compare, refer


class Refused(Exception):
    """The reference says no."""

    def __init__(self, reason: str, text: str = "") -> None:
        super().__init__(text)
        self.reason = reason


@dataclass(frozen=True)
class Box:
    """A value that is no JSON."""

    body: bytes


def parse(data: bytes) -> Box:
    """Accepts what begins with `a`."""
    if data[:1] == b"l":
        raise Refused("limit", f"{len(data)} bytes are too many")
    if data[:1] == b"o":
        raise Refused("of my own")
    if data[:1] != b"a":
        raise Refused("malformed", f"{len(data)} bytes and no a")
    return Box(data)


TARGET = Target(name="t", title="T", layer="other", parse=parse, rejects=(Refused,), measured=(__name__,))


def finding(data: bytes, answer: Answer, target: Target = TARGET) -> tuple[str, str] | None:
    """Kind and error of what comes of it."""
    found = compare(target, data, refer(target, data), answer)
    return None if found is None else (found.kind, found.error)


NO = Answer(False, "malformed")
YES = Answer(True)


@pytest.mark.parametrize(
    ("data", "answer", "expected"),
    [
        (b"a", YES, None),
        (b"b", NO, None),
        (b"b", Answer(False, "unspecified"), None),
        (b"o", NO, None),
        (b"b", YES, ("disagreement", "malformed/accepted")),
        (b"a", NO, ("disagreement", "accepted/malformed")),
        (b"l", NO, ("wrong-answer", "limit/malformed")),
    ],
)
def test_verdicts(data: bytes, answer: Answer, expected: tuple[str, str] | None) -> None:
    """Accepting and refusing differ; reasons of the closed list differ; `unspecified` is never held against anybody."""
    assert finding(data, answer) == expected


def test_values_are_compared_where_the_target_can_tell_them() -> None:
    """As JSON, in which True is not 1; without a way to tell, and without a value, not at all."""
    told = change(TARGET, told=lambda data: {"body": data.decode(), "flags": [True]})
    assert finding(b"a", Answer(True, "", {"flags": [True], "body": "a"}), told) is None
    assert finding(b"a", Answer(True, "", {"flags": [1], "body": "a"}), told) == (
        "disagreement",
        "value flags[]",
    )
    assert finding(b"a", Answer(True, "", {"flags": [True]}), told) == ("disagreement", "value body")
    assert finding(b"a", Answer(True, "", None), told) is None
    assert finding(b"a", Answer(True, "", "anything")) is None


def test_values_with_one_encoding_are_compared_by_it() -> None:
    """In base64, as the document says."""
    canonical = change(TARGET, encode=lambda box: box.body, canonical=True)
    assert finding(b"abc", Answer(True, "", "YWJj"), canonical) is None
    assert finding(b"abc", Answer(True, "", "YWJk"), canonical) == ("disagreement", "value ")


def test_one_check_is_one_signature() -> None:
    """Numbers in messages tell nothing apart; checks, reasons and directions do."""

    def signature(data: bytes, answer: Answer) -> str:
        found = compare(TARGET, data, refer(TARGET, data), answer)
        assert found is not None
        return found.signature

    assert signature(b"b", YES) == signature(b"bbbb", YES)
    assert len({signature(b"b", YES), signature(b"l", YES), signature(b"a", NO), signature(b"l", NO)}) == 4
    assert template("0xdeadBEEF and 17") == template("0x1 and 4")


def test_a_check_is_known_by_its_place() -> None:
    """For feedback: two refusals with one word at two places are two."""
    checks = {refer(TARGET, data).check for data in (b"a", b"b", b"bb", b"l", b"o")}
    assert len(checks) == 4
    assert Reference(refer(TARGET, b"a").verdict).check == "accepted"

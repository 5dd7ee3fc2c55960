"""The grammar of messages, written down twice from section 13, and held against each other."""

from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

import sipc.envelope
from ipc_gauntlet.peer import cbor
from ipc_gauntlet.peer.grammar import ROWS, wrong_with
from sipc.errors import MalformedError

METHODS = st.sampled_from(
    ["app.echo", "a.b", "echo", "a..b", "A.b", "a.b-c", "a" * 127 + ".b", "a.1", "é.b", ".".join("a" * 9)]
)
GOOD: dict[int, st.SearchStrategy[Any]] = {
    0: st.sampled_from([1, 1, 1, 0, 2]),
    1: st.integers(0, 4),
    2: st.integers(0, 3),
    3: st.integers(0, 3),
    4: METHODS,
    5: st.integers(-1, 3),
    6: st.sampled_from([b"k" * size for size in (15, 16, 32, 33)]),
    7: st.sampled_from([0, 1, 5000, 600_000, 600_001]),
    8: st.integers(-1, 4),
    9: st.sampled_from(["", "test", "p" * 128, "p" * 129, "ü" * 64, "ü" * 65]),
    10: st.sampled_from([b"", b"c"]),
    11: st.lists(st.sampled_from([["a", "b", b"c"], ["a", "b"], ["a", b"b", b"c"], 1]), max_size=2)
    | st.just([["a", "b", b"c"]] * 17),
    12: st.sampled_from([b"", b"o" * 32, b"o" * 33]),
    13: st.sampled_from([b"t" * 24, b"t" * 25]),
    14: st.sampled_from([None, 0, b"x", {}]),
    15: st.sampled_from([-1, 0, 1, 255, 256]),
    16: st.sampled_from(
        [{}, {0: b"r" * 8}, {0: b"r"}, {1: True}, {1: 1}, {2: 600_000}, {2: 600_001}, {3: 0}, []]
    ),
    17: st.lists(st.sampled_from([0, 14, 64, 70, -1, 1 << 64, "a"]), max_size=3),
    18: st.sampled_from(["", "f", "f" * 256]),
    19: st.just("t"),
    20: st.sampled_from([b"s" * 64, b"s" * 63]),
    21: st.sampled_from([[b"i" * 16, 5], [b"i", 5], [b"i" * 16], [b"i" * 16, -1]]),
}
OTHER_KEYS = st.sampled_from([22, 63, 64, 70, -1, "a", b"a"])


@st.composite
def maps(draw: st.DrawFn) -> dict[Any, Any]:
    """Maps that are often nearly right: the required keys of a kind, and some more."""
    kind = draw(st.integers(0, 3))
    required = [key for key, row in ROWS.items() if row.where[kind] == "*"]
    fields: dict[Any, Any] = {key: draw(GOOD[key]) for key in required}
    fields[1] = kind
    for key in draw(st.lists(st.sampled_from(sorted(GOOD)), max_size=3)):
        fields[key] = draw(GOOD[key])
    for key in draw(st.lists(OTHER_KEYS, max_size=1)):
        fields[key] = 0
    for key in draw(st.lists(st.sampled_from(sorted(GOOD)), max_size=1)):
        fields.pop(key, None)
    return fields


REQUEST = {0: 1, 1: 0, 2: 0, 4: "app.echo", 7: 1000}


def fatal_for_the_reference(fields: dict[Any, Any]) -> bool:
    """Whether the map ends a session; a message that is only refused does not."""
    try:
        sipc.envelope.decode(cbor.encode(fields))
    except MalformedError:
        return True
    except sipc.envelope.UnsupportedEnvelope:
        return False
    return False


@given(maps())
@example(REQUEST)
@example({**REQUEST, 17: [70, 71], 70: 0})
@example({**REQUEST, 17: [71, 70], 70: 0})
@example({0: 1, 1: 1, 2: 0, 3: 0, 15: 0, 16: {}})
@example({0: 1, 1: 1, 2: 0, 3: 0, 15: 4, 14: None})
@example({0: 1, 1: 3, 2: 0, 3: 0, 13: b"t" * 25, 17: [13]})
@example({0: 2, 1: 2, 2: 0, 4: "app.message", 17: [14]})
def test_both_find_the_same_maps_wrong(fields: dict[Any, Any]) -> None:
    """Whichever version it is of: what the grammar forbids is fatal, before anything is unsupported."""
    assert (wrong_with(fields) is not None) == fatal_for_the_reference(fields), wrong_with(fields)


def test_what_is_wrong_is_said() -> None:
    """In words that a report can show."""
    assert wrong_with(REQUEST) is None
    assert wrong_with({1: 7}) == "no kind of message"
    assert wrong_with({**REQUEST, "a": 0}) == "a key that is no number: 'a'"
    assert wrong_with({**REQUEST, 15: 0}) == "key 15 does not belong into a request"
    assert wrong_with({**REQUEST, 7: 0}) == "the value of key 7 is out of its range"
    assert wrong_with({0: 1, 1: 0, 2: 0, 4: "app.echo"}) == "a request without key 7"
    assert wrong_with({**REQUEST, 17: [70]}) == "crit lists key 70, which is not there"

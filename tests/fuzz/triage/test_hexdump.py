"""Every byte of an input is shown once, beside its field."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ipc_gauntlet.fuzz.target import Part
from ipc_gauntlet.fuzz.triage.hexdump import decoded, plain


def shown(lines: list[str]) -> bytes:
    return bytes.fromhex("".join(line[6:53] for line in lines if "lines more" not in line))


@given(st.binary(max_size=90))
def test_all_bytes_are_shown(data: bytes) -> None:
    assert shown(plain(data)) == data if data else plain(data) == ["0000  (nothing)"]


@given(st.binary(max_size=60), st.lists(st.tuples(st.integers(0, 70), st.integers(0, 40), st.integers(0, 3))))
def test_whatever_the_parts_are_no_byte_is_lost_or_shown_twice(
    data: bytes, places: list[tuple[int, int, int]]
) -> None:
    parts = [Part(offset, length, "f", "v", depth) for offset, length, depth in sorted(places)]
    assert shown(decoded(data, parts)) == data


def test_fields_stand_beside_their_bytes() -> None:
    parts = [
        Part(0, 5, "record", "", 0),
        Part(1, 2, "record.length", "2", 1),
        Part(3, 2, "record.body", "'hi'", 1),
        Part(5, 1, "rest", "", 0),
    ]
    assert [" ".join(line.split()) for line in decoded(b"\x07\x00\x02hi!", parts)] == [
        "0000 07 record",
        "0001 00 02 record.length = 2",
        "0003 68 69 record.body = 'hi'",
        "0005 21 rest",
    ]
    assert decoded(b"\x07\x00\x02hi!", parts)[1].endswith("    record.length = 2")  # set in


def test_long_fields_are_cut_in_the_middle() -> None:
    lines = decoded(bytes(1000), [Part(0, 1000, "body", "zeros")])
    assert len(lines) == 6
    assert "58 lines more" in lines[4]
    assert lines[5].startswith("03e0")
    assert len(plain(bytes(1000), most=8)) == 8

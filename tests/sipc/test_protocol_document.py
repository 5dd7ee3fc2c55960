"""The protocol document says what the code does, where both have it as a table."""

import re
from pathlib import Path

import pytest

from sipc import cbor, negotiation
from sipc.envelope import RULES, Kind
from sipc.handshake import Initiator, Responder
from sipc.negotiation import Kind as Negotiation
from sipc.records import MAX_PAYLOAD, RecordType
from sipc.suites import SUITES, VERSIONS
from sipc.timers import TIMERS, Timer

DOCUMENT = (Path(__file__).resolve().parents[2] / "docs" / "sipc1.md").read_text("utf-8")


def section(number: int) -> str:
    """The text of one section."""
    _, _, rest = DOCUMENT.partition(f"\n## {number}. ")
    return rest.partition("\n## ")[0]


def rows(number: int) -> list[list[str]]:
    """The cells of all table rows of a section, without the rules below headings."""
    lines = [
        line for line in section(number).splitlines() if line.startswith("|") and not line.startswith("|--")
    ]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_the_suites() -> None:
    """Numbers, names and modes in section 2 are those of the code."""
    listed = {
        int(cells[0], 16): (cells[1].strip("`"), cells[2])
        for cells in rows(2)
        if re.fullmatch(r"0x00[0-9a-f]{2}", cells[0])
    }
    assert listed == {number: (suite.name, suite.mode.value) for number, suite in SUITES.items()}
    for application in VERSIONS.values():
        assert f"`{application.decode()}`" in section(2)


def test_the_states_of_the_handshake() -> None:
    """Each legal frame of section 8 has a rule in the code, and each rule its row."""
    words = {"accept": "NONE", "empty, message 3": "NONE", "RETRY": "RETRY", "REJECT": "REJECT"}
    words |= {"OFFER": "OFFER", "CHOICE": "CHOICE"}
    listed, state = set(), ""
    for cells in rows(8):
        if cells[1] in words:
            state = cells[0] or state
            listed.add((state, words[cells[1]]))
    rules = {(state.name, kind.name) for party in (Initiator, Responder) for state, kind in party._RULES}
    assert rules - listed == {
        ("RETRIED", "RETRY")
    }  # listed as illegal in section 4, with a reason of its own
    assert listed <= rules


def test_the_numbers_of_negotiation_records_and_limits() -> None:
    """Kind bytes, record types and limits are written as the code has them."""
    for kind in Negotiation:
        if kind is not Negotiation.NONE:
            assert re.search(rf'{kind.name} +:= "SIPC" \| 0x0{kind.value} ', section(4))
    assert f"at most {negotiation.MAX_NEGOTIATION} bytes" in section(3)
    types = {int(cells[0], 16): cells[1] for cells in rows(9) if re.fullmatch("0x0[1-7]", cells[0])}
    assert types == {int(kind): kind.name for kind in RecordType}
    assert f"{MAX_PAYLOAD} bytes of a message" in " ".join(section(9).split())
    assert (cbor.DEFAULT.depth, cbor.DEFAULT.entries, cbor.DEFAULT.string) == (16, 1024, 2**20)
    assert "16 containers" in section(17)
    assert "1024 elements" in section(17)


def test_the_envelope() -> None:
    """Section 13 has every key, required and allowed for the kinds for which the code has it."""
    kinds = (Kind.REQUEST, Kind.RESPONSE, Kind.EVENT, Kind.CANCEL)
    listed = {}
    for cells in rows(13)[1:]:
        for key in cells[0].split(", "):
            marks = dict(zip(kinds, cells[-4:], strict=True))
            required = {kind for kind, mark in marks.items() if mark == "*"}
            listed[int(key)] = (required, {kind for kind, mark in marks.items() if mark})
    assert listed == {int(key): (set(rule.required), set(rule.allowed)) for key, rule in RULES.items()}


@pytest.mark.parametrize("timer", Timer, ids=str)
def test_the_timers(timer: Timer) -> None:
    """Section 16 has every timer with its default."""
    units = {"s": 1, "min": 60, "h": 3600}
    named = {cells[0]: cells[1] for cells in rows(16)}
    cell = named["horizon" if timer is Timer.IDEMPOTENCY else str(timer)]
    match = re.match(r"(\d+) (s|min|h)\b", cell)
    assert match is not None
    assert int(match[1]) * units[match[2]] == TIMERS[timer].default

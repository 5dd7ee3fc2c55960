"""Parsers, input by input: vectors that pin each check, one way of spelling it and one way of getting it wrong."""

import pytest

from ipc_gauntlet import Lab, case
from ipc_gauntlet_suites.schema.reading import Parser, told

FIELDS = ("envelope", "ready", "close", "record", "negotiation", "offer", "certificate")


def refuses(lab: Lab, parser: Parser) -> None:
    """Demand that whatever must be refused is, and put other reasons into the report."""
    parser.control(accepted=True)
    readings = parser.read_all(accepted=False)
    lab.did(f"gave {len(readings)} inputs to the parser {parser.name} that it must refuse")
    failed = [one for one in readings if one.accepted is None]
    lab.require_that(not failed, "a refusal", told(failed), "failed")
    taken = [one for one in readings if one.accepted]
    lab.require_that(not taken, "every input to be refused", told(taken), "accepted")
    parser.note_reasons(readings)


def accepts(lab: Lab, parser: Parser) -> None:
    """Demand that whatever must be accepted is, and means what it has to."""
    parser.control(accepted=False)
    readings = parser.read_all(accepted=True)
    lab.did(f"gave {len(readings)} inputs to the parser {parser.name} that it must accept")
    refused = [one for one in readings if not one.accepted]
    lab.require_that(not refused, "every input to be accepted", told(refused), "refused")
    altered = [one for one in readings if one.other_value]
    lab.require_that(not altered, "every input to mean what it says", told(altered), "altered")


@case("SCH-01", wire="sipc/1", needs=("parse",), roles=())
def test_other_spellings(lab: Lab) -> None:
    """The decoder of CBOR gets values in spellings that are not theirs: longer heads, keys unsorted or twice, indefinite
    lengths, floats, tags, text that is no UTF-8, ends too early or too late. It refuses each; the right one it takes."""
    refuses(lab, Parser(lab, "cbor"))


@case("SCH-01", wire="sipc/1", needs=("parse",), roles=())
def test_the_one_spelling(lab: Lab) -> None:
    """The decoder of CBOR gets values in their one spelling, up to the limits of every length. It takes each, and makes of
    it what encodes to the same bytes."""
    accepts(lab, Parser(lab, "cbor"))


@case("SCH-05", wire="sipc/1", needs=("parse",), roles=())
@pytest.mark.parametrize("parser", FIELDS)
def test_fields_that_are_wrong(lab: Lab, parser: str) -> None:
    """A parser gets messages with one field wrong: of another type, beyond a limit by one, unknown, missing, not allowed
    here, cut short. It refuses each; a message with all fields right it takes."""
    refuses(lab, Parser(lab, parser))


@case("SCH-05", wire="sipc/1", needs=("parse",), roles=())
@pytest.mark.parametrize("parser", FIELDS)
def test_fields_at_their_limits(lab: Lab, parser: str) -> None:
    """A parser gets messages whose fields are right, up to the limits of each. It takes them, and reads in them what they
    say; one that is wrong it refuses."""
    accepts(lab, Parser(lab, parser))

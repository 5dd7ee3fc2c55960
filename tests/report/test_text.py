"""Hostile text is shown, not obeyed."""

import re
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipc_gauntlet.events import CaseResult
from ipc_gauntlet.report.explain import explanation
from ipc_gauntlet.report.text import columns, one_line, visible
from ipc_gauntlet.verdict import Verdict

ANY_TEXT = st.text(alphabet=st.characters(exclude_categories=()), max_size=60)


@given(ANY_TEXT)
def test_nothing_a_terminal_obeys(text: str) -> None:
    """No control character but line breaks and tabs, and nothing that reorders text, is left."""
    shown = visible(text)
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", shown)


@given(ANY_TEXT)
def test_anything_fits_into_xml(text: str) -> None:
    """What is shown can be read back from XML unchanged, apart from what XML does to line breaks."""
    element = ET.Element("a", b=one_line(text))
    element.text = visible(text)
    again = ET.fromstring(ET.tostring(element))  # noqa: S314 - made two lines above
    assert again.get("b") == one_line(text)
    assert (again.text or "") == visible(text)


@given(ANY_TEXT, st.integers(2, 30))
def test_a_line_is_a_line(text: str, width: int) -> None:
    """A text becomes one line, and is no longer than asked."""
    line = one_line(text, width)
    assert len(line.splitlines()) <= 1
    assert len(line) <= width


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred", "\\x1b[31mred"),
        ("a\x00b", "a\\x00b"),
        ("\u202eevil", "\\u202eevil"),
        ("tab\tline\n", "tab\tline\n"),
    ],
)
def test_how_it_is_shown(text: str, shown: str) -> None:
    """Escapes look like those of Python."""
    assert visible(text) == shown


def test_columns_of_wide_text() -> None:
    """East Asian characters take two columns, combining ones none."""
    assert columns("ab") == 2
    assert columns("漢字") == 4
    assert columns("e\u0301") == 1


@given(st.lists(ANY_TEXT, min_size=9, max_size=9), st.sampled_from(Verdict))
def test_no_field_of_a_result_reaches_a_terminal_as_it_is(texts: list[str], verdict: Verdict) -> None:
    """Wherever hostile text comes from, an explanation is harmless."""
    result = CaseResult(
        id="a/b/c/d",
        suite="a",
        requirement="REPL-01",
        level="MUST",
        profile="local",
        title="t",
        verdict=verdict,
        expected=texts[0],
        seen=texts[1],
        message=texts[2],
        done=(texts[3],),
        trace=(texts[4],),
        stderr={"server": texts[5]},
        notes=(texts[6],),
        detail=texts[7],
        reason=texts[8],
    )
    for line in explanation(result):
        assert not re.search(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u202a-\u202e]", line)

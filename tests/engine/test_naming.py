"""Names of cases are safe wherever they go."""

from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipc_gauntlet.engine.naming import case_name, function_name, slug


@given(st.text())
def test_a_segment_is_safe_for_shells_and_files(text: str) -> None:
    """No text makes a segment empty, hidden, or in need of quoting."""
    segment = slug(text)
    assert segment
    assert not segment.startswith(".")
    assert set(segment) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+=-")


@given(st.text(), st.text())
def test_names_have_four_segments(place: str, params: str) -> None:
    """Whatever the parameters are called, a name stays suite, module, function, variant."""
    *function, variant = case_name("replay/records/duplicated", place or "unix", params).split("/")
    assert function == ["replay", "records", "duplicated"]
    assert variant == slug(variant)


@pytest.mark.parametrize(
    ("module", "function", "name"),
    [
        ("replay/test_records.py", "test_duplicated_record", "replay/records/duplicated_record"),
        ("replay/deep/test_records.py", "test_a", "replay/deep.records/a"),
        ("replay/records.py", "check", "replay/records/check"),
        ("test_top.py", "test_a", "none/top/a"),
    ],
)
def test_function_names(module: str, function: str, name: str) -> None:
    """The name of a function follows from its place in the package."""
    assert function_name(PurePosixPath("/p"), PurePosixPath("/p") / module, function) == name

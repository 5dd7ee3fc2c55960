"""A patch fits exactly one place, or it is refused."""

import pytest

from sipc_mutants.model import Mutant, Patch
from sipc_mutants.patching import Change, PatchError, apply, source_file, unified_diff

SOURCE = "one\ntwo\nthree\ntwo\nfour\n"


@pytest.mark.parametrize(
    ("old", "count"), [("two", 2), ("five", 0), ("", 0)], ids=["several", "none", "empty"]
)
def test_not_exactly_once(old: str, count: int) -> None:
    """The message says which mutant, which module, and how often."""
    with pytest.raises(PatchError, match=rf"M1: the old text .* occurs {count} times in m, not once"):
        apply(SOURCE, (Patch("m", old, "x"),), "M1")


def test_no_change() -> None:
    """A patch that changes nothing is none."""
    with pytest.raises(PatchError, match="changes nothing"):
        apply(SOURCE, (Patch("m", "one", "one"),), "M1")


def test_overlap() -> None:
    """Two patches cannot share text."""
    with pytest.raises(PatchError, match="overlap"):
        apply(SOURCE, (Patch("m", "one\ntwo\nth", "x"), Patch("m", "three", "y")), "M1")


def test_several() -> None:
    """Patches are found in the unpatched text, in whatever order they are given; lines are those of the result."""
    patches = (Patch("m", "four", "4\n4"), Patch("m", "one\n", ""))
    patched = apply(SOURCE, patches, "M1")
    assert patched.text == "two\nthree\ntwo\n4\n4\n"
    assert patched.changes == (Change(1, 0), Change(4, 4), Change(5, 5))


def test_only_changed_lines_count() -> None:
    """Context in old and new text is not a change; a deletion knows how deep it was."""
    patched = apply("a:\n    b\n    c\nd\n", (Patch("m", "    b\n    c\nd", "    b\nd"),), "M1")
    assert patched.changes == (Change(3, 2, 4),)


def test_in_the_middle_of_a_line() -> None:
    """What stands before the old text on its line belongs to both."""
    patched = apply("x = one + two\n", (Patch("m", "one", "1"),), "M1")
    assert patched.text == "x = 1 + two\n"
    assert patched.changes == (Change(1, 1),)


@pytest.mark.parametrize("name", ["sipc.nothing", "nowhere.at.all", "math"])
def test_no_source(name: str) -> None:
    """A module that is not there, or has no source, is named."""
    with pytest.raises(PatchError, match=name.replace(".", r"\.")):
        source_file(name)


def test_diff() -> None:
    """The diff names the file and shows both lines."""
    mutant = Mutant(
        "M1", "d", (Patch("sipc.ordering", "        self._size += 1\n", "        self._size += 2\n"),)
    )
    text = unified_diff(mutant)
    assert text.startswith("--- a/sipc/ordering.py\n+++ b/sipc/ordering.py\n@@ ")
    assert "-        self._size += 1\n+        self._size += 2\n" in text

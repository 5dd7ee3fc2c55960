"""What must not be in any file of the repository."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

# Written so that this file does not contain what it looks for.
FORBIDDEN = {
    "a path of somebody's machine": re.compile(r"(?<![\w.:/~$}])/(home|Users|work)/[a-z]"),
    "the host of a package registry": re.compile(r"\b(pypi|pythonhosted|npmjs)\.(org|com)\b"),
    "an unfinished piece of work": re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X)\b"),
    "a conflict marker": re.compile(r"^(<{7}|>{7}) ", re.MULTILINE),
}
TEXT = {".py", ".md", ".toml", ".ini", ".json", ".yaml", ".yml", ".cfg", ".txt", ""}
SKIPPED = {
    "__pycache__",
    "showcase",
    "ci-results",
    "ipc-gauntlet-results",
    "dist",
    "build",
    "htmlcov",
    "node_modules",
}


def text_files(folder: Path) -> Iterator[Path]:
    """Text files below a folder; of the hidden ones only .ci, since the others are caches and environments."""
    for path in sorted(folder.iterdir()):
        hidden = path.name.startswith(".") and path.name != ".ci"
        if path.is_symlink() or hidden or path.name in SKIPPED:
            continue
        if path.is_dir():
            yield from text_files(path)
        elif path.suffix in TEXT:
            yield path


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_file_contains(what: str, checkout: Path) -> None:
    """The repository means the same on every machine, and nothing in it waits to be finished."""
    found = []
    for path in text_files(checkout):
        text = path.read_text(encoding="utf-8")
        found += [
            f"{path.relative_to(checkout)}: {match.group()}" for match in FORBIDDEN[what].finditer(text)
        ]
    assert found == []


@pytest.mark.parametrize(
    ("what", "text"),
    [
        ("a path of somebody's machine", "see /ho" + "me/alice/notes"),
        ("the host of a package registry", "https://py" + "pi.org/simple"),
        ("an unfinished piece of work", "# TO" + "DO: later"),
        ("a conflict marker", "<" * 7 + " ours"),
    ],
)
def test_the_search_would_find_it(what: str, text: str) -> None:
    """Each pattern matches an example, so that the absence of matches means something."""
    assert FORBIDDEN[what].search(text)

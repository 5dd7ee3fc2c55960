"""The program as the harness starts it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sipc_mutants.fingerprint import fingerprint
from sipc_mutants.model import Mutant, Patch
from sipc_mutants.registry import MUTANTS, by_id

DESCRIBE = '{"jsonrpc":"2.0","id":1,"method":"describe","params":{}}\n'


def run(*words: str, text: str = "", env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run the program to its end."""
    return subprocess.run(
        [sys.executable, "-m", "sipc_mutants", *words],
        input=text,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=os.environ | (env or {}),
    )


def test_list() -> None:
    """The unflawed reference comes first, then every mutant with its change and a fingerprint of its own."""
    entries = json.loads(run("--list").stdout)
    assert [entry["id"] for entry in entries] == ["none", *(mutant.id for mutant in MUTANTS)]
    assert len({entry["fingerprint"] for entry in entries}) == len(entries)
    for entry in entries[1:]:
        assert entry["requirement"] == entry["id"].partition(".")[0]
        assert entry["diff"].startswith("--- a/sipc")
        assert entry["mark"] == "SIPC_MUTANT_MARK"


def test_show() -> None:
    """A mutant's change as a diff."""
    shown = run("--show", "ORD-07.m1")
    assert shown.returncode == 0
    assert "+++ b/sipc/session.py" in shown.stdout


@pytest.mark.parametrize("name", ["none", "ORD-07.m1"])
def test_it_is_a_driver(name: str) -> None:
    """A mutant answers like the reference."""
    done = run(name, text=DESCRIBE)
    assert json.loads(done.stdout)["result"]["name"] == "reference"


def test_mark(tmp_path: Path) -> None:
    """Changed code makes the file when it runs, and not before."""
    mark = tmp_path / "mark"
    run("ORD-07.m1", text=DESCRIBE, env={"SIPC_MUTANT_MARK": str(mark)})
    assert not mark.exists()
    send = '{"jsonrpc":"2.0","id":2,"method":"connect","params":{"conn":"c"}}\n'
    assert run("ORD-07.m1", text=DESCRIBE + send).returncode == 0


def test_the_change_is_there(tmp_path: Path) -> None:
    """The hook changes the module that is imported, marks included, and nothing else."""
    script = (
        "import pathlib, sys\n"
        "from sipc_mutants.hook import install\n"
        "from sipc_mutants.model import Mutant, Patch\n"
        "old = '        self._size += 1\\n'\n"
        "install(Mutant('M1', 'd', (Patch('sipc.ordering', old, old.replace('1', '2')),)))\n"
        "from sipc.ordering import Lanes\n"
        "lanes = Lanes()\n"
        "before = pathlib.Path(sys.argv[1]).exists()\n"
        "lanes.submit('a', 1)\n"
        "print(len(lanes), before, pathlib.Path(sys.argv[1]).exists())\n"
    )
    mark = tmp_path / "mark"
    done = subprocess.run(
        [sys.executable, "-c", script, str(mark)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=os.environ | {"SIPC_MUTANT_MARK": str(mark)},
    )
    assert done.stdout.split() == ["2", "False", "True"], done.stderr


@pytest.mark.parametrize(
    ("patch", "what"),
    [
        ("Patch('sipc.ordering', 'no such text', '')", "occurs 0 times in sipc.ordering"),
        ("Patch('sipc.ordering', 'class Lanes', 'class class')", "is no Python any more"),
        ("Patch('sipc.nowhere', 'a', 'b')", "there is no module sipc.nowhere"),
    ],
)
def test_a_mutant_that_does_not_fit(patch: str, what: str) -> None:
    """It never runs as if nothing were wrong."""
    name = patch.split("'")[1]
    script = (
        "from sipc_mutants.hook import install\n"
        "from sipc_mutants.model import Mutant, Patch\n"
        f"install(Mutant('M1', 'd', ({patch},)))\n"
        f"import {name}\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode
    assert what in done.stderr
    assert "M1" in done.stderr


def test_too_late() -> None:
    """A module that is there already cannot be changed."""
    script = (
        "import sipc.ordering\n"
        "from sipc_mutants.hook import install\n"
        "from sipc_mutants.model import Mutant, Patch\n"
        "install(Mutant('M1', 'd', (Patch('sipc.ordering', 'a', 'b'),)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False
    )
    assert "was imported before it could be changed" in done.stderr


@pytest.mark.parametrize(
    ("words", "what"),
    [
        ((), "--list"),
        (("--nonsense",), "--list"),
        (("ORD-07.m",), "did you mean ORD-07.m"),
        (("--show", "nothing"), "there is no mutant nothing"),
    ],
)
def test_wrong_words(words: tuple[str, ...], what: str) -> None:
    """Wrong use is status 2 and says what there is."""
    done = run(*words)
    assert done.returncode == 2
    assert what in done.stderr


def test_fingerprints() -> None:
    """Another patch is another fingerprint; the same patches are the same."""
    mutant = MUTANTS[0]
    other = Mutant(mutant.id, mutant.defect, (*mutant.patches, Patch("sipc.ordering", "a", "b")))
    assert fingerprint(mutant) == fingerprint(Mutant("other", "words", mutant.patches))
    assert len({fingerprint(mutant), fingerprint(other), fingerprint(None)}) == 3


def test_two_of_one_id() -> None:
    """Two mutants of one id are an error, not a choice."""
    with pytest.raises(ValueError, match="two mutants"):
        by_id([MUTANTS[0], MUTANTS[0]])

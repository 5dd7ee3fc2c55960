"""A pull request: which targets it changes, and which findings are its own."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ipc_gauntlet.cli.fuzz.app import command
from ipc_gauntlet.errors import UsageError
from ipc_gauntlet.fuzz.campaign.records import TargetPlan
from ipc_gauntlet.fuzz.registry import find
from ipc_gauntlet.fuzz.scale.changes import at_base, base_tree, changed, top, touched

PARSER = '''
def parse(data):
    """Take a length and as many bytes."""
    if not data or data[0] > 20 or len(data) != data[0] + 1:
        raise ValueError("length")
    return data[1:]
'''
BUG = PARSER.replace("    return", "    if data[0] == 3:\n        return {}[data[1]]\n    return")
OTHER_BUG = BUG.replace(
    "    return data", "    if data[0] == 2:\n        return data[1] / 0\n    return data"
)
TARGETS = """
import {name}
from ipc_gauntlet.fuzz import Target

TARGETS = [
    Target(name="{name}.parse", title="A length.", layer="frame", parse={name}.parse, rejects=(ValueError,),
           measured=("{name}",), seeds=lambda: (b"\\x01a", b"\\x00"), changed_with=("docs/format.md",)),
]
"""


class Checkout:
    """A user's repository with one target. Each has module names of its own: modules stay imported."""

    count = 0
    program = shutil.which("git") or "git"

    def __init__(self, root: Path) -> None:
        Checkout.count += 1
        self.root = root
        self.name = f"pr_parser_{Checkout.count}_{root.parent.name.replace('-', '_')}"
        self.targets = root / "src" / f"targets_{self.name}.py"
        root.joinpath("src").mkdir(parents=True)
        self.git("init", "-q", "-b", "main")
        self.git("config", "user.email", "a@example.org")
        self.git("config", "user.name", "A")

    def git(self, *words: str) -> None:
        subprocess.run([self.program, "-C", str(self.root), *words], check=True, capture_output=True)

    def commit(self, parser: str) -> None:
        (self.root / "src" / f"{self.name}.py").write_text(parser, encoding="utf-8")
        self.targets.write_text(TARGETS.format(name=self.name), encoding="utf-8")
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", "x")


@pytest.fixture
def checkout_of_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Checkout]:
    """A repository, which is the current folder; what was imported from it is forgotten."""
    if not Path(Checkout.program).is_absolute():
        pytest.skip("there is no git on this machine")
    before = set(sys.modules)
    made = Checkout(tmp_path / "repository")
    monkeypatch.chdir(made.root)
    monkeypatch.syspath_prepend(str(made.root / "src"))
    yield made
    for name in set(sys.modules) - before:
        if made.name in name:
            del sys.modules[name]


def fuzz_pr(made: Checkout, *words: str) -> Result:
    options = [
        "pr",
        "--base",
        "main",
        "--target",
        f"{made.name}.*",
        "--targets",
        str(made.targets),
        "--time",
        "12s",
        "--no-canary",
        "-n",
        "1",
    ]
    return CliRunner().invoke(command, [*options, *words], catch_exceptions=False)


def test_changes_are_those_since_the_fork(checkout_of_user: Checkout) -> None:
    made = checkout_of_user
    made.commit(PARSER)
    made.git("checkout", "-q", "-b", "work")
    assert changed(made.root, "main") == set()
    made.commit(BUG)
    (made.root / "new file.txt").write_text("x", encoding="utf-8")
    assert changed(made.root, "main") == {f"src/{made.name}.py", "new file.txt"}
    made.git("checkout", "-q", "main")
    (made.root / "elsewhere.txt").write_text("x", encoding="utf-8")
    made.git("add", "elsewhere.txt")
    made.git("commit", "-q", "-m", "main goes on")
    made.git("checkout", "-q", "work")
    assert "elsewhere.txt" not in changed(made.root, "main")


@pytest.mark.parametrize("base", ["no-such-branch", "--output=/tmp/x", "-q"])
def test_a_base_that_is_none(checkout_of_user: Checkout, base: str) -> None:
    checkout_of_user.commit(PARSER)
    with pytest.raises(UsageError):
        changed(checkout_of_user.root, base)


def test_no_checkout(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="git rev-parse says"):
        top(tmp_path)


@pytest.mark.parametrize(
    ("path", "chosen"),
    [
        ("src/NAME.py", True),
        ("src/targets_NAME.py", True),
        ("docs/format.md", True),
        ("docs/other.md", False),
        ("src/x.py", False),
    ],
)
def test_a_target_is_touched_by_its_own_files(checkout_of_user: Checkout, path: str, chosen: bool) -> None:
    made = checkout_of_user
    made.commit(PARSER)
    found = find([f"{made.name}.*"], [str(made.targets)])
    assert bool(touched(found, made.root, {path.replace("NAME", made.name)})) is chosen


def test_the_base_is_imported_from_its_own_tree(checkout_of_user: Checkout) -> None:
    made = checkout_of_user
    made.commit(PARSER)
    made.git("checkout", "-q", "-b", "work")
    made.commit(BUG)
    plan = TargetPlan(module=str(made.targets), measured=(made.name,))
    with base_tree(made.root, "main") as tree:
        assert (tree / "src" / f"{made.name}.py").read_text(encoding="utf-8") == PARSER
        assert at_base(plan, made.root, tree) == (str(tree / "src" / made.targets.name), [str(tree / "src")])
        elsewhere = TargetPlan(module=str(made.targets), measured=("json",))
        assert at_base(elsewhere, made.root, tree) is None
        (tree / "src" / f"{made.name}.py").unlink()
        assert at_base(plan, made.root, tree) is None
    assert not tree.exists()


def test_a_package_is_found_at_its_root(checkout_of_user: Checkout) -> None:
    made = checkout_of_user
    made.commit(PARSER)
    package = made.root / "src" / f"{made.name}_package" / "inner"
    package.mkdir(parents=True)
    (package.parent / "__init__.py").write_text("", encoding="utf-8")
    (package / "__init__.py").write_text("", encoding="utf-8")
    (package / "leaf.py").write_text("", encoding="utf-8")
    made.git("add", "-A")
    made.git("commit", "-q", "-m", "package")
    name = f"{made.name}_package.inner"
    plan = TargetPlan(module=name, measured=(name, f"{name}.leaf"))
    with base_tree(made.root, "main") as tree:
        assert at_base(plan, made.root, tree) == (name, [str(tree / "src")])


def test_nothing_to_fuzz(checkout_of_user: Checkout) -> None:
    made = checkout_of_user
    made.commit(PARSER)
    made.git("checkout", "-q", "-b", "work")
    (made.root / "notes.txt").write_text("x", encoding="utf-8")
    ended = fuzz_pr(made)
    assert ended.exit_code == 0
    assert "no fuzz target has changed since main" in ended.output


def test_only_new_findings_count(checkout_of_user: Checkout, tmp_path: Path) -> None:
    """The base has one bug, the work adds another: both are found, one is to blame."""
    made = checkout_of_user
    made.commit(BUG)
    made.git("checkout", "-q", "-b", "work")
    made.commit(OTHER_BUG)
    ended = fuzz_pr(made, "--sarif", str(tmp_path / "f.sarif"), "--store", str(tmp_path / "store"))
    assert ended.exit_code == 1, ended.output
    assert ended.output.count("main shows it as well") == 1
    assert "ZeroDivisionError" in ended.output
    assert ended.output.count("FOUND") == 1


def test_a_new_bug_counts_though_the_current_folder_has_it(
    checkout_of_user: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the modules lie in the current folder, the base is still that of the base."""
    made = checkout_of_user
    made.commit(PARSER)
    made.git("checkout", "-q", "-b", "work")
    made.commit(BUG)
    monkeypatch.chdir(made.root / "src")
    ended = fuzz_pr(made, "--store", str(tmp_path / "store"))
    assert ended.exit_code == 1, ended.output
    assert "main shows it as well" not in ended.output


def test_an_old_bug_alone_passes(checkout_of_user: Checkout, tmp_path: Path) -> None:
    made = checkout_of_user
    made.commit(BUG)
    made.git("checkout", "-q", "-b", "work")
    made.commit(BUG + "\n# another comment\n")
    ended = fuzz_pr(made, "--store", str(tmp_path / "store"))
    assert ended.exit_code == 0, ended.output
    assert "main shows it as well" in ended.output

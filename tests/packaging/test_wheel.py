"""The wheel holds what the source tree holds."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

Script = Callable[[str], ModuleType]
BUILT_FROM = ("harness", "suites", "corpora", "reference_impl", "drivers")


def build_wheel(source: Path, target: Path) -> Path:
    """Build a wheel with the backend itself: no isolation, so no package index is needed."""
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(target)]
    subprocess.run(command, cwd=source, check=True, capture_output=True)
    (wheel,) = target.glob("*.whl")
    return wheel


@pytest.fixture
def copy(checkout: Path, tmp_path: Path) -> Path:
    """A copy of what the build reads, to build from and to damage."""
    folder = tmp_path / "copy"
    folder.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE", ".gitignore"):
        shutil.copy(checkout / name, folder)
    for root in BUILT_FROM:
        shutil.copytree(checkout / root, folder / root, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def test_wheel_has_every_file_of_the_source_roots(copy: Path, tmp_path: Path, script: Script) -> None:
    """No module and no data file is lost between the tree and the wheel, and nothing is added."""
    wheel = build_wheel(copy, tmp_path / "dist")
    assert script("package").compare_with_tree(wheel, copy) == []


def test_wheel_has_licence_type_markers_and_version(copy: Path, tmp_path: Path, script: Script) -> None:
    """LICENSE, entry points, the version and each package's py.typed are in the wheel."""
    wheel = build_wheel(copy, tmp_path / "dist")
    assert script("package").metadata_problems(wheel, copy) == []


def test_a_new_package_that_the_build_forgets_is_noticed(copy: Path, tmp_path: Path, script: Script) -> None:
    """A package added to a source root, which an editable installation would find, is missed in the wheel."""
    planted = copy / "reference_impl" / "sipc_planted" / "__init__.py"
    planted.parent.mkdir()
    planted.touch()
    wheel = build_wheel(copy, tmp_path / "dist")
    problems = script("package").compare_with_tree(wheel, copy)
    assert problems == ["in the tree, not in the wheel: sipc_planted/__init__.py"]


def test_a_data_file_that_git_ignores_is_noticed(copy: Path, tmp_path: Path, script: Script) -> None:
    """A line in .gitignore that takes corpus data out of the wheel is found."""
    (copy / "corpora/ipc_gauntlet_corpora/seed.bin").write_bytes(b"\x00")
    with (copy / ".gitignore").open("a", encoding="utf-8") as ignored:
        ignored.write("*.bin\n")
    wheel = build_wheel(copy, tmp_path / "dist")
    problems = script("package").compare_with_tree(wheel, copy)
    assert problems == ["in the tree, not in the wheel: ipc_gauntlet_corpora/seed.bin"]


def test_a_missing_licence_is_noticed(copy: Path, tmp_path: Path, script: Script) -> None:
    """A wheel without its licence and a package without its type marker are named."""
    (copy / "pyproject.toml").write_text(
        (copy / "pyproject.toml")
        .read_text(encoding="utf-8")
        .replace('license-files = ["LICENSE"]', "license-files = []"),
        encoding="utf-8",
    )
    (copy / "harness/ipc_gauntlet/py.typed").unlink()
    wheel = build_wheel(copy, tmp_path / "dist")
    problems = script("package").metadata_problems(wheel, copy)
    assert [problem.rpartition("/")[2] for problem in problems] == ["LICENSE", "py.typed"]

"""What several systems executed is put together: paths of Windows are those of the checkout, and sums are right."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from coverage import CoverageData

SHARED, PIPE = "reference_impl/sipc_runtime/retry.py", "reference_impl/sipc_runtime/pipe_stream.py"


@pytest.fixture
def measured(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The module `ci/measured.py`, in the checkout."""
    monkeypatch.syspath_prepend(str(checkout / "ci"))
    monkeypatch.chdir(checkout)
    import measured as module

    yield module
    sys.modules.pop("measured")


def some_lines(file: str) -> list[int]:
    """The lines of a module's first imports."""
    body = ast.parse(Path(file).read_text(encoding="utf-8")).body
    return [node.lineno for node in body if isinstance(node, ast.Import | ast.ImportFrom)]


def executed(folder: Path, files: dict[str, list[int]]) -> Path:
    """Write data as a run would: from each line to the next."""
    folder.mkdir()
    data = CoverageData(str(folder / "data.host.1.x"))
    data.add_arcs({name: list(zip([-1, *lines], [*lines, -1], strict=True)) for name, lines in files.items()})
    data.write()
    return folder


def test_paths_of_windows_are_those_of_the_checkout(measured: ModuleType, tmp_path: Path) -> None:
    """The same file, called in two ways, is one file; what was executed adds up."""
    first, second, *_ = some_lines(SHARED)
    windows = {SHARED: [first], PIPE: some_lines(PIPE)}
    linux = executed(tmp_path / "linux", {SHARED: [first, second]})
    wine = executed(tmp_path / "wine", {file.replace("/", "\\"): lines for file, lines in windows.items()})
    alone = measured.combined([wine], tmp_path / "wine.json")
    both = measured.combined([linux, wine], tmp_path / "both.json")
    assert set(alone) == set(both) == {SHARED, PIPE}
    assert both[SHARED].all == alone[SHARED].all > 50
    assert both[SHARED].done > alone[SHARED].done > 0
    # The data is still there for another report.
    assert list(linux.iterdir())
    assert list(wine.iterdir())


def test_groups(measured: ModuleType) -> None:
    """Every pattern means a module that is there, and the modules of one system are told from the others."""
    files = [path.as_posix() for root in ("harness", "reference_impl") for path in Path(root).rglob("*.py")]
    for pattern in (*measured.WINDOWS, *measured.UNIX):
        assert any(measured.fnmatchcase(file, pattern) for file in files), pattern
    assert measured.group_of(PIPE) == "Windows only"
    assert measured.group_of("harness/ipc_gauntlet/driver/process_windows.py") == "Windows only"
    assert measured.group_of("harness/ipc_gauntlet/driver/process_linux.py") == "Unix only"
    assert measured.group_of(SHARED) == "every system"


def test_the_page_adds_up(measured: ModuleType) -> None:
    """Each group is a sum, and a hundred percent is everything."""
    count = measured.Count
    page = measured.page(
        {
            # A file that was never imported is not in the data of that system.
            "linux": {SHARED: count(990, 1000)},
            "wine": {SHARED: count(100, 1000), PIPE: count(25, 50)},
            "together": {SHARED: count(999, 1000), PIPE: count(25, 50)},
        }
    )
    assert "| Windows only (1 modules) | 0 % | 50 % | 50 % |" in page
    assert "| every system (1 modules) | 99 % | 10 % | 99 % |" in page
    assert f"| `{PIPE}` | 0 % | 50 % | 50 % |" in page
    assert f"`{SHARED}`" not in page


def test_a_system_that_was_left_out_is_noticed(measured: ModuleType, tmp_path: Path) -> None:
    """Without anything of Windows the report says little; it must not look like one that does."""
    linux = executed(tmp_path / "linux", {SHARED: some_lines(SHARED)})
    wine = executed(tmp_path / "wine", {PIPE: some_lines(PIPE)})
    assert measured.main([str(tmp_path / "results"), str(linux)]) == 1
    assert measured.main([str(tmp_path / "results"), str(linux), str(wine)]) == 0
    assert (
        (tmp_path / "results" / "coverage.md").read_text(encoding="utf-8").startswith("# What was executed")
    )
    assert measured.main([]) == 2
    (tmp_path / "nothing").mkdir()
    assert measured.main([str(tmp_path / "results"), str(linux), str(tmp_path / "nothing")]) == 3

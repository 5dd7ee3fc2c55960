"""Each source root can be imported where its siblings cannot be seen."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

PARTS = ["sipc", "sipc_runtime", "sipc_driver", "ipc_gauntlet", "ipc_gauntlet_corpora", "ipc_gauntlet_suites"]


@pytest.mark.parametrize("package", [*PARTS, "ipc_gauntlet_drivers"])
def test_package_imports_without_its_siblings(
    package: str, script: Callable[[str], ModuleType], checkout: Path
) -> None:
    """Every module of the package imports in a process that can see only what the package may use."""
    alone = script("alone")
    (part,) = [part for part in alone.PARTS if package in part.packages]
    result = subprocess.run(alone.command(part, checkout), capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


def test_a_sibling_import_is_refused(script: Callable[[str], ModuleType], tmp_path: Path) -> None:
    """A core that imports the harness fails to import alone, even where the harness is installed."""
    alone = script("alone")
    for root, package in (("reference_impl", "sipc"), ("harness", "ipc_gauntlet")):
        (tmp_path / root / package).mkdir(parents=True)
        (tmp_path / root / package / "__init__.py").touch()
    (tmp_path / "reference_impl/sipc/records.py").write_text("import ipc_gauntlet\n", encoding="utf-8")
    (part,) = [part for part in alone.PARTS if part.packages == ("sipc",)]
    result = subprocess.run(alone.command(part, tmp_path), capture_output=True, text=True, check=False)
    assert result.returncode != 0
    assert "ipc_gauntlet is out of reach of sipc" in result.stderr

"""The import contracts of pyproject.toml hold, and would notice if they did not."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

ROOTS = ("harness", "suites", "corpora", "reference_impl", "drivers")
LINT = "import sys; from importlinter.cli import lint_imports_command; sys.argv = ['lint-imports', '--no-cache'];"

# Forbidden lines for each contract, and the package that must not contain them.
VIOLATIONS: dict[str, tuple[str, tuple[str, ...]]] = {
    "The reference implementation stands alone": ("reference_impl/sipc_driver", ("import ipc_gauntlet",)),
    "The protocol core does no I/O, reads no clock, draws no randomness": (
        "reference_impl/sipc",
        ("import socket", "from time import monotonic"),
    ),
    "The runtime does not know its driver": ("reference_impl/sipc_runtime", ("import sipc_driver",)),
    "The reference leaves cryptography to its protocol core": (
        "reference_impl/sipc_driver",
        ("from cryptography.exceptions import InvalidTag",),
    ),
    "The reference does not know its mutants": ("reference_impl/sipc_runtime", ("import sipc_mutants",)),
    "The reference does not know its fuzz targets": ("reference_impl/sipc_driver", ("import sipc_targets",)),
    "Fuzz targets of the reference know no suites, drivers and mutants": (
        "reference_impl/sipc_targets",
        ("import ipc_gauntlet_suites",),
    ),
    "Fuzz targets use of the harness fuzzing and the peer only": (
        "reference_impl/sipc_targets",
        ("from ipc_gauntlet.seeds import Seed", "from ipc_gauntlet.driver import Driver"),
    ),
    "The harness is neutral": ("harness/ipc_gauntlet", ("import ipc_gauntlet_corpora",)),
    "The harness is built in layers": ("harness/ipc_gauntlet/adversary", ("import ipc_gauntlet.engine",)),
    "The harness's SIPC/1 peer stands on the protocol's page alone": (
        "harness/ipc_gauntlet/peer",
        (
            "import ipc_gauntlet.transport",
            "from ipc_gauntlet.errors import HarnessError",
            "import ipc_gauntlet.seeds",
        ),
    ),
    "The SDK for drivers holds nothing of the tester": (
        "harness/ipc_gauntlet/sdk",
        ("import ipc_gauntlet.errors", "import ipc_gauntlet.folders"),
    ),
    "Corpora are data": ("corpora/ipc_gauntlet_corpora", ("import sipc",)),
    "Suites do not know any implementation": ("suites/ipc_gauntlet_suites", ("import sipc_runtime",)),
    "Third-party drivers use the harness's SDK only": (
        "drivers/ipc_gauntlet_drivers",
        ("import sipc", "from ipc_gauntlet.engine.settings import Settings", "import ipc_gauntlet.errors"),
    ),
    "Third-party drivers do not use the API for suites": (
        "drivers/ipc_gauntlet_drivers/python_ssl",
        ("from ipc_gauntlet import case",),
    ),
    "Suites use only the public API of the harness": (
        "suites/ipc_gauntlet_suites",
        ("import ipc_gauntlet.seeds",),
    ),
}

# What each contract with a list of the harness's parts leaves out, because its subject may use it.
ALLOWED_PARTS = {
    "Fuzz targets use of the harness fuzzing and the peer only": {"fuzz", "peer"},
    "Third-party drivers use the harness's SDK only": {"sdk"},
    "The harness's SIPC/1 peer stands on the protocol's page alone": {"peer"},
    "The SDK for drivers holds nothing of the tester": {"sdk"},
}


def lint(folder: Path, roots: Path) -> subprocess.CompletedProcess[str]:
    """Run import-linter on the packages below `roots` with the configuration in `folder`."""
    path = os.pathsep.join(str(roots / root) for root in ROOTS)
    return subprocess.run(
        [sys.executable, "-c", LINT + " lint_imports_command()"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_import_contract_is_kept(checkout: Path) -> None:
    """No package imports what pyproject.toml forbids it."""
    result = lint(checkout, checkout)
    assert result.returncode == 0, result.stdout + result.stderr


def contracts(checkout: Path) -> dict[str, dict[str, Any]]:
    """The contracts of pyproject.toml by name."""
    settings = tomllib.loads((checkout / "pyproject.toml").read_text(encoding="utf-8"))
    return {one["name"]: one for one in settings["tool"]["importlinter"]["contracts"]}


def test_every_import_contract_can_be_broken(checkout: Path, tmp_path: Path) -> None:
    """A copy with forbidden imports for each contract breaks it by each of them: none is an empty promise."""
    assert contracts(checkout).keys() == VIOLATIONS.keys()
    shutil.copy(checkout / "pyproject.toml", tmp_path)
    for root in ROOTS:
        shutil.copytree(
            checkout / root, tmp_path / root, ignore=shutil.ignore_patterns("__pycache__", "*.json")
        )
    planted = {}
    for name, (package, lines) in VIOLATIONS.items():
        for line in lines:
            module = f"planted{len(planted)}"
            planted[module] = (name, line)
            (tmp_path / package / f"{module}.py").write_text(line + "\n", encoding="utf-8")
    result = lint(tmp_path, tmp_path)
    assert f"0 kept, {len(VIOLATIONS)} broken" in result.stdout, result.stdout + result.stderr
    reports = broken(result.stdout)
    unnoticed = [
        (name, line)
        for module, (name, line) in planted.items()
        if not re.search(rf"\b{module}\b", reports.get(name, ""))
    ]
    assert unnoticed == []


def broken(output: str) -> dict[str, str]:
    """What import-linter says about each broken contract, by name."""
    _, _, reports = output.partition("Broken contracts")
    parts = re.split(r"^(\S.*)\n-{5,}\n", reports, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_lists_of_the_harness_parts_are_whole(checkout: Path) -> None:
    """A part that is added to the harness is out of reach of whoever may use none of them but some."""
    folder = checkout / "harness" / "ipc_gauntlet"
    parts = {
        one.stem for one in folder.glob("[!_]*") if one.suffix == ".py" or (one / "__init__.py").is_file()
    }
    found = contracts(checkout)
    for name, allowed in ALLOWED_PARTS.items():
        listed = {one for one in found[name]["forbidden_modules"] if one.startswith("ipc_gauntlet.")}
        assert listed == {f"ipc_gauntlet.{part}" for part in parts - allowed}, name

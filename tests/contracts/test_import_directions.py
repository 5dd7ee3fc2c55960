"""The import contracts of pyproject.toml hold, and would notice if they did not."""

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

ROOTS = ("harness", "suites", "corpora", "reference_impl", "drivers")
LINT = "import sys; from importlinter.cli import lint_imports_command; sys.argv = ['lint-imports', '--no-cache'];"

# One forbidden line for each contract, and the package that must not contain it.
VIOLATIONS = {
    "The reference implementation stands alone": ("reference_impl/sipc_driver", "import ipc_gauntlet"),
    "The protocol core does no I/O, reads no clock, draws no randomness": (
        "reference_impl/sipc",
        "import socket",
    ),
    "The runtime does not know its driver": ("reference_impl/sipc_runtime", "import sipc_driver"),
    "The reference does not know its mutants": ("reference_impl/sipc_runtime", "import sipc_mutants"),
    "The reference does not know its fuzz targets": ("reference_impl/sipc_driver", "import sipc_targets"),
    "Fuzz targets of the reference use the harness's public API for fuzzing": (
        "reference_impl/sipc_targets",
        "import ipc_gauntlet_suites",
    ),
    "The harness is neutral": ("harness/ipc_gauntlet", "import ipc_gauntlet_corpora"),
    "The harness is built in layers": ("harness/ipc_gauntlet/adversary", "import ipc_gauntlet.engine"),
    "The harness's SIPC/1 peer stands on the protocol's page alone": (
        "harness/ipc_gauntlet/peer",
        "import ipc_gauntlet.transport",
    ),
    "The SDK for drivers holds nothing of the tester": (
        "harness/ipc_gauntlet/sdk",
        "import ipc_gauntlet.errors",
    ),
    "Corpora are data": ("corpora/ipc_gauntlet_corpora", "import sipc"),
    "Suites do not know any implementation": ("suites/ipc_gauntlet_suites", "import sipc_runtime"),
    "Third-party drivers use the harness's SDK only": ("drivers/ipc_gauntlet_drivers", "import sipc"),
    "Suites use only the public API of the harness": (
        "suites/ipc_gauntlet_suites",
        "import ipc_gauntlet.seeds",
    ),
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


def test_every_import_contract_can_be_broken(checkout: Path, tmp_path: Path) -> None:
    """A copy with one forbidden import for each contract breaks every one of them: none is an empty promise."""
    contracts = tomllib.loads((checkout / "pyproject.toml").read_text(encoding="utf-8"))["tool"][
        "importlinter"
    ]
    assert {contract["name"] for contract in contracts["contracts"]} == VIOLATIONS.keys()
    shutil.copy(checkout / "pyproject.toml", tmp_path)
    for root in ROOTS:
        shutil.copytree(
            checkout / root, tmp_path / root, ignore=shutil.ignore_patterns("__pycache__", "*.json")
        )
    for number, (package, line) in enumerate(VIOLATIONS.values()):
        (tmp_path / package / f"planted{number}.py").write_text(line + "\n", encoding="utf-8")
    result = lint(tmp_path, tmp_path)
    assert f"0 kept, {len(VIOLATIONS)} broken" in result.stdout, result.stdout + result.stderr

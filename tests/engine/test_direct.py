"""The suites under pytest itself: verdicts as pytest's outcomes, and pytest's own options still work."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from systems import STACK_TRANSPORT, import_path

from ipc_gauntlet import quoting


@pytest.fixture
def plain(checkout: Path) -> str:
    """Command of the plain driver."""
    return quoting.join([sys.executable, str(checkout / "tests" / "fixtures" / "plain_driver.py")])


_FIXED = ["-q", "-p", "no:cacheprovider", "-p", "ipc_gauntlet.pytest_plugin", "--pyargs", "toy_suites"]


def run_pytest(checkout: Path, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the toy suites with pytest, as a user who has nothing else would."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "TOY_"))}
    return subprocess.run(
        [sys.executable, "-m", "pytest", *_FIXED, *words],
        cwd=folder,
        env=kept
        | {
            "PYTHONPATH": import_path(checkout / "tests" / "engine" / "toy"),
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        },
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


@pytest.mark.parametrize("workers", [[], ["-p", "xdist", "-n", "2"]], ids=["alone", "xdist"])
def test_outcomes(checkout: Path, tmp_path: Path, plain: str, workers: list[str]) -> None:
    """Not applicable is skipped, an inconclusive MUST fails, a driver's trouble is an error of the set-up."""
    ended = run_pytest(
        checkout, tmp_path, "--iut-driver", plain, "--iut-transport", STACK_TRANSPORT, "-rs", *workers
    )
    assert ended.returncode == 1
    (line,) = re.findall(r"^\d+ failed.*$", ended.stdout, re.MULTILINE)
    counts = {word: int(number) for number, word in re.findall(r"(\d+) (failed|passed|skipped|error)", line)}
    assert counts["failed"] == 5
    assert counts["skipped"] == 1
    assert counts["error"] == 1
    assert "cannot be tested without the feature parse" in ended.stdout
    assert f"FAIL  replay/records/bad/{STACK_TRANSPORT}-psk  [REPL-01, MUST]" in ended.stdout


def test_the_header_names_implementation_and_seed(checkout: Path, tmp_path: Path, plain: str) -> None:
    """A failure in a log can be repeated: the seed is shown."""
    ended = run_pytest(checkout, tmp_path, "--iut-driver", plain, "--iut-seed", "31", "-v", "-k", "psk_only")
    assert "ipc-gauntlet: plain 1.0 as channel, --iut-seed 31" in ended.stdout


def test_pytest_can_select(checkout: Path, tmp_path: Path, plain: str) -> None:
    """pytest's own ways to choose tests work."""
    ended = run_pytest(checkout, tmp_path, "--iut-driver", plain, "-k", f"test_good and {STACK_TRANSPORT}")
    assert ended.returncode == 0
    assert "2 passed" in ended.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--iut", "nope"], "no bundled implementation is called 'nope'"),
        (["--iut-driver", "/no/such"], "does not exist"),
        (["--iut-profile", "strong"], "no profile 'strong'"),
        (["--iut-transport", "pigeon"], "no such transport"),
    ],
)
def test_wrong_options(checkout: Path, tmp_path: Path, words: list[str], said: str) -> None:
    """What cannot work is said in one line."""
    ended = run_pytest(checkout, tmp_path, *words)
    assert ended.returncode == 4
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr

"""`ipc-gauntlet ci`: one command for a job of continuous integration, whatever the system."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import click

from ipc_gauntlet import quoting

_PAGE = "GITHUB_STEP_SUMMARY"
_OUTPUTS = "GITHUB_OUTPUT"


@click.command("ci", short_help="Doctor, suites and reports in one go, for a CI job.")
@click.option("--driver", required=True, metavar="CMD", help="Command of your driver, split as a shell does.")
@click.option("--options", default="", metavar="TEXT", help="Further options of `run`, in one text.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("ipc-gauntlet-results"),
    show_default=True,
    metavar="DIR",
    help="Where report.json, junit.xml, summary.md and a file for each case go.",
)
@click.pass_context
def command(ctx: click.Context, driver: str, options: str, out: Path) -> None:
    """Look at a driver with `doctor`, run the suites, and leave the reports where CI systems find them.

    On GitHub the summary goes onto the job's page, and the paths of the reports are outputs of the step (`report`,
    `junit`). The exit status is that of `run`, or of `doctor` if the driver is not fit to be tested.
    """
    try:
        words = run_words(driver, options, out)
    except ValueError as error:
        raise click.UsageError(f"--options cannot be split into words: {error}") from error
    out.mkdir(parents=True, exist_ok=True)
    status = _ours("doctor", "--driver", driver) or _ours(*words)
    _tell(out, os.environ)
    ctx.exit(status)


def run_words(driver: str, options: str, out: Path) -> list[str]:
    """The words of `ipc-gauntlet run`, without the program.

    Args:
        driver: Command of the driver.
        options: Further options as one text.
        out: Where reports go.

    Raises:
        ValueError: The options have an open quotation mark.
    """
    return [
        "run",
        "--driver",
        driver,
        "--out",
        str(out),
        "--markdown",
        str(out / "summary.md"),
        *quoting.split(options),
    ]


def _ours(*words: str) -> int:
    return subprocess.run([sys.executable, "-m", "ipc_gauntlet.cli", *words], check=False).returncode


def _tell(out: Path, environment: Mapping[str, str]) -> None:
    """Tell the CI system where the reports are, and show the summary."""
    summary = out / "summary.md"
    if (page := environment.get(_PAGE)) and summary.is_file():
        with Path(page).open("a", encoding="utf-8", newline="\n") as file:
            file.write(summary.read_text(encoding="utf-8"))
    if outputs := environment.get(_OUTPUTS):
        with Path(outputs).open("a", encoding="utf-8", newline="\n") as file:
            file.write(f"report={(out / 'report.json').resolve()}\njunit={(out / 'junit.xml').resolve()}\n")

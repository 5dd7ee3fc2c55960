"""`ipc-gauntlet fuzz report`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ipc_gauntlet.cli.fuzz.options import store_from, store_option

if TYPE_CHECKING:
    from ipc_gauntlet.fuzz.report.model import CampaignReport

_FILE = click.Path(dir_okay=False, path_type=Path)
_FORMATS = {
    "html": "A page for a person, with curves and source.",
    "sarif": "SARIF 2.1.0, for code hosts.",
    "junit": "JUnit XML.",
    "json": "Everything as JSON.",
    "markdown": "A summary for the page of a CI job.",
}


def report_options(command: click.decorators.FC) -> click.decorators.FC:
    """`--html`, `--sarif`, `--junit`, `--json` and `--markdown`, each with a file; parameters `html_path` and so on."""
    for name, text in reversed(_FORMATS.items()):
        command = click.option(f"--{name}", f"{name}_path", type=_FILE, metavar="FILE", help=text)(command)
    return command


def asked_for(values: dict[str, Any]) -> dict[str, Path]:
    """Take the values of `report_options` out of a command's parameters: file by format."""
    return {name: path for name in _FORMATS if (path := values.pop(f"{name}_path")) is not None}


def write(report: CampaignReport, paths: dict[str, Path]) -> None:
    """Write a campaign's report.

    Args:
        report: What to write.
        paths: File by format.

    Raises:
        UsageError: A file cannot be written.
    """
    from ipc_gauntlet.fuzz.report.html import html
    from ipc_gauntlet.fuzz.report.junit import junit_xml
    from ipc_gauntlet.fuzz.report.markdown import markdown
    from ipc_gauntlet.fuzz.report.model import to_json
    from ipc_gauntlet.fuzz.report.sarif import in_checkout, sarif
    from ipc_gauntlet.report.files import write_report

    renderers: dict[str, Callable[[CampaignReport], bytes]] = {
        "html": html,
        "sarif": partial(sarif, locate=in_checkout(Path.cwd(), sys.path)),
        "junit": junit_xml,
        "json": to_json,
        "markdown": markdown,
    }
    for name, path in paths.items():
        write_report(path, renderers[name](report))


@click.command("report", short_help="Write what a campaign found as HTML, SARIF, JUnit, JSON or Markdown.")
@click.argument("name")
@report_options
@store_option
def command(name: str, **values: Any) -> None:  # noqa: ANN401 - click's options
    """Write reports of the campaign NAME; a page in the campaign's folder unless formats are named.

    A campaign that still runs can be reported on. The exit status says only whether the reports were written.
    """
    import datetime

    from ipc_gauntlet.fuzz.report.gather import gather

    folder = store_from(values).campaigns / name
    report = gather(folder, datetime.datetime.now(datetime.UTC))
    paths = asked_for(values) or {"html": folder / "report.html"}
    write(report, paths)
    for path in paths.values():
        click.echo(str(path))

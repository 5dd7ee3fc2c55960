"""`ipc-gauntlet report ...`: what can be done with reports of runs that are over."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ipc_gauntlet.cli.options import no_color_option

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.group("report", short_help="Merge and show reports, keep durations.")
def command() -> None:
    """Do something with JSON reports that `run` wrote."""


@command.command("merge")
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option("--json", "json_path", type=_FILE, metavar="FILE", help="Write the merged report as JSON.")
@click.option(
    "--junit", "junit_path", type=_FILE, metavar="FILE", help="Write the merged report as JUnit XML."
)
@click.option("--markdown", "markdown_path", type=_FILE, metavar="FILE", help="Write a summary in Markdown.")
@click.option("--strict", is_flag=True, help="Let SHOULD count like MUST for the exit status.")
@click.option("-v", "--verbose", is_flag=True, help="Explain every failure, not one of each kind.")
@no_color_option
@click.pass_context
def merge_command(ctx: click.Context, /, **values: Any) -> None:  # noqa: ANN401 - click's options
    """Make one report of the parts of a run that was split with `run --shard`.

    Exit status: that of the whole run; 3 when a part is missing.
    """
    from ipc_gauntlet.cli.console import make_console
    from ipc_gauntlet.cli.outcome import print_outcome
    from ipc_gauntlet.report.files import json_bytes, read_report, write_report
    from ipc_gauntlet.report.junit import junit_xml
    from ipc_gauntlet.report.markdown import markdown
    from ipc_gauntlet.report.merge import merge

    whole = merge([read_report(path) for path in values["files"]], strict=values["strict"])
    for name, render in (("json_path", json_bytes), ("junit_path", junit_xml), ("markdown_path", markdown)):
        if values[name] is not None:
            write_report(values[name], render(whole))
    print_outcome(make_console(ctx), whole, verbose=values["verbose"])
    ctx.exit(whole.exit_status)


@command.command("durations")
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option("--out", type=_FILE, required=True, metavar="FILE", help="Where to write them.")
def durations_command(files: tuple[Path, ...], out: Path) -> None:
    """Write down how long each case took, of several reports the longest: a file for `run --durations` to keep."""
    from ipc_gauntlet.report.durations import durations_bytes, durations_of
    from ipc_gauntlet.report.files import read_report, write_report

    durations = durations_of(read_report(path) for path in files)
    write_report(out, durations_bytes(durations))
    click.echo(f"{out}: {len(durations)} cases, {sum(durations.values()):.0f} s")


@command.command("show")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--junit", "junit_path", type=_FILE, metavar="FILE", help="Write it as JUnit XML.")
@click.option("--markdown", "markdown_path", type=_FILE, metavar="FILE", help="Write a summary in Markdown.")
@click.option("-v", "--verbose", is_flag=True, help="Explain every failure, not one of each kind.")
@no_color_option
@click.pass_context
def show_command(
    ctx: click.Context, file: Path, junit_path: Path | None, markdown_path: Path | None, verbose: bool
) -> None:
    """Print a report as `run` printed it when it ended; the exit status is that of the run."""
    from ipc_gauntlet.cli.console import make_console
    from ipc_gauntlet.cli.outcome import print_outcome
    from ipc_gauntlet.report.files import read_report, write_report
    from ipc_gauntlet.report.junit import junit_xml
    from ipc_gauntlet.report.markdown import markdown

    report = read_report(file)
    if junit_path is not None:
        write_report(junit_path, junit_xml(report))
    if markdown_path is not None:
        write_report(markdown_path, markdown(report))
    print_outcome(make_console(ctx), report, verbose=verbose)
    ctx.exit(report.exit_status)

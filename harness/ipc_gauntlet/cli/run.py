"""`ipc-gauntlet run`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ipc_gauntlet.cli.options import (
    no_color_option,
    package_option,
    profile_option,
    selection_from,
    selection_options,
    set_option,
    target_from,
    target_options,
    time_scale_option,
)

if TYPE_CHECKING:
    from ipc_gauntlet.engine.prepare import Wish
    from ipc_gauntlet.engine.recorder import Consumer
    from ipc_gauntlet.engine.shards import Shard
    from ipc_gauntlet.report.model import Report

_MOST = 256
_FILE = click.Path(dir_okay=False, path_type=Path)


def _workers(ctx: click.Context, parameter: click.Parameter, value: str) -> int | None:
    """A number of processes, or None for `auto`."""
    if value == "auto":
        return None
    try:
        number = int(value)
    except ValueError:
        number = -1
    if not 0 <= number <= _MOST:
        raise click.BadParameter(
            f"{value!r} is neither 'auto' nor a number from 0 to {_MOST}", ctx, parameter
        )
    return number


@click.command("run", short_help="Run the cases against an implementation.")
@target_options
@selection_options
@set_option
@click.option(
    "--transport",
    "transports",
    multiple=True,
    metavar="NAME",
    help="Only over this transport: unix (pipe on Windows) or tcp (repeatable).",
)
@profile_option
@click.option(
    "-n",
    "--workers",
    callback=_workers,
    default="auto",
    metavar="N",
    help="Processes that run cases; 0: none but this one (default: auto).",
)
@click.option(
    "--clocks",
    type=click.IntRange(1, 256),
    default=4,
    metavar="N",
    help="Processes that may measure time at once; more is faster, fewer disturb each other less (default: 4).",
)
@click.option(
    "--seed",
    type=click.IntRange(0, 2**63 - 1),
    metavar="N",
    help="Reproduces every random choice (default: random; always shown).",
)
@click.option(
    "--random-order/--fixed-order",
    default=True,
    help="Order of the cases: from the seed (default), or as in the catalogue.",
)
@click.option(
    "--shard",
    metavar="K/N",
    help="Only the K-th of N parts, for N machines; see `ipc-gauntlet report merge`.",
)
@click.option(
    "--durations",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="An earlier JSON report or what `report durations` wrote, the same for all parts: makes them of one length.",
)
@click.option("--json", "json_path", type=_FILE, metavar="FILE", help="Write the report as JSON.")
@click.option("--junit", "junit_path", type=_FILE, metavar="FILE", help="Write the report as JUnit XML.")
@click.option(
    "--markdown",
    "markdown_path",
    type=_FILE,
    metavar="FILE",
    help="Write a summary in Markdown, for a CI job's page.",
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Write all reports, the events and a file for each case.",
)
@click.option(
    "--export-seeds",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Keep what goes over the wire as inputs for fuzzers; see `ipc-gauntlet fuzz seeds`.",
)
@click.option("--strict", is_flag=True, help="Let SHOULD count like MUST for the exit status.")
@time_scale_option
@click.option(
    "--case-limit",
    type=click.FloatRange(1, 3600),
    default=120.0,
    metavar="S",
    help="Give a case up after so many seconds (default: 120).",
)
@package_option
@click.option("-v", "--verbose", is_flag=True, help="Explain every failure, not one of each kind.")
@click.option("-q", "--quiet", is_flag=True, help="Show only the end.")
@no_color_option
@click.pass_context
def command(ctx: click.Context, /, **values: Any) -> None:  # noqa: ANN401 - click's options
    """Run the cases against the bundled implementation NAME (default: reference), or any other by its --driver.

    \b
    ipc-gauntlet run
    ipc-gauntlet run --driver "python my_driver.py" --suite replay --suite ordering
    ipc-gauntlet run curvezmq --requirement 'ORD-*' --json report.json
    """  # noqa: D301 - a real backspace is how click keeps lines apart
    import time
    import uuid

    from ipc_gauntlet.cli.console import make_console
    from ipc_gauntlet.cli.live import Lines, LiveView
    from ipc_gauntlet.cli.outcome import print_outcome
    from ipc_gauntlet.engine.run import Order, run
    from ipc_gauntlet.report.model import ReportBuilder

    console = make_console(ctx)
    files = _files(values)
    builder = ReportBuilder()
    view = LiveView(console) if console.is_terminal else Lines(console)
    shown: list[Consumer] = [] if values["quiet"] else [view]
    order = Order(
        wish=_wish(values),
        workers=values["workers"],
        clocks=values["clocks"],
        strict=values["strict"],
        run=uuid.uuid4().hex[:12],
        clock=time.time,
    )
    try:
        status = run(order, [builder, *files, *shown])
    finally:
        view.stop()
    report = builder.report()
    print_outcome(console, report, verbose=values["verbose"])
    _keep(report)
    ctx.exit(int(status))


def _wish(values: dict[str, Any]) -> Wish:
    import secrets

    from ipc_gauntlet.engine.prepare import Wish

    seed = values["seed"]
    return Wish(
        target=target_from(values),
        selection=selection_from(values),
        seed=secrets.randbelow(2**31) if seed is None else seed,
        profile=values["profile"],
        packages=values["packages"],
        time_scale=values["time_scale"],
        case_limit_s=values["case_limit"],
        traces=values["out"] is not None,
        shuffle=values["random_order"],
        shard=_shard(values["shard"], seed),
        durations=_durations(values["durations"]),
        seeds=str(values["export_seeds"].resolve()) if values["export_seeds"] is not None else "",
    )


def _shard(text: str | None, seed: int | None) -> Shard | None:
    from ipc_gauntlet.engine.shards import parse_shard
    from ipc_gauntlet.errors import UsageError

    if text is not None and seed is None:
        raise UsageError("--shard needs --seed, the same one for every part")
    return None if text is None else parse_shard(text)


def _durations(path: Path | None) -> dict[str, float]:
    if path is None:
        return {}
    from ipc_gauntlet.report.durations import read_durations

    return read_durations(path)


def _files(values: dict[str, Any]) -> list[Consumer]:
    """Consumers for the files that were asked for; an unusable path is found before anything runs."""
    from ipc_gauntlet.report.files import output_files

    return output_files(
        json_path=values["json_path"],
        junit_path=values["junit_path"],
        markdown_path=values["markdown_path"],
        folder=values["out"],
    )


def _keep(report: Report) -> None:
    """Keep the report for `replay`; that this fails is worth a line, not a failed run."""
    from ipc_gauntlet.engine.state import keep_report

    problem = keep_report(report)
    if problem:
        click.echo(f"replay will need --report: {problem}", err=True)

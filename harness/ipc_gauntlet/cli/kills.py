"""`ipc-gauntlet kills`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ipc_gauntlet.cli.options import no_color_option, package_option

if TYPE_CHECKING:
    from ipc_gauntlet.engine.kills.hunt import HuntOrder

_MOST = 64


@click.command("kills", short_help="See whether the cases notice flawed implementations.")
@click.option("--mutant", "mutants", multiple=True, metavar="GLOB", help="Only these mutants (repeatable).")
@click.option(
    "--requirement",
    "requirements",
    multiple=True,
    metavar="GLOB",
    help="Only mutants of these requirements (repeatable).",
)
@click.option(
    "--suite", "suites", multiple=True, metavar="GLOB", help="Only mutants of these suites (repeatable)."
)
@click.option(
    "--mutants",
    "collection",
    metavar="MODULE|FILE",
    help="Mutants of your own implementation: a module that answers --list, or a .toml or .json file.",
)
@click.option(
    "-n",
    "--workers",
    type=click.IntRange(1, _MOST),
    metavar="N",
    help="How many mutants at once (default: one for each core).",
)
@click.option(
    "--seed",
    type=click.IntRange(0, 2**63 - 1),
    default=1,
    metavar="N",
    help="Reproduces every random choice (default: 1).",
)
@click.option(
    "--budget",
    type=click.FloatRange(1, 3600),
    default=120.0,
    metavar="S",
    help="Give a mutant up after so many seconds (default: 120).",
)
@click.option(
    "--json",
    "json_path",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write the report as JSON.",
)
@click.option(
    "--cache",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Keep results here instead of in your cache folder.",
)
@click.option("--no-cache", is_flag=True, help="Run everything, and keep nothing.")
@package_option
@click.option("-v", "--verbose", is_flag=True, help="Show also what killed each mutant.")
@no_color_option
@click.pass_context
def command(ctx: click.Context, /, **values: Any) -> None:  # noqa: ANN401 - click's options
    """Run the cases of a requirement against implementations that violate it, and say which are not noticed.

    A mutant is killed when a case of its requirement fails as the catalogue says such cases fail. Exit status: 0 every
    mutant is killed and every case kills one; 1 not so; 2 wrong use; 3 the harness could not do its work.
    """
    from ipc_gauntlet.cli.console import make_console
    from ipc_gauntlet.cli.kills_view import View, print_report
    from ipc_gauntlet.engine.kills.hunt import hunt
    from ipc_gauntlet.report.files import json_bytes, write_atomically
    from ipc_gauntlet.verdict import ExitStatus

    console = make_console(ctx)
    path = values["json_path"]
    _check_path(path)
    view = View(console, verbose=values["verbose"])
    try:
        caught = hunt(_order(values), view)
    except KeyboardInterrupt:  # before anything was known
        ctx.exit(int(ExitStatus.interrupted))
    finally:
        view.stop()
    if path is not None:
        write_atomically(path, json_bytes(caught.report))
    print_report(console, caught.report, caught.troubles)
    ctx.exit(caught.report.exit_status)


def _order(values: dict[str, Any]) -> HuntOrder:
    from ipc_gauntlet.engine.kills.choose import Wanted
    from ipc_gauntlet.engine.kills.hunt import HuntOrder
    from ipc_gauntlet.engine.kills.memo import cache_folder

    return HuntOrder(
        wanted=Wanted(
            mutants=values["mutants"], requirements=values["requirements"], suites=values["suites"]
        ),
        mutants=values["collection"],
        packages=values["packages"],
        seed=values["seed"],
        workers=values["workers"],
        budget_s=values["budget"],
        cache=None if values["no_cache"] else values["cache"] or cache_folder(),
    )


def _check_path(path: Path | None) -> None:
    from ipc_gauntlet.errors import UsageError

    if path is not None and not path.resolve().parent.is_dir():
        raise UsageError(f"--json {path}: there is no folder {path.resolve().parent}")

"""`ipc-gauntlet showcase`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ipc_gauntlet.cli.options import no_color_option

if TYPE_CHECKING:
    from rich.console import Console

    from ipc_gauntlet.engine.gallery import Exhibit
    from ipc_gauntlet.engine.prepare import Wish


@click.command("showcase", short_help="Run all bundled implementations and compare them.")
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("showcase"),
    metavar="DIR",
    help="Where the reports go, a folder for each implementation (default: showcase).",
)
@click.option(
    "--transport",
    "transports",
    multiple=True,
    metavar="NAME",
    help="Transports to use, or `all` (repeatable; default: unix, tcp on Windows).",
)
@click.option(
    "-n",
    "--workers",
    type=click.IntRange(0, 256),
    metavar="N",
    help="Processes that run cases (default: auto).",
)
@click.option(
    "--clocks",
    type=click.IntRange(1, 256),
    default=6,
    metavar="N",
    help="Processes that may measure time at once (default: 6).",
)
@click.option(
    "--seed",
    type=click.IntRange(0, 2**63 - 1),
    metavar="N",
    help="Reproduces every random choice (default: random).",
)
@no_color_option
@click.pass_context
def command(ctx: click.Context, /, **values: Any) -> None:  # noqa: ANN401 - click's options
    """Run the reference and every bundled third-party stack, one after another, and compare them in one table.

    Exit status 0 when the reference passes everything and every other implementation could be run; what is found in
    the others does not fail the command.
    """
    import secrets

    from ipc_gauntlet.cli.console import make_console
    from ipc_gauntlet.engine.gallery import exhibits, gallery_status, write_gallery
    from ipc_gauntlet.engine.implementations import Target
    from ipc_gauntlet.engine.prepare import Wish
    from ipc_gauntlet.engine.selection import Selection

    console = make_console(ctx)
    seed = secrets.randbelow(2**31) if values["seed"] is None else values["seed"]
    selection = Selection(transports=_transports(values["transports"]))
    shown: list[Exhibit] = []
    for name in exhibits(values["names"]):
        how = {"workers": values["workers"], "clocks": values["clocks"]}
        wish = Wish(target=Target(name=name), seed=seed, traces=True, selection=selection)
        exhibit = _run_one(console, wish, values["output"] / name, how)
        shown.append(exhibit)
        if exhibit.report.interrupted:
            break
    write_gallery(values["output"] / "showcase.json", shown)
    _print_table(console, shown)
    _print_findings(console, shown)
    ctx.exit(int(gallery_status(shown)))


def _transports(asked: tuple[str, ...]) -> tuple[str, ...]:
    """What to use; empty for everything that an implementation declares."""
    import sys

    if "all" in asked:
        return ()
    return asked or (("tcp",) if sys.platform == "win32" else ("unix",))


def _run_one(console: Console, wish: Wish, folder: Path, how: dict[str, Any]) -> Exhibit:
    import uuid

    from ipc_gauntlet.cli.console import put
    from ipc_gauntlet.cli.live import Lines, LiveView
    from ipc_gauntlet.engine.gallery import Exhibit
    from ipc_gauntlet.engine.run import Order, run
    from ipc_gauntlet.report.files import output_files
    from ipc_gauntlet.report.model import ReportBuilder

    builder = ReportBuilder()
    view = LiveView(console) if console.is_terminal else Lines(console)
    files = output_files(json_path=None, junit_path=None, folder=folder)
    try:
        run(Order(wish=wish, run=uuid.uuid4().hex[:12], **how), [builder, *files, view])
    finally:
        view.stop()
    report = builder.report()
    put(console, "")
    return Exhibit(name=wish.target.name or "", folder=str(folder), report=report)


def _print_table(console: Console, shown: list[Exhibit]) -> None:
    from ipc_gauntlet.cli.console import Grid, put
    from ipc_gauntlet.engine.gallery import cell

    suites = list(dict.fromkeys(suite.name for exhibit in shown for suite in exhibit.report.suites))
    grid = Grid(right=range(1, 1 + len(suites)))
    grid.add(("passed/failed", "dim"), *((suite, "dim") for suite in suites))
    for exhibit in shown:
        cells = [cell(exhibit.report, suite) for suite in suites]
        grid.add((exhibit.name, "bold"), *((text, _style(text)) for text in cells))
    grid.print(console)
    put(
        console,
        ("  ? some cases stayed inconclusive  ! some cases ended in error  - does not apply\n", "dim"),
    )


def _style(text: str) -> str:
    if text == "-":
        return "dim"
    if "!" in text:
        return "bold magenta"
    passed, _, failed = text.rstrip("?!").partition("/")
    return "red" if failed != "0" else "yellow" if "?" in text or passed == "0" else "green"


def _print_findings(console: Console, shown: list[Exhibit]) -> None:
    from ipc_gauntlet.cli.console import Grid, put
    from ipc_gauntlet.engine.gallery import findings, not_installed

    for exhibit in shown:
        put(console, (exhibit.name, "bold"), f"  {exhibit.folder}")
        grid = Grid()
        for finding in findings(exhibit):
            grid.add((finding.requirement, "red"), f"{finding.cases} cases", finding.statement)
        if exhibit.report.interrupted:
            grid.add(("interrupted", "yellow"), f"{len(exhibit.report.not_run)} cases were not run")
        if not_installed(exhibit.report):
            grid.add(("not installed", "yellow"), "pip install 'ipc-gauntlet[drivers]'")
        elif exhibit.report.error:
            grid.add(("could not be run", "bold magenta"), exhibit.report.error.splitlines()[0])
        elif not findings(exhibit):
            grid.add(("no MUST requirement failed", "green"))
        grid.print(console)

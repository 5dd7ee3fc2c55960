"""`ipc-gauntlet fuzz pin`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ipc_gauntlet.cli.fuzz.options import choose_targets_options, store_from, store_option, targets_from
from ipc_gauntlet.cli.options import no_color_option

if TYPE_CHECKING:
    from rich.console import Console

    from ipc_gauntlet.fuzz.pin.orders import Pinned, State
    from ipc_gauntlet.fuzz.pin.runner import Wish
    from ipc_gauntlet.fuzz.pin.score import Score
    from ipc_gauntlet.fuzz.registry import Found

_FOLDER = click.Path(file_okay=False, path_type=Path)


@click.command("pin", short_help="Find inputs that pin each check of a parser.")
@choose_targets_options
@click.option(
    "--time", default="30s", metavar="TIME", help="CPU time of the search, for each target: 30s, 5m, forever."
)
@click.option(
    "--executions", type=click.IntRange(0), default=0, metavar="N", help="Inputs to try; 0 for no limit."
)
@click.option(
    "--seed", type=click.IntRange(0, 2**63 - 1), default=1, metavar="N", help="Of every random choice."
)
@click.option("--score-only", is_flag=True, help="Do not search: print the score of seeds and corpus.")
@click.option(
    "--no-corpus", is_flag=True, help="Begin with the target's seeds only, not with the store's corpus."
)
@click.option("--list-survivors", is_flag=True, help="Print the checks that nothing pins, with their lines.")
@click.option(
    "--out", type=_FOLDER, metavar="DIR", help="Write the inputs of the minimal set to DIR/TARGET/."
)
@click.option("--keep", is_flag=True, help="Add the inputs of the minimal set to the store's corpus.")
@click.option("--write-vectors", type=_FOLDER, metavar="DIR", help="Write vectors as DIR/PARSER.json.")
@click.option(
    "--driver",
    metavar="CMD",
    help="Driver (or bundled name) of the same implementation, which gives the vectors' values (default: reference).",
)
@click.option(
    "--json",
    "json_path",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write all of it as JSON.",
)
@click.option(
    "--fail-under", type=click.FloatRange(0, 100), metavar="PERCENT", help="Exit with 1 if a score is lower."
)
@store_option
@no_color_option
@click.pass_context
def command(ctx: click.Context, /, **values: Any) -> None:  # noqa: ANN401 - click's options
    """Take the checks of a parser away one at a time, and search inputs that notice.

    The score is the share of such mutants that some input tells from the parser. An input that does pins the check:
    whoever leaves it out fails on that input. What is left are checks that no input pins, listed with
    --list-survivors; some of them make no difference, others miss a test.

    Targets that play whole sessions are left out unless --target names them: they have thousands of mutants, each with
    dozens of modules, and take hours.

    Exit status: 0 done; 1 a score is under --fail-under; 2 wrong use; 3 it could not be done; 130 interrupted.
    """
    from ipc_gauntlet.cli.console import make_console, put
    from ipc_gauntlet.errors import GauntletError

    console = make_console(ctx)
    store = store_from(values)
    named = bool(values["patterns"])
    found = [one for one in targets_from(values) if named or one.target.layer != "sequence"]
    wish = _wish(values, store.folder if not values["no_corpus"] else None)
    results, failed = [], 0
    chosen = _pinnable(found, values["write_vectors"] is not None)
    for one in chosen:
        try:
            pinned = _pin(console, one, wish)
        except GauntletError as error:
            if len(chosen) == 1:
                raise
            put(console, ("NOT PINNED  ", "bold red"), f"{one.target.name}: {error}")
            failed += 1
            continue
        results.append(pinned)
        _print(console, pinned, survivors=values["list_survivors"])
        _keep(pinned, values, store)
    if values["json_path"] is not None:
        import msgspec

        from ipc_gauntlet.report.files import write_report

        write_report(values["json_path"], msgspec.json.format(msgspec.json.encode(results), indent=2) + b"\n")
    if failed:
        sys.exit(3)
    least = values["fail_under"]
    if least is not None and any(pinned.after.percent < least for pinned in results):
        sys.exit(1)


def _wish(values: dict[str, Any], folder: Any) -> Wish:  # noqa: ANN401 - a bound method
    from ipc_gauntlet.fuzz.campaign.orders import duration
    from ipc_gauntlet.fuzz.pin.runner import Wish

    seconds = 0.0 if values["score_only"] else duration(values["time"])
    executions = values["executions"]
    if not seconds and not executions and not values["score_only"]:
        executions = sys.maxsize  # for ever: until everything is pinned
    return Wish(
        seconds=seconds,
        executions=0 if values["score_only"] else executions,
        seed=values["seed"],
        corpus=(lambda name: (str(folder(name)),)) if folder is not None else (lambda name: ()),
    )


def _pinnable(found: list[Found], parsers_only: bool) -> list[Found]:
    """Those to pin: for vectors only targets of a parser that drivers have, each parser once."""
    if not parsers_only:
        return found
    chosen: dict[str, Found] = {}
    for one in found:
        if one.target.reference_parser:
            chosen.setdefault(one.target.reference_parser, one)
    return list(chosen.values())


def _pin(console: Console, one: Found, wish: Wish) -> Pinned:
    from ipc_gauntlet.fuzz.pin.runner import pin_target

    with console.status(f"{one.target.name}: making mutants") as status:

        def told(state: State) -> None:
            before = f"{state.before.pinned}/{state.before.mutants}" if state.before else "..."
            status.update(f"{one.target.name}: {before} pinned before; {state.executions} inputs tried")

        return pin_target(one, wish, told)


def _print(console: Console, pinned: Pinned, *, survivors: bool) -> None:
    console.print(
        f"{pinned.target}  {pinned.before.mutants} mutants"
        f"  before {_said(pinned.before)}  after {_said(pinned.after)}"
        f"  {len(pinned.vectors.vectors)} vectors of {pinned.executions} inputs in {pinned.seconds:.0f} CPU-s",
        highlight=False,
        soft_wrap=True,
    )
    apart = {"not importable": pinned.unviable, "deadly": pinned.deadly}
    told = [f"{len(names)} {what}" for what, names in apart.items() if names]
    if told:
        console.print(f"  counted apart: {', '.join(told)}", highlight=False)
    if pinned.broke:
        console.print(
            f"  {len(pinned.broke)} inputs broke the parser itself: fuzz it (`ipc-gauntlet fuzz run --target "
            f"{pinned.target}`)",
            highlight=False,
        )
    for one in pinned.survivors if survivors else ():
        where = (
            f"{one.name.rsplit(':', 2)[0]} in {one.function}" if one.function else one.name.rsplit(":", 2)[0]
        )
        never = "" if one.entered else "  (never entered)"
        console.print(
            f"  {where}: {one.before}  =>  {one.after}{never}", highlight=False, soft_wrap=True, markup=False
        )
        console.print(f"      {one.source}", highlight=False, soft_wrap=True, markup=False)


def _said(score: Score) -> str:
    return f"{score.percent:.0f} % ({score.verdict_percent:.0f} % by accepting and refusing)"


def _keep(pinned: Pinned, values: dict[str, Any], store: Any) -> None:  # noqa: ANN401 - a Store, imported when needed
    from ipc_gauntlet.errors import GauntletError
    from ipc_gauntlet.fuzz.pin.runner import inputs_of
    from ipc_gauntlet.fuzz.work import digest, write_whole

    if values["keep"]:
        for data in inputs_of(pinned):
            store.add(pinned.target, data)
    if values["out"] is not None:
        folder: Path = values["out"] / pinned.target
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise GauntletError(f"cannot make the folder {folder}: {error.strerror or error}") from error
        for data in inputs_of(pinned):
            write_whole(folder / digest(data), data)
    if values["write_vectors"] is not None:
        from ipc_gauntlet.fuzz.pin.values import with_values
        from ipc_gauntlet.fuzz.pin.vectors import write_vectors

        path = write_vectors(with_values(pinned.vectors, _driver(values["driver"])), values["write_vectors"])
        click.echo(str(path))


def _driver(given: str | None) -> str:
    """The command of a driver that was given by name or as a command."""
    import shlex

    from ipc_gauntlet.engine.implementations import bundled, modules

    name = given or "reference"
    return shlex.join(bundled(name).argv) if name in modules() else name

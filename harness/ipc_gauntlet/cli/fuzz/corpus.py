"""`ipc-gauntlet fuzz corpus ...`."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ipc_gauntlet.cli.fuzz.options import (
    choose_targets_options,
    execution_from,
    execution_options,
    store_from,
    store_option,
)
from ipc_gauntlet.cli.options import no_color_option

if TYPE_CHECKING:
    from rich.console import Console

    from ipc_gauntlet.fuzz.corpus.care import Cared, Pin
    from ipc_gauntlet.fuzz.corpus.store import Store
    from ipc_gauntlet.fuzz.findings import Finding
    from ipc_gauntlet.fuzz.triage.targets import Targets


@click.group("corpus", short_help="Merge, thin out, count, exchange and check corpora.")
def command() -> None:
    """Care for the inputs that fuzzing keeps: STORE/corpus/TARGET/SHA256."""


def _shared(function: Callable[..., Any]) -> Callable[..., Any]:
    for decorate in (no_color_option, store_option, execution_options, choose_targets_options):
        function = decorate(function)
    return function


_mutants_option = click.option(
    "--mutants/--no-mutants",
    default=True,
    show_default=True,
    help="Also keep what tells mutants of the parser from the parser; that takes longer.",
)


@command.command("merge", short_help="Take from other corpora what this one lacks.")
@click.argument("sources", nargs=-1, required=True, metavar="STORE|FOLDER|ARCHIVE...")
@_mutants_option
@_shared
@click.pass_context
def merge(ctx: click.Context, /, **values: Any) -> None:  # noqa: ANN401 - click's options
    """Take from other corpora what this one lacks: branches, verdicts, mutants of the parser told apart.

    Nothing that is there goes. A source is another store, or what `import` takes. An input that is a finding does not join:
    it is kept in the campaign from-corpora, for `fuzz show` and `fuzz triage`.
    """
    _take(ctx, values, values["sources"])


@command.command("import", short_help="The same, from what nobody vouches for.")
@click.argument("sources", nargs=-1, required=True, metavar="FOLDER|ARCHIVE...")
@_mutants_option
@_shared
@click.pass_context
def import_(ctx: click.Context, /, **values: Any) -> None:  # noqa: ANN401 - click's options
    """Take inputs out of a folder, a zip or a tar file that nobody vouches for.

    Refused as a whole: paths that lead elsewhere, links, devices, two files of one name, programs and scripts, files
    with execute permission, too many or too large ones, and a manifest that does not fit. Inputs longer than the
    target's longest are left out. Each input is executed in a process of its own kind before it is taken, and taken
    if the corpus lacks what it shows; one that is a finding is kept in the campaign from-corpora, for `fuzz show` and
    `fuzz triage`. The folder that a file is in is named as its target, or give one --target.
    """
    _take(ctx, values, values["sources"])


def _take(ctx: click.Context, values: dict[str, Any], sources: Iterable[str]) -> None:
    from ipc_gauntlet.cli.console import make_console, put
    from ipc_gauntlet.cli.fuzz.run import options_for
    from ipc_gauntlet.fuzz.corpus.exchange import read_offer, take

    options = options_for(values["store_path"])
    store, patterns, targets = _opened(values)
    console = make_console(ctx)
    single = patterns[0] if len(patterns) == 1 and patterns[0] in targets else None
    findings: list[Finding] = []
    # Everything is read before anything is taken: one refused source, and nothing happens.
    offers = [read_offer(_corpus_of(Path(source)), targets, single) for source in sources]
    for offer in offers:
        for name in [name for name in offer.inputs if not _matches(name, patterns)]:
            del offer.inputs[name]
        for name, inputs in offer.inputs.items():
            pin = _pin(values, console, name)
            for cared in take(type(offer)({name: inputs}), targets, store, pin):
                _print_cared(console, cared)
                findings += cared.findings
        for name, count in offer.too_long.items():
            put(console, ("LEFT OUT  ", "yellow"), f"{count} inputs are longer than {name} takes")
    ctx.exit(_told(console, findings, options))


@command.command("prune", short_help="Remove inputs that nothing needs.")
@_mutants_option
@click.option(
    "--pairs/--no-pairs",
    default=True,
    show_default=True,
    help="Leave a corpus alone that an implementation behind a driver has led, if that is not named with --driver.",
)
@_shared
@click.pass_context
def prune(ctx: click.Context, /, **values: Any) -> None:  # noqa: ANN401 - click's options
    """Remove inputs that nothing needs: what stays shows every branch, verdict and mutant that all show now.

    What would show less, or nothing, is refused, and nothing is removed then. With --driver, pairs of verdicts and the
    edges that the implementation tells count, too. An input that is a finding stays, and is
    kept in the campaign from-corpora too, for `fuzz show` and `fuzz triage`.
    """
    from ipc_gauntlet.cli.console import make_console
    from ipc_gauntlet.cli.fuzz.run import options_for
    from ipc_gauntlet.fuzz.corpus import care

    options = options_for(values["store_path"])
    store, patterns, targets = _opened(values)
    console = make_console(ctx)
    findings: list[Finding] = []
    for name in _in_store(store, patterns, targets):
        cared = care.prune(name, targets, store, _pin(values, console, name), pairs=values["pairs"])
        _print_cared(console, cared)
        findings += cared.findings
    ctx.exit(_told(console, findings, options))


@command.command("stats", short_help="What each corpus holds.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@_shared
@click.pass_context
def stats(ctx: click.Context, /, **values: Any) -> None:  # noqa: ANN401 - click's options
    """Show what each corpus holds: inputs, sizes, verdicts, what is needed of it."""
    from ipc_gauntlet.cli.console import Grid, make_console, put
    from ipc_gauntlet.fuzz.corpus.stats import stats as count

    store, patterns, targets = _opened(values)
    found = [count(name, targets, store) for name in _in_store(store, patterns, targets)]
    if values["as_json"]:
        fields = (
            "target",
            "inputs",
            "octets",
            "median",
            "longest",
            "needed",
            "features",
            "edges",
            "verdicts",
        )
        text = json.dumps([{field: getattr(one, field) for field in fields} for one in found], indent=2)
        sys.stdout.write(text + "\n")
        return
    console = make_console(ctx)
    grid = Grid(right=range(1, 9), indent=0)
    heads = ("target", "inputs", "bytes", "median", "longest", "needed", "features", "accepted", "verdicts")
    grid.add(*((head, "dim") for head in heads))
    for one in found:
        numbers = (one.inputs, one.octets, one.median, one.longest, one.needed, one.features, one.accepted)
        grid.add((one.target, "bold"), *map(str, numbers), str(len(one.verdicts)))
    grid.print(console)
    unknown = [name for name in store.targets() if name not in targets]
    if unknown:
        put(console, ("of no known target: ", "yellow"), ", ".join(unknown))


@command.command("check", short_help="Execute every input, look at every file.")
@_shared
@click.pass_context
def check(ctx: click.Context, /, **values: Any) -> None:  # noqa: ANN401 - click's options
    """Execute every input, and look at every file: damaged or misnamed, too long, of no known target.

    Exit status: 0 all is well; 1 something is not.
    """
    from ipc_gauntlet.cli.console import make_console, put
    from ipc_gauntlet.fuzz.corpus.stats import stats as count

    store, patterns, targets = _opened(values)
    console = make_console(ctx)
    findings: list[Finding] = []
    wrong = 0
    for name in _in_store(store, patterns, targets):
        one = count(name, targets, store)
        findings += one.findings
        for file in one.misnamed:
            put(
                console,
                ("MISNAMED  ", "bold yellow"),
                f"{store.folder(name) / file}: not the hash of its content",
            )
        if one.too_long:
            put(console, ("TOO LONG  ", "bold yellow"), f"{one.too_long} inputs of {name}")
        wrong += len(one.misnamed) + one.too_long
    for name in store.targets():
        if name not in targets and _matches(name, patterns):
            wrong += 1
            put(
                console,
                ("NO TARGET ", "bold yellow"),
                f"{store.folder(name)}: no fuzz target of that name is known",
            )
    status = _told(console, findings)
    if not status and not wrong:
        put(console, ("ALL WELL", "bold green"))
    ctx.exit(1 if status or wrong else 0)


@command.command("export", short_help="Write corpora into one file.")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE.tar|FILE.zip")
@_shared
@click.pass_context
def export(ctx: click.Context, /, **values: Any) -> None:  # noqa: ANN401 - click's options
    """Write corpora into one file with a manifest of sizes and SHA-256; the same corpora make the same bytes.

    Nothing is executed, so the modules of the targets are not needed.
    """
    from ipc_gauntlet.cli.console import make_console, put
    from ipc_gauntlet.errors import UsageError
    from ipc_gauntlet.fuzz.corpus.exchange import export as write

    store, patterns = store_from(values), values["patterns"]
    names = [name for name in store.targets() if _matches(name, patterns)]
    if patterns and not names:
        raise UsageError(f"no corpus in {store.corpus} is of a target {' or '.join(patterns)}")
    manifest = write(store, names, values["file"])
    inputs = sum(len(one) for one in manifest.targets.values())
    put(
        make_console(ctx), ("EXPORTED  ", "bold green"), f"{inputs} inputs of {len(manifest.targets)} targets"
    )


def _opened(values: dict[str, Any]) -> tuple[Store, tuple[str, ...], Targets]:
    """The store, the patterns of targets (each matches something), and the targets."""
    from ipc_gauntlet.fuzz.differential.remote import parsers_of
    from ipc_gauntlet.fuzz.registry import find

    store = store_from(values)
    patterns: tuple[str, ...] = values.pop("patterns")
    values["sources_of_targets"] = values["modules"]
    find(patterns, values["modules"])
    targets = execution_from(values)
    if targets.settings.driver:
        # One that does not start is told before anything else, also where nothing would need it.
        parsers_of(targets.settings.driver)
    return store, patterns, targets


def _matches(name: str, patterns: tuple[str, ...]) -> bool:
    return not patterns or any(fnmatchcase(name, pattern) for pattern in patterns)


def _in_store(store: Store, patterns: tuple[str, ...], targets: Targets) -> list[str]:
    return [name for name in store.targets() if name in targets and _matches(name, patterns)]


def _corpus_of(path: Path) -> Path:
    """The corpora of another store, if the path is one."""
    return path / "corpus" if (path / "corpus").is_dir() else path


def _pin(values: dict[str, Any], console: Console, name: str) -> Pin | None:
    from ipc_gauntlet.cli.console import put
    from ipc_gauntlet.fuzz.corpus.pinning import pinning
    from ipc_gauntlet.fuzz.registry import find

    if not values["mutants"]:
        return None
    found = find([name], values["sources_of_targets"])[0]
    return pinning(found, lambda text: put(console, (f"  {text}", "dim")))


def _print_cared(console: Console, cared: Cared) -> None:
    from ipc_gauntlet.cli.console import put

    if cared.untouched:
        text = f"{cared.target}: {cared.before} inputs: {cared.untouched}; name it with --driver, or give --no-pairs"
        put(console, ("LEFT ALONE  ", "bold yellow"), text)
        return
    changes = f"{cared.before} inputs before, {cared.after} now"
    if cared.offered:
        changes += f"; {cared.offered} offered, {cared.added} added, those that pin something included"
    gained = f", {cared.gained} of them new" if cared.gained else ""
    put(console, (cared.target, "bold"), f"  {changes}; {cared.features} features{gained}")
    if cared.aside is not None:
        many = (
            f"{cared.misbehaving} inputs misbehave: they are"
            if cared.misbehaving > 1
            else "1 input misbehaves: it is"
        )
        put(console, (f"    {many} kept in {cared.aside}", "yellow"))


def _told(console: Console, findings: list[Finding], options: str | None = None) -> int:
    """Tell findings, and with which options of commands they are shown if they are kept; the exit status."""
    from ipc_gauntlet.cli.console import put
    from ipc_gauntlet.fuzz.corpus.aside import CAMPAIGN

    for finding in findings:
        put(
            console,
            ("FINDING   ", "bold red"),
            (finding.signature, "bold"),
            f"  {finding.target}: {finding.message}",
        )
        put(console, f"    {finding.data[:48].hex()}{'...' if len(finding.data) > 48 else ''}")
        if options is not None:
            put(console, f"    ipc-gauntlet fuzz show {finding.signature} --campaign {CAMPAIGN}{options}")
    return 1 if findings else 0

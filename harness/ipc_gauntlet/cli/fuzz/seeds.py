"""`ipc-gauntlet fuzz seeds`."""

from __future__ import annotations

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
    from ipc_gauntlet.fuzz.registry import Found


@click.command("seeds", short_help="Take what conformance cases sent as inputs to begin with.")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@choose_targets_options
@execution_options
@store_option
@no_color_option
@click.pass_context
def command(ctx: click.Context, /, **values: Any) -> None:  # noqa: ANN401 - click's options
    """Take inputs out of FOLDER, which `ipc-gauntlet run --export-seeds FOLDER` has written.

    It has a folder for each layer (frame, negotiation, handshake, record, envelope). Each target is given the inputs of
    its layer; each is executed in another process, and taken if the target's corpus lacks what it shows. One that is a
    finding is kept in the campaign from-corpora, for `fuzz show` and `fuzz triage`.

    Exit status: 0 nothing found; 1 an input is a finding; 2 wrong use; 3 inputs cannot be executed or written.
    """
    from ipc_gauntlet.cli.console import make_console, put
    from ipc_gauntlet.cli.fuzz.run import options_for
    from ipc_gauntlet.errors import UsageError
    from ipc_gauntlet.fuzz.corpus.exchange import Offer, take
    from ipc_gauntlet.fuzz.registry import find

    options = options_for(values["store_path"])
    store = store_from(values)
    folder: Path = values["folder"]
    found = find(values.pop("patterns"), values["modules"])
    inputs = {one.target.name: data for one in found if (data := _inputs(folder, one))}
    if not inputs:
        layers = ", ".join(sorted({one.target.layer for one in found}))
        raise UsageError(
            f"{folder} has no inputs for these targets: no folder {layers}; "
            "`ipc-gauntlet run --export-seeds` makes them"
        )
    console = make_console(ctx)
    targets = execution_from(values)
    findings = 0
    for name, offered in inputs.items():
        for cared in take(Offer({name: offered}), targets, store):
            put(console, (f"{cared.target}  ", "bold"), f"{cared.added} of {cared.offered} taken")
            for finding in cared.findings:
                put(console, ("FINDING  ", "bold red"), (finding.signature, "bold"), f"  {finding.message}")
            if cared.aside is not None:
                put(
                    console,
                    f"  {cared.misbehaving} of them misbehave and are kept: "
                    f"ipc-gauntlet fuzz triage --campaign {cared.aside.name}{options}",
                )
            findings += len(cared.findings)
    ctx.exit(1 if findings else 0)


def _inputs(folder: Path, one: Found) -> list[bytes]:
    """What there is for a target, each once, the shortest first."""
    paths = [path for path in sorted((folder / one.target.layer).glob("*")) if path.is_file()]
    found = {path.read_bytes(): None for path in paths if not path.name.startswith(".")}
    return sorted(
        (data for data in found if len(data) <= one.target.longest), key=lambda data: (len(data), data)
    )

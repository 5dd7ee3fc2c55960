"""`ipc-gauntlet fuzz export`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ipc_gauntlet.cli.fuzz.options import choose_targets_options, store_from, store_option, targets_from


@click.command("export", short_help="Write targets for ClusterFuzzLite or OSS-Fuzz.")
@click.argument("service", type=click.Choice(["clusterfuzzlite", "oss-fuzz"]))
@choose_targets_options
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(".clusterfuzzlite"),
    show_default=True,
    metavar="DIR",
    help="Where the folder goes.",
)
@click.option("--project", metavar="NAME", help="Name of the project (default: that of the current folder).")
@store_option
def command(**values: Any) -> None:  # noqa: ANN401 - click's options
    """Write a script, a seed corpus, a dictionary and options for each target, and the files that build them.

    The scripts run atheris with the oracles of the targets; seeds are those of the targets and of the corpus.
    """
    import re

    from ipc_gauntlet.fuzz.scale.export import export

    store = store_from(values)
    found = targets_from(values)
    given = values["project"] or re.sub(r"[^a-z0-9_-]+", "-", Path.cwd().name.lower()).strip("-")
    inputs = [list(store.inputs(one.target.name)) for one in found]
    for path in export(found, inputs, values["out"], values["service"], given):
        click.echo(str(path))

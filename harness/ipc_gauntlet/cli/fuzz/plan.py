"""`ipc-gauntlet fuzz plan`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ipc_gauntlet.cli.fuzz.options import choose_targets_options, store_from, store_option

if TYPE_CHECKING:
    from ipc_gauntlet.fuzz.campaign.orders import Wishes


def part_options(command: click.decorators.FC) -> click.decorators.FC:
    """What a part of a campaign can be told. See `wishes_from`."""
    for decorate in reversed(
        (
            choose_targets_options,
            click.option(
                "--time",
                default="30m",
                show_default=True,
                metavar="TIME",
                help="Budget of each part, such as 30m.",
            ),
            click.option(
                "-n",
                "--jobs",
                type=click.IntRange(1, 256),
                metavar="N",
                help="Slices at once (default: one per core).",
            ),
            click.option(
                "--engine",
                "engines",
                multiple=True,
                metavar="NAME",
                help="portable, atheris, hypothesis or driver.",
            ),
            click.option(
                "--name", metavar="NAME", default="nightly", show_default=True, help="Of the campaign."
            ),
            click.option(
                "--seed",
                type=click.IntRange(0, 2**63 - 1),
                metavar="N",
                help="Of every choice (default: random).",
            ),
            click.option(
                "--driver", metavar="CMD", help="An implementation under test, for the engine driver."
            ),
        )
    ):
        command = decorate(command)
    return command


def wishes_from(values: dict[str, Any]) -> Wishes:
    """Take the values of `part_options` out of a command's parameters."""
    import secrets

    from ipc_gauntlet.fuzz.campaign.orders import Wishes, duration

    seed = values.pop("seed")
    return Wishes(
        name=values.pop("name"),
        seconds=duration(values.pop("time")),
        jobs=values.pop("jobs"),
        seed=secrets.randbelow(2**31) if seed is None else seed,
        engines=values.pop("engines"),
        patterns=values.pop("patterns"),
        modules=values.pop("modules"),
        driver=values.pop("driver"),
    )


@click.command("plan", short_help="Cut a campaign into parts for many machines.")
@part_options
@click.option("--shards", type=click.IntRange(1, 1000), required=True, metavar="N", help="How many parts.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    metavar="DIR",
    help="A new folder.",
)
@store_option
def command(**values: Any) -> None:  # noqa: ANN401 - click's options
    """Write one file for each part of a campaign, and the corpus that all parts start from.

    Each machine runs `fuzz work DIR/shard-K.json --out RESULT`, one machine `fuzz collect RESULT...` afterwards. The
    folder is all that travels; the machines need not know each other.
    """
    from ipc_gauntlet.fuzz.scale.parts import cut, write

    store = store_from(values)
    wishes = wishes_from(values)
    for path in write(cut(wishes, values["shards"]), store, values["out"]):
        click.echo(str(path))
    click.echo(f"seed {wishes.seed}", err=True)

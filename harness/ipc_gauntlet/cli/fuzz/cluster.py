"""`ipc-gauntlet fuzz cluster ...`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ipc_gauntlet.cli.fuzz.options import store_from, store_option
from ipc_gauntlet.cli.fuzz.plan import part_options, wishes_from
from ipc_gauntlet.cli.fuzz.report import asked_for, report_options, write
from ipc_gauntlet.cli.options import no_color_option

if TYPE_CHECKING:
    from ipc_gauntlet.fuzz.scale.cluster_keys import Credentials

_FOLDER = click.Path(file_okay=False, path_type=Path)
_certificates = click.option(
    "--certificates",
    type=_FOLDER,
    metavar="DIR",
    help="Made by `fuzz cluster certificates`; not needed on one machine.",
)


@click.group("cluster", short_help="Spread a campaign over machines with Dask.")
def command() -> None:
    """Fuzz on many machines at once (pip install 'ipc-gauntlet[cluster]').

    \b
    ipc-gauntlet fuzz cluster certificates keys               # once; copy the folder to every machine
    ipc-gauntlet fuzz cluster scheduler --listen tls://0.0.0.0:8786 --certificates keys
    ipc-gauntlet fuzz cluster worker tls://SCHEDULER:8786 --certificates keys     # on each machine
    ipc-gauntlet fuzz cluster run tls://SCHEDULER:8786 --certificates keys --tasks 40 --time 10m
    """  # noqa: D301 - a real backspace is how click keeps lines apart


@command.command("certificates")
@click.argument("folder", type=_FOLDER)
@click.option(
    "--days", type=click.IntRange(1, 3650), default=30, show_default=True, help="How long they are valid."
)
def certificates_command(folder: Path, days: int) -> None:
    """Make certificates in FOLDER: whoever has the folder belongs to the cluster, and can run code on its machines."""
    import datetime

    from ipc_gauntlet.fuzz.scale.cluster_keys import make

    made = make(folder, datetime.datetime.now(datetime.UTC), days)
    for path in (made.ca, made.certificate, made.key):
        click.echo(str(path))


@command.command("scheduler")
@click.option(
    "--listen", default="127.0.0.1:8786", show_default=True, metavar="ADDRESS", help="Where to listen."
)
@click.option(
    "--address-file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write the address here, as JSON.",
)
@_certificates
@click.pass_context
def scheduler_command(
    ctx: click.Context, listen: str, address_file: Path | None, certificates: Path | None
) -> None:
    """Run the scheduler that hands out parts, until it is stopped."""
    from urllib.parse import urlsplit

    keys = _checked(listen, certificates)
    split = urlsplit(listen if "://" in listen else f"//{listen}")
    words = ["--host", str(split.hostname), "--port", str(8786 if split.port is None else split.port)]
    words += ["--protocol", "tls" if keys else "tcp", "--no-dashboard"]
    if address_file is not None:
        words += ["--scheduler-file", str(address_file)]
    ctx.exit(_dask("dask_scheduler", words, keys))


@command.command("worker")
@click.argument("address")
@click.option("--name", metavar="NAME", help="A name for this worker.")
@_certificates
@click.pass_context
def worker_command(ctx: click.Context, address: str, name: str | None, certificates: Path | None) -> None:
    """Work for the scheduler at ADDRESS, one part at a time, until it is stopped. Each part uses all cores."""
    keys = _checked(address, certificates)
    words = [address, "--nthreads", "1", "--nworkers", "1", "--memory-limit", "0", "--no-dashboard"]
    words += ["--protocol", "tls" if keys else "tcp"]
    if name is not None:
        words += ["--name", name]
    ctx.exit(_dask("dask_worker", words, keys))


@command.command("run")
@click.argument("address")
@part_options
@click.option(
    "--tasks",
    type=click.IntRange(1, 1000),
    default=8,
    show_default=True,
    metavar="N",
    help="Cut the campaign into so many.",
)
@_certificates
@report_options
@store_option
@no_color_option
@click.pass_context
def run_command(ctx: click.Context, /, **values: Any) -> None:  # noqa: ANN401 - click's options
    """Fuzz on the cluster whose scheduler is at ADDRESS; `--time` is the time of each task.

    With `--seed`, a run that was killed goes on with the tasks that are missing. Exit status: as `fuzz collect`.
    """
    import datetime

    from ipc_gauntlet.cli.console import make_console
    from ipc_gauntlet.cli.fuzz.collect import conclude
    from ipc_gauntlet.cli.fuzz.run import options_for
    from ipc_gauntlet.fuzz.report.gather import gather
    from ipc_gauntlet.fuzz.scale.cluster import Order, run
    from ipc_gauntlet.fuzz.scale.collect import Ours, collect
    from ipc_gauntlet.fuzz.scale.parts import cut

    options = options_for(values["store_path"])
    keys = _checked(values["address"], values["certificates"])
    store, paths, wishes = store_from(values), asked_for(values), wishes_from(values)
    click.echo(f"seed {wishes.seed}")
    order = Order(
        address=values["address"], credentials=keys, store=store, parts=cut(wishes, values["tasks"])
    )
    folders = run(order, click.echo)
    ours = Ours(modules=wishes.modules, driver=wishes.driver)
    collected = collect(folders, store, None, lambda _text: None, ours)
    if paths:
        write(gather(collected.folder, datetime.datetime.now(datetime.UTC)), paths)
    ctx.exit(conclude(make_console(ctx), collected, options))


def _checked(address: str, folder: Path | None) -> Credentials | None:
    from ipc_gauntlet.errors import UsageError
    from ipc_gauntlet.fuzz.scale.cluster import check_address, missing
    from ipc_gauntlet.fuzz.scale.cluster_keys import of

    keys = of(folder) if folder is not None else None
    check_address(address, keys)
    if why := missing():
        raise UsageError(why)
    return keys


def _dask(program: str, words: list[str], keys: Credentials | None) -> int:
    """Run one of Dask's programs in our place; its life is ours."""
    from ipc_gauntlet.fuzz.scale.cluster import tls_words

    argv = [sys.executable, "-m", f"distributed.cli.{program}", *words, *tls_words(keys)]
    if os.name != "nt":
        os.execv(argv[0], argv)
    return subprocess.run(argv, check=False).returncode

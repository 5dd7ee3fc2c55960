"""The program that fuzzes: `python -m ipc_gauntlet.fuzz.slice SPEC.json`. Campaigns start it, a person may too."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import msgspec

from ipc_gauntlet.errors import GauntletError, UsageError
from ipc_gauntlet.fuzz.engines.base import engine
from ipc_gauntlet.fuzz.execute import execute
from ipc_gauntlet.fuzz.registry import Source, load
from ipc_gauntlet.fuzz.spec import Exit, Spec, read_spec
from ipc_gauntlet.fuzz.target import Target
from ipc_gauntlet.fuzz.watched import watch_starter
from ipc_gauntlet.fuzz.work import Work, write_whole

PLANTS = "plants.json"
"""In the slice's folder: what `--plants` found."""

_TOGETHER = 8
_TRACED = 200


def run(spec: Spec) -> None:
    """Do what the orders say.

    Raises:
        UsageError: The orders cannot be followed.
        GauntletError: Something went wrong on the way.
    """
    target = _prepared(spec)
    with Work(spec, target) as work:
        engine(spec.engine).run(work)
        work.finish()


def once(spec: Spec, data: bytes) -> None:
    """Execute one input as the slice would: to see whether it ends the process again.

    Raises:
        UsageError: The orders cannot be followed.
        GauntletError: The measured modules cannot be prepared.
    """
    target = _prepared(spec)
    execute(target, data)


def groups(spec: Spec) -> list[str]:
    """Names of defects to plant for a canary, the most promising first; several at once in each.

    Raises:
        UsageError: The orders cannot be followed.
    """
    from ipc_gauntlet.fuzz.plant import plants

    target = _found(spec)
    names = plants(target, islice(_inputs(spec), _TRACED))
    kinds = (":raise", ":branch", ":rare")
    chosen = [[name for name in names if kind in name][:_TOGETHER] for kind in kinds]
    return ["+".join(group) for group in chosen if group]


def _inputs(spec: Spec) -> Iterator[bytes]:
    for folder in spec.corpus:
        for path in sorted(Path(folder).glob("[!.]*")):
            yield path.read_bytes()[: spec.longest]


def _prepared(spec: Spec) -> Target:
    engine(spec.engine).prepare(spec)
    return _found(spec)


def _found(spec: Spec) -> Target:
    targets = {target.name: target for target in load(Source(spec.module, "orders"))}
    if spec.target not in targets:
        raise UsageError(f"{spec.module} has no target {spec.target}")
    return targets[spec.target]


def main(arguments: list[str]) -> int:
    """Run one slice.

    Args:
        arguments: The path of the orders, after any options: `--watched` to end with whoever started it, `--once
            FILE` to execute that input only, `--plants` to write the names of defects for a canary to `plants.json`.
    """
    parser = argparse.ArgumentParser(prog="python -m ipc_gauntlet.fuzz.slice")
    parser.add_argument("spec", type=Path)
    parser.add_argument("--watched", action="store_true")
    parser.add_argument("--once", type=Path)
    parser.add_argument("--plants", action="store_true")
    options = parser.parse_args(arguments)
    if options.watched:
        watch_starter()
    try:
        spec = read_spec(options.spec)
        if options.once is not None:
            once(spec, options.once.read_bytes())
        elif options.plants:
            write_whole(Path(spec.folder) / PLANTS, msgspec.json.encode(groups(spec)))
        else:
            run(spec)
    except UsageError as error:
        sys.stderr.write(f"{error}\n")
        return Exit.USAGE
    except (GauntletError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return Exit.TROUBLE
    return Exit.DONE


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

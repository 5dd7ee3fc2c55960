"""The program that fuzzes: `python -m ipc_gauntlet.fuzz.slice SPEC.json`. Campaigns start it, a person may too."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

import msgspec

from ipc_gauntlet.errors import GauntletError, UsageError
from ipc_gauntlet.fuzz.engines.base import engine
from ipc_gauntlet.fuzz.execute import execute
from ipc_gauntlet.fuzz.registry import Source, load
from ipc_gauntlet.fuzz.spec import Exit, Spec, read_spec
from ipc_gauntlet.fuzz.target import Target
from ipc_gauntlet.fuzz.watch import Watch
from ipc_gauntlet.fuzz.watched import watch_starter
from ipc_gauntlet.fuzz.work import Work, read_inputs, write_whole

PLANTS = "plants.json"
"""In the slice's folder: what `--plants` found, by target."""

SURVIVED = "survived"
"""In the slice's folder: `--once` came to its end, whatever the exit status says."""

_KINDS = (":raise", ":branch", ":rare")
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
    write_whole(Path(spec.folder) / SURVIVED, b"")


def timed(spec: Spec, data: bytes) -> None:
    """Execute one input that took too long in a slice, alone and with the same limit: ends with `Exit.HANG` if it does so again.

    What the target prepares at its first execution is none of the input's doing, so a seed runs before.

    Raises:
        UsageError: The orders cannot be followed.
        GauntletError: The measured modules cannot be prepared.
    """
    target = _prepared(spec)
    for seed in islice(target.seeds(), 1):
        execute(target, bytes(seed))
    own = msgspec.structs.replace(spec, folder=str(Path(spec.folder) / "again"))
    with Work(own, target) as work, Watch(work) as watch:
        work.current.set(data, 2)
        before = time.thread_time()
        execute(target, data)
        spent = time.thread_time() - before
        work.current.idle()
        watch.last_look()
    if spent >= spec.hang_seconds:
        # It kept the interpreter to itself, so that the watch could not look.
        os._exit(Exit.HANG)
    write_whole(Path(spec.folder) / SURVIVED, b"")


def groups(spec: Spec, names: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """Names of defects to plant for canaries, the most promising first; several at once in each.

    Args:
        spec: The orders; their module is imported once for all.
        names: Of targets of that module.

    Raises:
        UsageError: The orders cannot be followed.
    """
    from ipc_gauntlet.fuzz.plant import plants

    targets = _loaded(spec)
    for name in names:
        target = _named(name, targets, spec)
        found = plants(target, islice(_inputs(spec, name), _TRACED))
        chosen = [[one for one in found if kind in one][:_TOGETHER] for kind in _KINDS]
        yield name, ["+".join(group) for group in chosen if group]


def _write_groups(spec: Spec, names: Sequence[str]) -> None:
    """Write what is known after each target: a seed of one may hang, and the others' answers are good."""
    found: dict[str, list[str]] = {}
    for name, chosen in groups(spec, names):
        found[name] = chosen
        write_whole(Path(spec.folder) / PLANTS, msgspec.json.encode(found))


def _inputs(spec: Spec, name: str) -> Iterator[bytes]:
    """The corpus of a target; those of all targets lie side by side."""
    for folder in spec.corpus:
        for data in read_inputs(Path(folder).parent / name):
            yield data[: spec.longest]


def _prepared(spec: Spec) -> Target:
    engine(spec.engine).prepare(spec)
    return _found(spec)


def _found(spec: Spec) -> Target:
    return _named(spec.target, _loaded(spec), spec)


def _loaded(spec: Spec) -> dict[str, Target]:
    return {target.name: target for target in load(Source(spec.module, "orders"))}


def _named(name: str, targets: Mapping[str, Target], spec: Spec) -> Target:
    if name not in targets:
        raise UsageError(f"{spec.module} has no target {name}")
    return targets[name]


def main(arguments: list[str]) -> int:
    """Run one slice.

    Args:
        arguments: The path of the orders, after any options: `--watched` to end with whoever started it, `--once
            FILE` to execute that input only, with `--timed` within the limit for a hang, `--plants TARGET` (repeatable) to write the names of defects for canaries to
            `plants.json`.
    """
    parser = argparse.ArgumentParser(prog="python -m ipc_gauntlet.fuzz.slice")
    parser.add_argument("spec", type=Path)
    parser.add_argument("--watched", action="store_true")
    parser.add_argument("--once", type=Path)
    parser.add_argument("--timed", action="store_true")
    parser.add_argument("--plants", action="append", metavar="TARGET")
    options = parser.parse_args(arguments)
    if options.watched:
        watch_starter()
    try:
        spec = read_spec(options.spec)
        if options.once is not None:
            (timed if options.timed else once)(spec, options.once.read_bytes())
        elif options.plants:
            _write_groups(spec, options.plants)
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

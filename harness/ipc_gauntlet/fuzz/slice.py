"""The program that fuzzes: `python -m ipc_gauntlet.fuzz.slice SPEC.json`. Campaigns start it, a person may too."""

from __future__ import annotations

import sys
from pathlib import Path

from ipc_gauntlet.errors import GauntletError, UsageError
from ipc_gauntlet.fuzz.engines.base import engine
from ipc_gauntlet.fuzz.registry import Source, load
from ipc_gauntlet.fuzz.spec import Exit, Spec, read_spec
from ipc_gauntlet.fuzz.work import Work


def run(spec: Spec) -> None:
    """Do what the orders say.

    Raises:
        UsageError: The orders cannot be followed.
        GauntletError: Something went wrong on the way.
    """
    chosen = engine(spec.engine)
    chosen.prepare(spec)
    targets = {target.name: target for target in load(Source(spec.module, "orders"))}
    if spec.target not in targets:
        raise UsageError(f"{spec.module} has no target {spec.target}")
    with Work(spec, targets[spec.target]) as work:
        chosen.run(work)
        work.finish()


def main(arguments: list[str]) -> int:
    """Run one slice.

    Args:
        arguments: The path of the orders.
    """
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m ipc_gauntlet.fuzz.slice SPEC.json\n")
        return Exit.USAGE
    try:
        run(read_spec(Path(arguments[0])))
    except UsageError as error:
        sys.stderr.write(f"{error}\n")
        return Exit.USAGE
    except GauntletError as error:
        sys.stderr.write(f"{error}\n")
        return Exit.TROUBLE
    return Exit.DONE


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

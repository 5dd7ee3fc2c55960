"""A target as a libFuzzer program of its own, for services that run such programs: ClusterFuzzLite and OSS-Fuzz.

The exported script is short and calls `main`, so that what an execution means is the same there as here.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Sequence
from typing import Any

from ipc_gauntlet.errors import UsageError
from ipc_gauntlet.fuzz.execute import noncanonical
from ipc_gauntlet.fuzz.registry import Source, load
from ipc_gauntlet.fuzz.target import Target


class WrongAnswer(Exception):
    """A finding that is no exception of the parser."""


def test_one_input(target: Target) -> Callable[[bytes], None]:
    """The function that libFuzzer calls: what it raises is a crash.

    Raises:
        Whatever the parser raises beyond its declared rejections, and `WrongAnswer` for other findings.
    """

    def execute(data: bytes) -> None:
        before = target.residue() if target.residue is not None else None
        verdict = target.judge(data)
        if verdict.accepted:
            finding = noncanonical(target, data, verdict)
            if finding is not None:
                raise WrongAnswer(finding.message)
        elif target.residue is not None and (after := target.residue()) != before:
            raise WrongAnswer(f"after a rejection something was kept: {before!r} became {after!r}")

    return execute


test_one_input.__test__ = False  # type: ignore[attr-defined] # pytest takes the name for a test


def main(module: str, name: str, measured: Sequence[str], arguments: Sequence[str]) -> None:
    """Fuzz a target with atheris until the process ends.

    Args:
        module: Where the target is.
        name: Its name.
        measured: Prefixes of the modules to instrument.
        arguments: Command line, with the program's name.

    Raises:
        UsageError: There is no such target.
    """
    atheris: Any = importlib.import_module("atheris")
    with atheris.instrument_imports(include=list(measured)):
        targets = {target.name: target for target in load(Source(module, "exported"))}
    if name not in targets:
        raise UsageError(f"{module} has no target {name}")
    atheris.Setup(list(arguments), test_one_input(targets[name]))
    atheris.Fuzz()
    sys.exit(0)

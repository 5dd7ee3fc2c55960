"""Inputs that are kept because they tell a mutant of the parser from the parser: see `ipc_gauntlet.fuzz.pin`."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from ipc_gauntlet.fuzz.corpus.care import Pin
from ipc_gauntlet.fuzz.pin.runner import Wish, inputs_of, pin_target
from ipc_gauntlet.fuzz.registry import Found
from ipc_gauntlet.fuzz.work import digest, write_whole


def pinning(found: Found, told: Callable[[str], None] = lambda text: None) -> Pin:
    """A choice by mutants: which of some inputs are needed, as many mutants of the parser as all of them tell apart.

    Args:
        found: The target.
        told: Is told the score.
    """

    def pin(inputs: list[bytes]) -> list[bytes]:
        with tempfile.TemporaryDirectory(prefix="gauntlet-corpus-") as name:
            folder = Path(name)
            for data in inputs:
                write_whole(folder / digest(data), data)
            # Without a limit of either kind nothing is searched, only judged.
            pinned = pin_target(found, Wish(seconds=0.0, executions=0, corpus=lambda target: (name,)))
        score = pinned.after
        told(f"{found.target.name}: {score.pinned} of {score.mutants} mutants of the parser are told apart")
        return inputs_of(pinned)

    return pin

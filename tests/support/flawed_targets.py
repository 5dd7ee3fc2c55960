"""Fuzz targets written into a folder, each with its flaws, for tests that execute inputs in other processes."""

from __future__ import annotations

import sys
from pathlib import Path

from ipc_gauntlet.fuzz.child.messages import Orders

_PARSERS = '''
import os
import time


class Refused(Exception):
    def __init__(self, reason):
        super().__init__(reason)
        self.reason = reason


kept = []


def clumsy(data):
    """A length, as many bytes, and nothing more. It has a flaw for each first byte of a body."""
    if not data:
        raise Refused("empty")
    if data[0] != len(data) - 1:
        raise Refused("length")
    body = data[1:]
    if body[:1] == b"C":
        return broken(body)
    if body[:2] == b"HH":
        while True:
            pass
    if body[:1] == b"D":
        os._exit(9)
    if body[:2] == b"MM":
        hog = []
        while True:
            hog.append(bytearray(1 << 20))
    if body[:1] == b"K":
        kept.append(len(body))
        raise Refused("kept")
    if body[:1] == b"P":
        print("output of the code under test")
    return body


def broken(body):
    if body[-1:] == b"!":
        return {}["missing"]
    return body


def tidy(data):
    """The same without a flaw."""
    if not data:
        raise Refused("empty")
    if data[0] != len(data) - 1:
        raise Refused("length")
    return data[1:]
'''

_TARGETS = """
import flawed_parsers
from ipc_gauntlet.fuzz import Target

SEEDS = (b"\\x00", b"\\x02ab", b"\\x03xyz")
TARGETS = [
    Target(
        name="t.clumsy", title="A clumsy parser.", layer="other", parse=flawed_parsers.clumsy,
        rejects=(flawed_parsers.Refused,), measured=("flawed_parsers",), seeds=lambda: SEEDS,
        residue=lambda: len(flawed_parsers.kept),
    ),
    Target(
        name="t.tidy", title="A tidy parser.", layer="other", parse=flawed_parsers.tidy,
        rejects=(flawed_parsers.Refused,), measured=("flawed_parsers",), seeds=lambda: SEEDS,
        encode=lambda body: bytes([len(body)]) + body, canonical=True,
    ),
]
"""


def written(folder: Path, parsers: str = _PARSERS, targets: str = _TARGETS) -> Path:
    """Write parsers and targets; the path of the module of targets.

    What an earlier test of this process loaded under the same names is forgotten.
    """
    sys.modules.pop("flawed_parsers", None)
    sys.path[:] = [place for place in sys.path if not (Path(place) / "flawed_parsers.py").is_file()]
    (folder / "flawed_parsers.py").write_text(parsers, encoding="utf-8")
    path = folder / "flawed_targets_module.py"
    path.write_text(targets, encoding="utf-8")
    return path


def orders(
    path: Path, target: str = "t.clumsy", *, coverage: bool = False, hang_seconds: float = 1.0
) -> Orders:
    """Orders for a child."""
    return Orders(
        target=target,
        module=str(path),
        measured=("flawed_parsers",),
        coverage=coverage,
        hang_seconds=hang_seconds,
        memory_mb=200,
    )


def framed(body: bytes) -> bytes:
    """An input that the parsers take."""
    return bytes([len(body)]) + body

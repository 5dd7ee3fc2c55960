"""What a mutant's behaviour depends on, as one hash: nothing has to be run again while it stays the same."""

import hashlib
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from sipc_mutants.model import Mutant

PACKAGES = ("sipc", "sipc_runtime", "sipc_driver")
"""What is run."""

MECHANISM = ("hook", "marks", "patching", "program")
"""Modules of this package that bring a defect in; other mutants do not matter."""


def fingerprint(mutant: Mutant | None) -> str:
    """Hash of the unflawed packages, the mechanism, and a mutant's patches (None for the unflawed reference)."""
    digest = hashlib.sha256(_unflawed())
    for patch in mutant.patches if mutant is not None else ():
        for text in (patch.module, patch.old, patch.new):
            digest.update(len(text).to_bytes(4) + text.encode())
    return digest.hexdigest()


@cache
def _unflawed() -> bytes:
    files = [file for package in PACKAGES for file in sorted(_folder(package).rglob("*.py"))]
    files += [_folder("sipc_mutants") / f"{name}.py" for name in MECHANISM]
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.name.encode() + b"\0" + hashlib.sha256(file.read_bytes()).digest())
    return digest.digest()


def _folder(package: str) -> Path:
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(f"there is no package {package}", name=package)
    return Path(next(iter(spec.submodule_search_locations)))

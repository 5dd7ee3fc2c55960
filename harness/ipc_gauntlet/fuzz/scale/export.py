"""Targets, seeds and dictionaries as the folder that ClusterFuzzLite and OSS-Fuzz build from.

project.yaml  Dockerfile  build.sh
fuzz_<target>.py  fuzz_<target>_seed_corpus.zip  fuzz_<target>.dict  fuzz_<target>.options
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Literal

from ipc_gauntlet.errors import GauntletError, UsageError
from ipc_gauntlet.fuzz.registry import Found
from ipc_gauntlet.fuzz.work import digest, write_whole

Service = Literal["clusterfuzzlite", "oss-fuzz"]
"""Who builds from the folder."""

# Archives of the same content are the same: a change in a checkout is then a change of the corpus.
_STAMP = (1980, 1, 1, 0, 0, 0)

_SCRIPT = '''#!/usr/bin/env python3
"""Fuzzes {name}: {title}"""

import sys

from ipc_gauntlet.fuzz.scale.standalone import main

main({module!r}, {name!r}, {measured!r}, sys.argv)
'''

_DOCKERFILE = """FROM gcr.io/oss-fuzz-base/base-builder-python
COPY . $SRC/{project}
WORKDIR $SRC/{project}
COPY {folder}/build.sh $SRC/
"""

_BUILD = """#!/bin/bash -eu
# Builds each fuzz_*.py of this folder into a program of its own, with its seeds, dictionary and options beside it.
pip3 install 'ipc-gauntlet[fuzz]=={version}' .
for script in {folder}/fuzz_*.py; do
    compile_python_fuzzer "$script" {imports}
    stem="$(basename "$script" .py)"
    for extra in "{folder}/$stem"_seed_corpus.zip "{folder}/$stem".dict "{folder}/$stem".options; do
        if [ -e "$extra" ]; then cp "$extra" "$OUT/"; fi
    done
done
"""


def export(
    found: Sequence[Found], inputs: Iterable[Iterable[bytes]], folder: Path, service: Service, project: str
) -> list[Path]:
    """Write the folder.

    Args:
        found: The targets.
        inputs: The corpus of each, in the same order.
        folder: Where; for ClusterFuzzLite it has to be `.clusterfuzzlite` in the root of the checkout.
        service: Who builds from it.
        project: Name of the project.

    Returns:
        The files written.

    Raises:
        UsageError: A name cannot be used, or a target's module is a file.
        GauntletError: Something cannot be written.
    """
    if re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,62}", project) is None:
        raise UsageError(f"{project!r} cannot be the name of a project: lower-case letters, digits, dashes")
    for one in found:
        if one.source.module.endswith(".py"):
            raise UsageError(f"{one.target.name} comes from a file; an exported target has to be in a module")
    files: dict[str, bytes] = {}
    for one, corpus in zip(found, inputs, strict=True):
        files |= _target(one, corpus)
    files |= _project(found, folder.name, service, project)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            write_whole(folder / name, content)
            if name.endswith((".sh", ".py")):
                (folder / name).chmod(0o755)
    except OSError as error:
        raise GauntletError(f"cannot write to {folder}: {error.strerror}") from error
    return [folder / name for name in files]


def _target(found: Found, corpus: Iterable[bytes]) -> dict[str, bytes]:
    target = found.target
    stem = "fuzz_" + re.sub(r"[^a-z0-9]+", "_", target.name)
    title = target.title.replace("\\", "").replace('"', "'")
    script = _SCRIPT.format(
        name=target.name, title=title, module=found.source.module, measured=target.measured
    )
    files = {f"{stem}.py": script.encode(), f"{stem}.options": _options(target.longest)}
    seeds = {digest(data): data for data in (*map(bytes, target.seeds()), *corpus)}
    if seeds:
        files[f"{stem}_seed_corpus.zip"] = _zipped(seeds)
    if target.tokens:
        files[f"{stem}.dict"] = _dictionary(target.tokens)
    return files


def _options(longest: int) -> bytes:
    return f"[libfuzzer]\nmax_len = {longest}\ntimeout = 5\n".encode()


def _zipped(inputs: dict[str, bytes]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(inputs):
            archive.writestr(zipfile.ZipInfo(name, _STAMP), inputs[name])
    return content.getvalue()


def _dictionary(tokens: Sequence[bytes]) -> bytes:
    lines = ["".join(f"\\x{byte:02x}" for byte in token) for token in dict.fromkeys(tokens) if token]
    return "".join(f'"{line}"\n' for line in lines).encode()


def _project(found: Sequence[Found], folder: str, service: Service, project: str) -> dict[str, bytes]:
    prefixes = {
        prefix.partition(".")[0] for one in found for prefix in (*one.target.measured, one.source.module)
    }
    imports = " ".join(f"--hidden-import={name}" for name in sorted(prefixes))
    yaml = "language: python\n"
    if service == "oss-fuzz":
        yaml += "fuzzing_engines:\n  - libfuzzer\nsanitizers:\n  - address\n  - undefined\n"
    return {
        "project.yaml": yaml.encode(),
        "Dockerfile": _DOCKERFILE.format(project=project, folder=folder).encode(),
        "build.sh": _BUILD.format(version=version("ipc-gauntlet"), folder=folder, imports=imports).encode(),
    }

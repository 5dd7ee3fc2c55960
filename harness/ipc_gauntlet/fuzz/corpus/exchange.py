"""Corpora as one file, and back: an archive with a manifest, the same bytes for the same corpora on every machine.

    manifest.json          {"schema": "ipc-gauntlet-fuzz-corpus/1", "targets": {"sipc.cbor": {"<sha256>": size, ...}}}
    sipc.cbor/<sha256>

What comes in is never believed: see `sources` and `hostile`. A manifest has to be right, if there is one; each input is
executed in another process before it is taken; what hangs, kills or breaks something there is told and not taken.
"""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from ipc_gauntlet.errors import UsageError
from ipc_gauntlet.fuzz.corpus.care import Cared, Pin, merge
from ipc_gauntlet.fuzz.corpus.sources import Limits, Member, read_source
from ipc_gauntlet.fuzz.corpus.store import Store
from ipc_gauntlet.fuzz.triage.targets import Targets
from ipc_gauntlet.fuzz.work import digest, write_whole

SCHEMA = "ipc-gauntlet-fuzz-corpus/1"
MANIFEST = "manifest.json"

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the first moment that a zip file can tell


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What an archive holds.

    Attributes:
        schema: Version of this format.
        targets: For each target the inputs: SHA-256 and size in bytes.
    """

    schema: str = SCHEMA
    targets: dict[str, dict[str, int]]


@dataclass(frozen=True, slots=True)
class Offer:
    """What a source brings for the targets that are known.

    Attributes:
        inputs: By name of the target, each input once.
        too_long: Inputs by name of the target that are longer than its longest.
    """

    inputs: dict[str, list[bytes]]
    too_long: dict[str, int] = field(default_factory=dict)


def export(store: Store, targets: Sequence[str], path: Path) -> Manifest:
    """Write corpora into a file: `.zip`, or a tar file (`.tar`).

    Args:
        store: Where the corpora are.
        targets: Names.
        path: The file; its ending chooses the format.

    Raises:
        UsageError: The ending says nothing, or there is nothing to write.
        GauntletError: It cannot be written.
    """
    if path.suffix not in (".zip", ".tar"):
        raise UsageError(f"{path}: write .zip or .tar")
    corpora = {name: list(store.inputs(name)) for name in sorted(targets)}
    corpora = {name: inputs for name, inputs in corpora.items() if inputs}
    if not corpora:
        raise UsageError(f"there are no inputs to export in {store.corpus}")
    manifest = Manifest(
        targets={name: {digest(data): len(data) for data in inputs} for name, inputs in corpora.items()}
    )
    members = [Member(MANIFEST, msgspec.json.format(msgspec.json.encode(manifest, order="sorted")) + b"\n")]
    for name, inputs in corpora.items():
        members += [Member(f"{name}/{digest(data)}", data) for data in sorted(inputs, key=digest)]
    write_whole(path, _zip(members) if path.suffix == ".zip" else _tar(members))
    return manifest


def _zip(members: Sequence[Member]) -> bytes:
    out = io.BytesIO()
    # Stored, not deflated: what a compressor makes of the same bytes depends on its version.
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for member in members:
            info = zipfile.ZipInfo(member.name, _EPOCH)
            info.external_attr = 0o100644 << 16
            info.create_system = 3
            archive.writestr(info, member.data)
    return out.getvalue()


def _tar(members: Sequence[Member]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for member in members:
            info = tarfile.TarInfo(member.name)
            info.size = len(member.data)
            info.mode = 0o644
            archive.addfile(info, io.BytesIO(member.data))
    return out.getvalue()


def read_offer(path: Path, targets: Targets, target: str | None, limits: Limits | None = None) -> Offer:
    """Read a folder or an archive, and sort its inputs by target.

    Args:
        path: Of the folder or archive.
        targets: Those that are known.
        target: The one that all inputs are for; None if the folder that each is in is named as its target.
        limits: How much is taken.

    Raises:
        UsageError: Something in it is refused, the manifest does not fit, or a target is not known.
    """
    members = read_source(path, limits)
    texts = [member for member in members if member.name == MANIFEST]
    files = [member for member in members if member.name != MANIFEST]
    if texts:
        _compare(path, _manifest(path, texts[0].data), files)
    inputs: dict[str, dict[bytes, None]] = {}
    too_long: dict[str, int] = {}
    for member in files:
        name = target if target is not None else _folder(member.name)
        if name not in targets:
            raise UsageError(
                f"{path}: {member.name!a} lies in no folder that is named as a fuzz target; "
                "say which one it is for with --target"
            )
        if len(member.data) > targets.get(name).longest:
            too_long[name] = too_long.get(name, 0) + 1
        else:
            inputs.setdefault(name, {})[member.data] = None
    return Offer({name: list(found) for name, found in sorted(inputs.items())}, too_long)


def take(offer: Offer, targets: Targets, store: Store, pin: Pin | None = None) -> list[Cared]:
    """Execute what was offered, and take what the corpora lack.

    Raises:
        GauntletError: Inputs cannot be executed or written.
    """
    return [merge(name, targets, store, inputs, pin) for name, inputs in offer.inputs.items()]


def _folder(name: str) -> str:
    return name.rpartition("/")[0].rpartition("/")[2]


def _manifest(path: Path, text: bytes) -> Manifest:
    try:
        manifest = msgspec.json.decode(text, type=Manifest)
    except (msgspec.DecodeError, RecursionError) as error:
        raise UsageError(f"refusing {path}: its manifest cannot be read: {error}") from error
    if manifest.schema != SCHEMA:
        raise UsageError(
            f"refusing {path}: its manifest is of {ascii(manifest.schema)[:60]}, not of {SCHEMA}"
        )
    return manifest


def _compare(path: Path, manifest: Manifest, files: Sequence[Member]) -> None:
    """Raise unless the files are exactly those of the manifest."""
    named = {
        f"{target}/{name}": size
        for target, inputs in manifest.targets.items()
        for name, size in inputs.items()
    }
    for member in files:
        size = named.pop(member.name, None)
        if size is None:
            raise UsageError(f"refusing {path}: {member.name!a} is not in its manifest")
        if size != len(member.data) or digest(member.data) != member.name.rpartition("/")[2]:
            raise UsageError(f"refusing {path}: {member.name!a} is not what its manifest says")
    if named:
        raise UsageError(f"refusing {path}: {next(iter(named))!a} of its manifest is missing")

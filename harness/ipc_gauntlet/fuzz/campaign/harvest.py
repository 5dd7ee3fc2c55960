"""Takes a slice's folder into the campaign: inputs to the corpus, findings to their folders, numbers to the database.

The process that wrote the folder ran hostile inputs against code with bugs, so nothing in it is believed: names are
computed again, what does not fit is left out, numbers are cut to what is possible. The order makes it safe to be killed
anywhere: files first (adding one twice changes nothing), then one transaction, then the folder goes.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import msgspec

from ipc_gauntlet.errors import GauntletError
from ipc_gauntlet.fuzz.campaign.ledger import Seen, SliceEnd
from ipc_gauntlet.fuzz.campaign.notes import said
from ipc_gauntlet.fuzz.corpus.store import Store
from ipc_gauntlet.fuzz.findings import Finding, from_json
from ipc_gauntlet.fuzz.spec import Progress, Result, Spec
from ipc_gauntlet.fuzz.work import digest, write_whole

MOST_INPUTS = 100_000
"""Inputs that one slice may add."""

MOST_FILES = 16
"""Files that one slice may bring for each signature; of known ones it brings none."""

_LARGEST_FINDING = 4 << 20
_LARGEST_NUMBERS = 64 << 20
_MOST_NAMES = 500_000
_SIGNATURE = re.compile(r"[a-z0-9][a-z0-9-]{2,99}")
_HUGE = 1 << 53


@dataclass(frozen=True, kw_only=True)
class Harvest:
    """What a slice's folder holds.

    Attributes:
        progress: Its last numbers.
        result: What it said at its end; None if it said nothing, or something else than it should.
        findings: What it found.
        kept: Inputs that are new to the corpus.
        corpus: Inputs in the corpus now.
    """

    progress: Progress
    result: Result | None
    findings: tuple[Seen, ...]
    kept: int
    corpus: int

    def end(self, name: str, spec: Spec, outcome: str, at: float, trouble: str = "") -> SliceEnd:
        """As the campaign's database takes it."""
        result = self.result
        return SliceEnd(
            name=name,
            target=spec.target,
            engine=spec.engine,
            outcome=outcome,
            progress=self.progress,
            at=at,
            covered=result.covered[:_MOST_NAMES] if result else (),
            functions=result.functions[:_MOST_NAMES] if result else (),
            findings=self.findings,
            kept=self.kept,
            corpus=self.corpus,
            trouble=trouble[:300],
            said=said(result) if result is not None else None,
        )


def harvest(folder: Path, spec: Spec, store: Store, campaign: Path) -> Harvest:
    """Bring the files of a slice to where they belong, and read its numbers.

    Args:
        folder: The slice's.
        spec: Its orders, from the supervisor, not from the folder.
        store: Where corpora are.
        campaign: The campaign's folder.

    Raises:
        GauntletError: Something cannot be written; run it again when it can.
    """
    if spec.engine == "driver" and next(_entries(folder / "inputs"), None) is not None:
        store.mark_paired(spec.target)  # before the first of them is there
    kept = sum(store.add(spec.target, data) for data in _inputs(folder / "inputs", spec.longest))
    result = result_of(folder, spec)
    progress = _possible(result.progress if result else _read(folder / "progress.json", Progress))
    return Harvest(
        progress=progress,
        result=result,
        findings=tuple(_findings(folder / "findings", spec, campaign, progress)),
        kept=kept,
        corpus=len(store.paths(spec.target)),
    )


def has_findings_of(folder: Path, error: str) -> bool:
    """Whether a slice found an exception of this type.

    Args:
        folder: The slice's.
        error: Name of the type.
    """
    return any(
        (finding := _finding(path)) is not None and finding.error == error
        for group in _entries(folder / "findings")
        for path in islice(_entries(group), MOST_FILES)
    )


def _entries(folder: Path) -> Iterator[Path]:
    """What is in a folder, in the order of names, hidden things left out; nothing if there is no folder."""
    try:
        names = sorted(entry.name for entry in os.scandir(folder) if not entry.name.startswith("."))
    except OSError:
        return
    for name in names:
        yield folder / name


def _content(path: Path, largest: int) -> bytes | None:
    """The content of a regular file that is not too large, else None; no link is followed."""
    try:
        if path.is_symlink() or not path.is_file() or path.stat().st_size > largest:
            return None
        return path.read_bytes()
    except OSError:
        return None


def _inputs(folder: Path, longest: int) -> Iterator[bytes]:
    for path in islice(_entries(folder), MOST_INPUTS):
        data = _content(path, longest)
        if data is not None and digest(data) == path.name:
            yield data


def _read(path: Path, kind: type[Progress]) -> Progress:
    data = _content(path, _LARGEST_NUMBERS)
    try:
        return msgspec.json.decode(data, type=kind) if data else kind()
    except (msgspec.DecodeError, RecursionError):
        return kind()


def result_of(folder: Path, spec: Spec) -> Result | None:
    """What a slice said at its end; None if it said nothing, or it is not what a slice with these orders says."""
    data = _content(folder / "result.json", _LARGEST_NUMBERS)
    if not data:
        return None
    try:
        result = msgspec.json.decode(data, type=Result)
    except (msgspec.DecodeError, RecursionError):
        return None
    return result if result.spec == spec else None


def _possible(told: Progress) -> Progress:
    """The same numbers, those cut that cannot be: negative, not a number, beyond all measure."""
    changes: dict[str, object] = {}
    for field in msgspec.structs.fields(Progress):
        value = getattr(told, field.name)
        if isinstance(value, float):
            changes[field.name] = min(max(value, 0.0), 1e12) if math.isfinite(value) else 0.0
        elif isinstance(value, int):
            changes[field.name] = min(max(value, 0), _HUGE)
        else:
            pairs = islice(sorted(value.items()), _MOST_NAMES)
            changes[field.name] = {key: min(max(count, 0), _HUGE) for key, count in pairs}
    possible = msgspec.structs.replace(told, **changes)
    possible.edges = min(possible.edges, possible.edges_total) if possible.edges_total else possible.edges
    return possible


def _finding(path: Path) -> Finding | None:
    data = _content(path, _LARGEST_FINDING)
    try:
        finding = from_json(data) if data else None
        if finding is not None:
            _ = finding.data  # raises when it is not base64
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None
    return finding


def _findings(folder: Path, spec: Spec, campaign: Path, progress: Progress) -> Iterator[Seen]:
    """Copy the findings; tell what each group is. Groups that were known before have a count and no files."""
    copied: set[str] = set()
    for group in _entries(folder):
        files = [(path, _finding(path)) for path in islice(_entries(group), MOST_FILES)]
        good = [
            finding
            for path, finding in files
            if finding is not None
            and finding.signature == group.name
            and finding.target == spec.target
            and path.name == f"{digest(finding.data)}.json"
        ]
        if not good or _SIGNATURE.fullmatch(group.name) is None:
            continue
        _copy(good, campaign / "findings" / group.name)
        smallest = min(good, key=lambda one: (len(one.data), one.data))
        copied.add(group.name)
        yield Seen(
            signature=group.name,
            kind=smallest.kind,
            message=" ".join(smallest.message.split())[:300],
            count=max(progress.findings.get(group.name, 0), 1),
            smallest=digest(smallest.data),
            size=len(smallest.data),
        )
    for signature in spec.known:
        count = progress.findings.get(signature, 0)
        if count and signature not in copied:
            yield Seen(signature=signature, kind="crash", message="", count=count, smallest="", size=0)


def _copy(findings: Sequence[Finding], folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise GauntletError(f"cannot make {folder}: {error.strerror}; the folder must be writable") from error
    for finding in findings:
        path = folder / f"{digest(finding.data)}.json"
        if not path.exists():
            write_whole(path, finding.to_json())

"""Finds findings on disk: in campaigns, by signature or the beginning of one, and in files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ipc_gauntlet.errors import UsageError
from ipc_gauntlet.fuzz.campaign import places
from ipc_gauntlet.fuzz.corpus.store import Store
from ipc_gauntlet.fuzz.triage.case import Case, read_case, readable_cases

FINDINGS = "findings"
CASES = "cases"
"""Folder of a campaign for regression cases: the minimised input of each finding, as `<signature>.json`."""


@dataclass(frozen=True, slots=True)
class Saved:
    """A finding with every input that is known to show it.

    Attributes:
        signature: Its name.
        case: The best: minimised if that was done, else the smallest.
        inputs: All of them, the smallest first.
        path: Where the best lies.
        campaign: The folder of its campaign; None for a file.
        triaged: Whether the best is the result of triage.
        damaged: What is wrong with files that belong to it and cannot be read.
    """

    signature: str
    case: Case
    inputs: tuple[Case, ...]
    path: Path
    campaign: Path | None = None
    triaged: bool = False
    damaged: tuple[str, ...] = ()


def signatures(campaign: Path) -> list[str]:
    """Signatures of a campaign's findings, sorted."""
    folder = campaign / FINDINGS
    if not folder.is_dir():
        return []
    return sorted(path.name for path in folder.iterdir() if path.is_dir() and any(path.glob("*.json")))


def of_signature(campaign: Path, signature: str) -> Saved:
    """A campaign's finding.

    Raises:
        UsageError: There is none, or none of its files can be read.
    """
    files, damaged = readable_cases([campaign / FINDINGS / signature])
    minimised = campaign / CASES / f"{signature}.json"
    cases, bad = readable_cases([minimised] if minimised.is_file() else [])
    damaged += bad
    if not files and not cases:
        raise UsageError("; ".join(damaged) or f"there is no finding {signature} in {campaign}")
    read = [(case, path) for path, case in files]
    read.sort(key=lambda pair: (len(pair[0].data), pair[0].data))
    path, best = cases[0] if cases else (read[0][1], read[0][0])
    inputs = dict.fromkeys(case.data for case in (best, *(case for case, _ in read)))
    by_data = {case.data: case for case, _ in read} | {best.data: best}
    every = tuple(by_data[data] for data in inputs)
    return Saved(signature, best, every, path, campaign, bool(cases), tuple(damaged))


def readable(campaign: Path) -> tuple[list[Saved], list[str]]:
    """All findings of a campaign that can be read, and what is wrong with files that cannot."""
    found: list[Saved] = []
    damaged: list[str] = []
    for signature in signatures(campaign):
        try:
            found.append(of_signature(campaign, signature))
        except UsageError as error:
            damaged.append(str(error))
        else:
            damaged += found[-1].damaged
    return found, damaged


def find(names: Iterable[str], store: Store, campaign: str | None) -> list[Saved]:
    """Findings by file, signature, or the beginning of a signature.

    Args:
        names: What was asked for.
        store: Where campaigns are.
        campaign: Only this one; by default all, the one that was active last first.

    Raises:
        UsageError: A name means nothing, or more than one finding.
    """
    folders = [places.campaign(store, campaign)] if campaign is not None else places.all_campaigns(store)
    return [_find_one(name, folders) for name in names]


def _find_one(name: str, folders: Sequence[Path]) -> Saved:
    if (path := Path(name)).is_file():
        case = read_case(path)
        return Saved(case.signature, case, (case,), path, triaged=case.minimised_from > 0)
    for folder in folders:
        known = signatures(folder)
        if name in known:
            return of_signature(folder, name)
        matching = [one for one in known if one.startswith(name)]
        if len(matching) > 1:
            raise UsageError(f"{name} may be {', '.join(matching[:6])}; write more of it")
        if matching:
            return of_signature(folder, matching[0])
    where = ", ".join(folder.name for folder in folders) or "there is no campaign"
    raise UsageError(
        f"{name} is neither a file nor a finding of a campaign ({where}); `ipc-gauntlet fuzz status` lists findings"
    )


def others(saved: Saved) -> list[Case]:
    """The other findings of the same campaign and target; those that cannot be read are left out."""
    if saved.campaign is None:
        return []
    found, _ = readable(saved.campaign)
    return [
        one.case for one in found if one.signature != saved.signature and one.case.target == saved.case.target
    ]

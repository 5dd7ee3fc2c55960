"""Enters findings that no slice made into a campaign: those of oracles, of corpora, of inputs that came from elsewhere.

Files first, then the database, as a slice is taken over: whoever dies in between loses nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from ipc_gauntlet.errors import GauntletError
from ipc_gauntlet.fuzz.campaign.harvest import MOST_FILES
from ipc_gauntlet.fuzz.campaign.ledger import Seen, SliceEnd
from ipc_gauntlet.fuzz.campaign.state import State
from ipc_gauntlet.fuzz.findings import Finding
from ipc_gauntlet.fuzz.spec import Progress
from ipc_gauntlet.fuzz.work import digest, write_whole


def enter(
    state: State, target: str, findings: Sequence[Finding], *, name: str, engine: str
) -> tuple[str, ...]:
    """Enter findings of one target of the campaign's plan.

    Args:
        state: The campaign's memory, opened for writing.
        target: What they are of.
        findings: Each with its input; of one signature the smallest are kept, as many as of a slice.
        name: Of this entry; entering one twice changes nothing.
        engine: Who found them.

    Returns:
        Signatures that are new to the campaign.

    Raises:
        GauntletError: They cannot be written.
    """
    if not findings:
        return ()
    end = SliceEnd(
        name=name,
        target=target,
        engine=engine,
        outcome="done",
        progress=Progress(),
        at=state.elapsed(),
        findings=write_down(state.folder, findings),
        corpus=next((one.corpus for one in state.targets() if one.target == target), 0),
    )
    return state.merge(end, given=None, passed=None)


def write_down(folder: Path, findings: Iterable[Finding]) -> tuple[Seen, ...]:
    """Write the files of findings; what the database is to know of each signature.

    Args:
        folder: The campaign's.
        findings: See `enter`.

    Raises:
        GauntletError: They cannot be written.
    """
    by_signature: dict[str, dict[bytes, Finding]] = {}
    for finding in findings:
        by_signature.setdefault(finding.signature, {}).setdefault(finding.data, finding)
    seen: list[Seen] = []
    for signature, by_input in sorted(by_signature.items()):
        inputs = sorted(by_input, key=lambda data: (len(data), data))
        for data in inputs[:MOST_FILES]:
            _write(folder / "findings" / signature, by_input[data])
        smallest = by_input[inputs[0]]
        seen.append(
            Seen(
                signature=signature,
                kind=smallest.kind,
                message=" ".join(smallest.message.split())[:300],
                count=len(inputs),
                smallest=digest(inputs[0]),
                size=len(inputs[0]),
            )
        )
    return tuple(seen)


def _write(group: Path, finding: Finding) -> None:
    try:
        group.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise GauntletError(f"cannot make {group}: {error.strerror}; the folder must be writable") from error
    path = group / f"{digest(finding.data)}.json"
    if not path.exists():
        write_whole(path, finding.to_json())

"""The end of a campaign on a terminal: what engines said is not lost."""

from __future__ import annotations

import io

from rich.console import Console

from ipc_gauntlet.cli.fuzz.summary import print_summary
from ipc_gauntlet.fuzz.campaign.records import TargetState
from ipc_gauntlet.fuzz.campaign.status import Status


def test_notes_warnings_and_pairs_of_verdicts_are_told() -> None:
    """The most frequent pairs; the report has the others."""
    pairs = {f"accepted / odd{number:02}": 100 - number for number in range(14)}
    targets = tuple(
        TargetState(
            target=name,
            warnings=("the driver of box claims coverage (edges/1) and told no edge",),
            notes=("implementation: box 1, 0 edges told",),
            pairs=pairs if name == "t.one" else {},
        )
        for name in ("t.one", "t.two")
    )
    status = Status(
        name="test",
        phase="ended",
        pid=1,
        updated=0.0,
        elapsed=5.0,
        seconds_left=0.0,
        jobs=1,
        engines=("driver",),
        targets=targets,
        rates={},
        running=(),
        findings=(),
        findings_total=0,
        exit_status=0,
    )
    out = io.StringIO()
    print_summary(Console(file=out, width=200, color_system=None), status)
    text = out.getvalue()
    assert "look at  2 targets  the driver of box claims coverage (edges/1) and told no edge" in text
    assert "note  2 targets  implementation: box 1, 0 edges told" in text
    assert "100  accepted / odd00" in text
    assert "4 more in the report" in text
    assert "odd12" not in text

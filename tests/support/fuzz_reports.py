"""A campaign's report made by hand, with hostile text in it."""

import base64

from ipc_gauntlet.fuzz.campaign.records import FindingState, Growth, TargetState
from ipc_gauntlet.fuzz.findings import Frame
from ipc_gauntlet.fuzz.report.model import (
    CampaignReport,
    FindingReport,
    Piece,
    SourceFile,
    SourceLine,
    TargetReport,
)

HOSTILE = "</script><b>&\x00\x1b[31m\u202e\ud800"


def growth(target: str, values: list[int]) -> tuple[Growth, ...]:
    """A curve with a point every thirty seconds."""
    return tuple(
        Growth(
            target=target,
            at=30.0 * number,
            executions=100_000 * number,
            edges=value,
            features=2 * value,
            corpus=value // 3,
            rate=50_000.0,
            memory_mb=60.0,
        )
        for number, value in enumerate(values, 1)
    )


def sample(message: str = "IndexError in decode (sipc/cbor.py:12): out of range") -> CampaignReport:
    """Two targets, one of them blind, and one finding."""
    state = FindingState(
        signature="crash-0123456789abcdef",
        target="demo.header",
        kind="crash",
        message=message,
        count=17,
        first_at=12.5,
        status="triaged",
        reproduced="5/5",
        smallest="ab" * 32,
        size=5,
    )
    finding = FindingReport(
        state=state,
        error="IndexError",
        frames=(Frame("demo/header.py", 3, "parse"), Frame("demo/header.py", 12, "Reader.take")),
        input_b64=base64.b64encode(b"\x00<b>\xff").decode(),
        pieces=(Piece(0, 1, "length", message, 0), Piece(1, 4, "body", "b'<b>'", 1)),
        details={"stack of the process": message},
        file="findings/crash-0123456789abcdef/abab.json",
        replay="ipc-gauntlet fuzz replay crash-0123456789abcdef",
    )
    lines = (
        SourceLine("def parse(data):", 1, 1),
        SourceLine("    if <x>:", 2, 1),
        SourceLine("        raise", 1, 0),
    )
    seen = TargetState(
        target="demo.header",
        executions=500_000,
        seconds=150,
        cpu_seconds=140,
        edges=40,
        edges_total=52,
        features=80,
        corpus=13,
        last_new=61.0,
        slices=5,
        canary="caught",
        canary_seconds=0.4,
    )
    blind = TargetState(target="demo.blind", blind="no edge was instrumented", slices=1)
    return CampaignReport(
        name="nightly",
        version="0.1.0",
        made_at="2026-01-02T03:04:05Z",
        seconds=150.0,
        engines=("portable", "atheris"),
        seed=7,
        targets=(
            TargetReport(
                state=seen,
                title="The header.",
                layer="frame",
                growth=growth("demo.header", [10, 31, 36, 36, 40]),
                files=(SourceFile("demo.header", lines),),
            ),
            TargetReport(state=blind, title="Nothing.", layer="other", growth=()),
        ),
        findings=(finding,),
    )

"""What a report of a campaign says, as values; each format is a function of this."""

from __future__ import annotations

import msgspec

from ipc_gauntlet.fuzz.campaign.records import FindingState, Growth, TargetState
from ipc_gauntlet.fuzz.findings import Frame

SCHEMA = "urn:ipc-gauntlet:fuzz-report:1"
"""Version of the JSON form."""


class Piece(msgspec.Struct, frozen=True):
    """A decoded field of a finding's input.

    Attributes:
        offset: Where it begins.
        length: In bytes.
        path: Name of the field.
        value: What it says.
        depth: How many fields are around it.
    """

    offset: int
    length: int
    path: str
    value: str
    depth: int


class FindingReport(msgspec.Struct, frozen=True, kw_only=True):
    """A finding with its smallest input.

    Attributes:
        state: What the campaign knows of it.
        error: Type of the exception, if there was one.
        frames: The stack within the measured code, innermost last.
        input_b64: The smallest input in base64.
        pieces: Its fields.
        details: Anything else, as short texts.
        file: Path of the finding's file, below the campaign's folder.
        replay: The command that shows it again.
    """

    state: FindingState
    error: str
    frames: tuple[Frame, ...]
    input_b64: str
    pieces: tuple[Piece, ...]
    details: dict[str, str]
    file: str
    replay: str


class SourceLine(msgspec.Struct, frozen=True):
    """A line of measured code.

    Attributes:
        text: Without its end.
        edges: Edges that begin on it.
        hit: How many of them were hit.
    """

    text: str
    edges: int
    hit: int


class SourceFile(msgspec.Struct, frozen=True):
    """A measured module.

    Attributes:
        module: Its name.
        lines: All of its lines.
    """

    module: str
    lines: tuple[SourceLine, ...]

    @property
    def edges(self) -> int:
        """Edges in the file."""
        return sum(line.edges for line in self.lines)

    @property
    def hit(self) -> int:
        """Edges that were hit."""
        return sum(line.hit for line in self.lines)


class TargetReport(msgspec.Struct, frozen=True, kw_only=True):
    """A target.

    Attributes:
        state: What the campaign knows of it.
        title: What it is.
        layer: Which layer its bytes are of.
        growth: Its curve.
        files: Its measured code, None where the source is not at hand.
    """

    state: TargetState
    title: str
    layer: str
    growth: tuple[Growth, ...]
    files: tuple[SourceFile, ...] = ()


class CampaignReport(msgspec.Struct, frozen=True, kw_only=True):
    """A whole campaign.

    Attributes:
        schema: Version of this format.
        name: Of the campaign.
        version: Of ipc-gauntlet.
        made_at: When the report was made, ISO 8601 in UTC.
        seconds: Wall-clock seconds of the campaign so far.
        engines: Engines that it used.
        seed: Of every random choice.
        targets: In the order of the plan.
        findings: The most often seen first.
    """

    schema: str = SCHEMA
    name: str
    version: str
    made_at: str
    seconds: float
    engines: tuple[str, ...]
    seed: int
    targets: tuple[TargetReport, ...]
    findings: tuple[FindingReport, ...]

    def blind(self) -> list[TargetReport]:
        """Targets whose fuzzing does not count."""
        return [target for target in self.targets if target.state.blind]

    def uncounted(self) -> list[TargetReport]:
        """Targets of whose fuzzing there was too little to count."""
        return [target for target in self.targets if target.state.uncounted]


def to_json(report: CampaignReport) -> bytes:
    """The report as JSON, without the source text, which is in the checkout."""
    bare = msgspec.structs.replace(
        report, targets=tuple(msgspec.structs.replace(target, files=()) for target in report.targets)
    )
    return msgspec.json.format(msgspec.json.encode(bare), indent=2) + b"\n"

"""The report as one HTML file: no script, nothing loaded from elsewhere, whatever the findings hold is escaped."""

from __future__ import annotations

import base64
from collections import Counter

import jinja2
from markupsafe import Markup

from ipc_gauntlet.fuzz.report.charts import chart, clock, curve, short
from ipc_gauntlet.fuzz.report.model import CampaignReport, TargetReport

_ROW = 16
_ROWS = 64


def dump(data: bytes) -> str:
    """Bytes as a hexdump, the first kilobyte of them."""
    rows: list[str] = []
    for start in range(0, min(len(data), _ROW * _ROWS), _ROW):
        row = data[start : start + _ROW]
        text = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in row)
        rows.append(f"{start:04x}  {row.hex(' '):<{3 * _ROW}} {text}")
    if len(data) > _ROW * _ROWS:
        rows.append(f"... {len(data) - _ROW * _ROWS} bytes more")
    return "\n".join(rows) or "(empty)"


def html(report: CampaignReport) -> bytes:
    """Render a report as a page for a person."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("ipc_gauntlet.fuzz.report", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
    )
    environment.filters |= {"short": short, "clock": clock, "dump": lambda text: dump(base64.b64decode(text))}
    page = environment.get_template("page.html")
    text = page.render(
        report=report,
        executions=sum(target.state.executions for target in report.targets),
        edges=sum(target.state.edges for target in report.targets),
        edges_total=sum(target.state.edges_total for target in report.targets),
        found=Counter(finding.state.target for finding in report.findings),
        # The chart escapes its own text.
        charts={target.state.target: Markup(_chart(target)) for target in report.targets},  # noqa: S704
    )
    # A message may hold half of a surrogate pair, which no encoding has.
    return text.encode(errors="replace")


def _chart(target: TargetReport) -> str:
    return chart(
        [
            curve("edges", target.growth, lambda point: point.edges, "one"),
            curve("corpus", target.growth, lambda point: point.corpus, "two"),
        ]
    )

"""A command of ours that has ended, for tests of the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Runner = Callable[..., "Ended"]


@dataclass(frozen=True, slots=True)
class Ended:
    """A command that has ended."""

    status: int
    out: str
    err: str
    folder: Path

    def json(self, name: str = "report.json") -> Any:  # noqa: ANN401 - JSON
        """A JSON file that it wrote."""
        return json.loads((self.folder / name).read_text(encoding="utf-8"))

"""A long campaign looks for what one execution does not show, before it ends."""

from __future__ import annotations

from pathlib import Path

import pytest
from costly_targets import PARSERS, TARGETS
from flawed_targets import written
from fuzz_campaigns import Campaign

from ipc_gauntlet.fuzz.campaign import run as running
from ipc_gauntlet.fuzz.campaign import status
from ipc_gauntlet.fuzz.corpus.store import Store


def test_what_is_slow_is_found_run_again_and_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = str(written(tmp_path, PARSERS, TARGETS))
    monkeypatch.setattr(running, "_ORACLES_LEAST", 0.0)
    campaign = Campaign(
        Store(tmp_path / "store"),
        engines=("portable",),
        modules=(module,),
        patterns=("t.pairs",),
        seconds=2.0,
        jobs=1,
        canary=False,
        hang_seconds=5.0,
    )
    campaign.triage_seconds = 20.0
    end = campaign.run()
    assert end.exit_status == 1
    assert ("slow", "triaged", "5/5") in {(one.kind, one.status, one.reproduced) for one in end.findings}
    assert status.read(campaign.folder) == end
    assert any("costs too much" in line for line in campaign.ear.lines)

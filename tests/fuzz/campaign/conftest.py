"""A store, the toys on the import path, and campaigns run within the test."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fuzz_campaigns import TOYS, Campaign

from ipc_gauntlet.fuzz.corpus.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty store."""
    return Store(tmp_path / "store")


@pytest.fixture
def toys(monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the toys, importable here and in slices."""
    monkeypatch.syspath_prepend(str(TOYS))
    return TOYS


@pytest.fixture
def campaign(store: Store, toys: Path) -> Callable[..., Campaign]:
    """Makes a campaign over the small targets with the steady engine."""

    def make(**wishes: Any) -> Campaign:  # noqa: ANN401 - members of Wishes
        return Campaign(store, **wishes)

    return make

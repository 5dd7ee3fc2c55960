"""The modules of ci/wine, which is no package: they find each other beside themselves, as when it is run."""

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "ci" / "wine"


@pytest.fixture(autouse=True)
def not_on_windows() -> None:
    """There is no Wine on Windows, and no need for it."""
    if sys.platform == "win32":
        pytest.skip("ci/wine is for other systems")


@pytest.fixture
def wine_module(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], ModuleType]:
    """Load a module of ci/wine by name."""
    monkeypatch.syspath_prepend(str(FOLDER))
    return importlib.import_module

from collections.abc import Iterator
from pathlib import Path

import pytest
from measured_modules import Modules


@pytest.fixture
def modules(tmp_path: Path) -> Iterator[Modules]:
    """Modules that live as long as the test."""
    made = Modules(tmp_path)
    yield made
    made.close()

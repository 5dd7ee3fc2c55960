"""A loop for one test."""

from collections.abc import Iterator

import pytest

from ipc_gauntlet.reactor import Reactor, new_reactor


@pytest.fixture
def reactor() -> Iterator[Reactor]:
    """An event loop for one test."""
    made = new_reactor()
    yield made
    made.close()

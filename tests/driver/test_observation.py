"""Observations: every member is there under its name, and absent ones are None."""

import pytest

from ipc_gauntlet.driver import Observation


def test_members_are_found_by_name() -> None:
    """Bytes are decoded, words are passed on."""
    seen = Observation(
        method="established",
        arrived=2.0,
        t=1.0,
        conn="c1",
        params={"peer": "spiffe://x", "binding": "AAE=", "suite": "s", "version": 1, "listener": "l1"},
    )
    assert (seen.peer, seen.binding, seen.suite, seen.version, seen.listener) == (
        "spiffe://x",
        b"\0\1",
        "s",
        1,
        "l1",
    )
    assert seen.payload is None
    assert seen.reason is None


@pytest.mark.parametrize("method", ["rejected", "closed"])
def test_an_end_without_a_reason_is_unspecified(method: str) -> None:
    """Leaving the reason out says the same as `unspecified`."""
    assert Observation(method=method, arrived=0).reason == "unspecified"
    assert Observation(method=method, arrived=0, params={"reason": "replay"}).reason == "replay"


def test_an_execution_names_its_operation() -> None:
    """Payload and key are bytes."""
    seen = Observation(
        method="executed", arrived=0, params={"operation": "append", "payload": "aGk=", "key": "AA=="}
    )
    assert (seen.operation, seen.payload, seen.key) == ("append", b"hi", b"\0")
    assert (seen.how, seen.stage, seen.detail) == (None, None, None)

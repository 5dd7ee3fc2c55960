"""Attempts of a client that a test watches without waiting for them."""

from ipc_gauntlet.adversary import RawPeer
from ipc_gauntlet.lab import Lab


def test_an_attempt_that_fails(lab: Lab) -> None:
    """When the peer goes away, the attempt is over, says when, and why."""
    raw = RawPeer.listen(lab.reactor, lab.transport, lab.directory)
    lab.own(raw.close)
    begun = lab.reactor.now()
    attempt = lab.begin(raw.address, {})
    assert lab.wait(lambda: raw.connected)
    assert not attempt.is_over()
    assert attempt.gave_up() is None
    assert attempt.reason is None
    raw.close()
    assert lab.wait(attempt.is_over)
    assert (attempt.gave_up() or 0.0) >= begun
    assert attempt.reason is not None


def test_an_attempt_that_is_waited_for(lab: Lab) -> None:
    """`attempt` waits for the same, or says that it did not come in time."""
    raw = RawPeer.listen(lab.reactor, lab.transport, lab.directory)
    lab.own(raw.close)
    assert lab.attempt(raw.address, {}, 0.05) is None

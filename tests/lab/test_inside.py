"""Reaching into the drivers: counters, configuration, requests, recordings."""

import pytest

from ipc_gauntlet.errors import NotApplicable
from ipc_gauntlet.judge import checks
from ipc_gauntlet.lab import Lab, Session


def test_counters_that_are_not_told_are_zero(lab: Lab) -> None:
    """A driver leaves out what it has not counted."""
    assert lab.session().open()
    assert lab.metrics("client")["connects"] == 1
    assert lab.metrics("client")["suite:none"] == 0


def test_asking_until_it_is_so(lab: Lab) -> None:
    """A question that needs a driver is asked again until it is answered with yes, or the time is over."""
    asked: list[int] = []

    def question() -> bool:
        asked.append(lab.metrics("client")["connects"])
        return len(asked) >= 3

    assert lab.poll(question)
    assert asked == [0, 0, 0]
    assert not lab.poll(lambda: False, 0.02)


def test_what_a_driver_cannot_do_does_not_apply(lab: Lab) -> None:
    """An action that is not supported, and a point that the statement does not name."""
    with pytest.raises(NotApplicable, match="open-gate"):
        lab.configure("server", "open-gate", listener="l1")
    with pytest.raises(NotApplicable, match="entropy"):
        lab.arm("server", "entropy", "kill")


def test_the_outcome_of_a_request(lab: Lab) -> None:
    """Success and failure as a caller sees them."""
    session = lab.session(options={"store": lab.store_path()})
    assert session.open(warm=False)
    good = session.ask("append", b"payload", lane="a", label=2, token=b"token")
    assert good.ok
    assert good.payload == b"payload"
    assert str(good) == "ok, 7 bytes"
    bad = session.ask("append", b"payload", tag="t1")
    assert (bad.ok, bad.reason, bad.executed, bad.code) == (False, "unspecified", "yes", "t1")
    assert str(bad) == "unspecified t1, executed: yes"
    session.cancel("t1")


def test_a_recording_is_played_to_another_life(lab: Lab) -> None:
    """The toy's client says the same every time, so its recording makes a session with a restarted server."""
    served = lab.listen()

    def good(session: Session) -> None:
        if session.open():
            session.exchange("c2s", 2)
            session.settle_delivery("c2s")

    session = lab.session(served=served)
    good(session)
    recording = lab.recording(session)
    assert recording.handshake == len(recording.frames) - 2
    assert len(recording.records) == 2
    lab.restart("server")
    again = served.reopen()
    raw = lab.play(again, recording.frames)
    assert raw.bytes_seen
    told = again.view()
    assert checks.delivered_all("c2s")(session.outcome()) is None
    assert told.delivered[-2:] == session.outcome().sent["c2s"]


def test_credentials_of_another_kind(lab: Lab) -> None:
    """What the implementation has besides this case's kind can be used; what it has not does not apply."""
    assert lab.issuer_of("psk").kind == "psk"
    with pytest.raises(NotApplicable, match="raw-key"):
        lab.issuer_of("raw-key")

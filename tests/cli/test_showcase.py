"""Which transports the showcase uses when nobody says so."""

import sys

import pytest

from ipc_gauntlet.cli.showcase import _transports


@pytest.mark.parametrize(("platform", "used"), [("linux", "unix"), ("darwin", "unix"), ("win32", "tcp")])
def test_one_transport_by_default(platform: str, used: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The usual one of the system."""
    monkeypatch.setattr(sys, "platform", platform)
    assert _transports(()) == (used,)


def test_what_is_asked_for() -> None:
    """Names are taken as they are; `all` means whatever an implementation declares."""
    assert _transports(("tcp", "unix")) == ("tcp", "unix")
    assert _transports(("all",)) == ()
    assert _transports(("unix", "all")) == ()

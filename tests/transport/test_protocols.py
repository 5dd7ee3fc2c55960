"""Every transport has what the Protocols ask for, on every system; the type checker sees one system at a time."""

import pytest
from protocols import lacking

BASE = "transport/base.py:ByteStream"


@pytest.mark.parametrize(
    ("protocol", "places"),
    [
        ("Stream", (BASE, "transport/streams.py:SocketStream")),
        ("Stream", (BASE, "transport/pipe.py:PipeStream")),
        ("Listener", ("transport/streams.py:SocketListener",)),
        ("Listener", ("transport/pipe.py:PipeListener",)),
    ],
)
def test_it_has_everything(protocol: str, places: tuple[str, ...]) -> None:
    assert lacking(f"transport/protocol.py:{protocol}", *places) == []


def test_what_is_missing_is_found() -> None:
    """Without the half that is not in the base, and for another Protocol altogether."""
    assert lacking("transport/protocol.py:Stream", BASE) == ["abort()", "unread()", "unsent()"]
    assert "address" in lacking("transport/protocol.py:Listener", BASE)

"""Every transport has what the Protocols ask for, on every system; the type checker sees one system at a time."""

import inspect

import pytest
from fake_pipes import FakePipes

from sipc_runtime.pipe_stream import PipeStream
from sipc_runtime.pipes import PipeListener
from sipc_runtime.sockets import SocketListener, SocketStream
from sipc_runtime.transport import Listener, Stream
from sipc_runtime.windows_api import PipeApi
from sipc_runtime.windows_calls import WindowsPipes


def members(protocol: type) -> dict[str, object]:
    """What a Protocol asks for."""
    return {name: value for name, value in vars(protocol).items() if not name.startswith("_")}


@pytest.mark.parametrize(
    ("protocol", "one"),
    [
        (Stream, SocketStream),
        (Stream, PipeStream),
        (Listener, SocketListener),
        (Listener, PipeListener),
        (PipeApi, WindowsPipes),
        (PipeApi, FakePipes),
    ],
)
def test_it_has_everything(protocol: type, one: type) -> None:
    """The same methods with the same parameters, and the same properties."""
    wanted = members(protocol)
    assert wanted
    for name, value in wanted.items():
        found = getattr(one, name)
        assert isinstance(found, property) == isinstance(value, property), name
        if callable(value):
            assert callable(found)
            assert list(inspect.signature(found).parameters) == list(inspect.signature(value).parameters), (
                name
            )

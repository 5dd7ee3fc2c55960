"""Framers by the names that implementation statements use."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from ipc_gauntlet.adversary.framing.base import Framer
from ipc_gauntlet.adversary.framing.lengths import LengthFramer, MultiprocessingFramer
from ipc_gauntlet.adversary.framing.sipc import SipcFramer
from ipc_gauntlet.adversary.framing.tls import TlsFramer
from ipc_gauntlet.adversary.framing.zmtp import ZmtpFramer
from ipc_gauntlet.errors import HarnessError

OPAQUE = "opaque"

_MAKERS: Mapping[str, Callable[[], Framer]] = MappingProxyType(
    {
        "sipc": SipcFramer,
        "tls": TlsFramer,
        "u32be": lambda: LengthFramer(4),
        "u16be": lambda: LengthFramer(2),
        "mp": MultiprocessingFramer,
        "zmtp": ZmtpFramer,
    }
)

_BODY_OFFSETS: Mapping[str, int] = MappingProxyType(
    {"sipc": 2, "tls": 5, "u32be": 4, "u16be": 2, "mp": 4, "zmtp": 2}
)


def framer_names() -> tuple[str, ...]:
    """Return the names that a relay takes."""
    return (*_MAKERS, OPAQUE)


def new_framer(name: str) -> Framer | None:
    """Make the framer of one link; None for `opaque`.

    Raises:
        HarnessError: When there is none of this name.
    """
    if name == OPAQUE:
        return None
    if name not in _MAKERS:
        raise HarnessError(f"no framer {name!r}; there are {', '.join(framer_names())}")
    return _MAKERS[name]()


def body_offset(name: str) -> int:
    """Return the header length of an ordinary short frame behind the handshake, 0 where there is no framing."""
    return _BODY_OFFSETS.get(name, 0)

"""Reactor, a directory for sockets, and small conversations in every framing."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from relay_stage import Stage
from systems import descriptors

from ipc_gauntlet.adversary import Fault, Limits
from ipc_gauntlet.adversary.actions import Action, Send
from ipc_gauntlet.adversary.core import CoreSetup, LinkCore
from ipc_gauntlet.reactor import Reactor, new_reactor
from ipc_gauntlet.transport import transports


def make_talk(
    framer: str, prelude: dict[str, list[bytes]], message: tuple[str, int], wrap: Callable[[bytes], bytes]
) -> SimpleNamespace:
    """Return a conversation: what each side says first, label and header of a message after that, how to wrap one."""
    label, header = message
    return SimpleNamespace(framer=framer, prelude=prelude, label=label, header=header, wrap=wrap)


def handshake(neg: bytes, message: bytes) -> bytes:
    """Return a SIPC/1 handshake frame."""
    return len(neg).to_bytes(2) + neg + len(message).to_bytes(2) + message


def offer(suite: int = 0x0001) -> bytes:
    """Return the `neg` of a SIPC/1 offer of one suite."""
    return b"SIPC\x00\x01\x01\x01\x01" + suite.to_bytes(2) + b"\x00" + b"\x08svc.echo"


GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x01" + b"CURVE".ljust(20, b"\x00") + bytes(32)

TALKS = {
    talk.framer: talk
    for talk in (
        make_talk(
            "sipc",
            {
                "c2s": [handshake(offer(), b"e" * 32), handshake(b"", b"s" * 64)],
                "s2c": [handshake(b"", b"e" * 96)],
            },
            ("record", 2),
            lambda body: (len(body) + 16).to_bytes(2) + body + b"T" * 16,
        ),
        make_talk(
            "tls",
            {
                "c2s": [b"\x16\x03\x01\x00\x03CHL"],
                "s2c": [b"\x16\x03\x03\x00\x03SHL", b"\x14\x03\x03\x00\x01\x01"],
            },
            ("appdata", 5),
            lambda body: b"\x17\x03\x03" + len(body).to_bytes(2) + body,
        ),
        make_talk("u32be", {"c2s": [], "s2c": []}, ("frame", 4), lambda body: len(body).to_bytes(4) + body),
        make_talk("u16be", {"c2s": [], "s2c": []}, ("frame", 2), lambda body: len(body).to_bytes(2) + body),
        make_talk("mp", {"c2s": [], "s2c": []}, ("frame", 4), lambda body: len(body).to_bytes(4) + body),
        make_talk(
            "zmtp",
            {
                side: [GREETING[:10], GREETING[10:11], GREETING[11:], b"\x04\x06\x05READY"]
                for side in ("c2s", "s2c")
            },
            ("message", 2),
            lambda body: b"\x00" + bytes((len(body),)) + body,
        ),
    )
}


class Scene:
    """One link's core, a conversation, and what came out of it since the mark."""

    def __init__(
        self, talk: SimpleNamespace, *faults: Fault, limits: Limits | None = None, mark: bool = True
    ) -> None:
        self.talk = talk
        self.now = 100.0
        self.actions: list[Action] = []
        setup = CoreSetup(0, talk.framer, list(enumerate(faults)), limits or Limits())
        self.core = LinkCore(setup, self.now)
        self.do(self.core.open(self.now))
        for direction in ("c2s", "s2c"):
            for frame in talk.prelude[direction]:
                self.hear(direction, frame)
        if mark:
            self.actions.clear()
            self.do(self.core.mark(self.now))

    def do(self, actions: list[Action]) -> None:
        self.actions += actions

    def hear(self, direction: str, data: bytes) -> None:
        """Have the sender of a direction send bytes."""
        self.now += 0.001
        self.do(self.core.receive(direction, data, self.now))  # type: ignore[arg-type]

    def say(self, direction: str, *bodies: bytes) -> list[bytes]:
        """Have the sender of a direction send messages, each in its own write; returns the frames."""
        frames = [self.talk.wrap(body) for body in bodies]
        for frame in frames:
            self.hear(direction, frame)
        return frames

    def end(self, direction: str, kind: str = "fin") -> None:
        self.now += 0.001
        self.do(self.core.end(direction, kind, self.now))  # type: ignore[arg-type]

    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.do(self.core.tick(self.now))

    def to(self, side: str) -> list[bytes]:
        """What was written to a side since the mark."""
        return [action.data for action in self.actions if isinstance(action, Send) and action.side == side]

    def others(self) -> list[Action]:
        """What was done besides writing."""
        return [action for action in self.actions if not isinstance(action, Send)]

    def fired(self) -> list[int]:
        """The faults that fired, in order."""
        return [firing.fault_index for firing in self.core.firings]


@pytest.fixture(scope="session")
def scene() -> type[Scene]:
    """Makes a link's core that talks."""
    return Scene


@pytest.fixture(scope="session")
def plain() -> SimpleNamespace:
    """The simplest conversation: 4-byte lengths."""
    return TALKS["u32be"]


@pytest.fixture(scope="session", params=list(TALKS))
def talk(request: pytest.FixtureRequest) -> SimpleNamespace:
    """Every conversation that has frames."""
    return TALKS[request.param]


@pytest.fixture(scope="session")
def sipc() -> SimpleNamespace:
    """Makers of SIPC/1 frames."""
    return SimpleNamespace(handshake=handshake, offer=offer, record=TALKS["sipc"].wrap)


@pytest.fixture
def reactor() -> Iterator[Reactor]:
    made = new_reactor()
    yield made
    made.close()


@pytest.fixture
def workdir() -> Iterator[str]:
    """A private directory with a short name; nothing may be left in it."""
    path = tempfile.mkdtemp(prefix="adv")
    yield path
    left = [entry.name for entry in Path(path).iterdir()]
    shutil.rmtree(path)
    assert left == []


@pytest.fixture(autouse=True)
def no_descriptor_left() -> Iterator[None]:
    """Every test gives back the descriptors that it opened."""
    before = descriptors()
    yield
    assert descriptors() <= before


@pytest.fixture
def stage(reactor: Reactor, transport: str, workdir: str, plain: SimpleNamespace) -> Iterator[Stage]:
    """A server by hand, a relay in front of it, and clients by hand, on each transport."""
    made = Stage(reactor, transport, workdir, plain.wrap)
    yield made
    made.close()


@pytest.fixture(params=transports())
def transport(request: pytest.FixtureRequest) -> str:
    """Each transport of this system."""
    return str(request.param)

"""Target for records of profile D: what is lost, repeated, reordered or forged."""

from __future__ import annotations

from collections.abc import Iterator

from ipc_gauntlet.fuzz import Target
from ipc_gauntlet.fuzz.mutate.schema import Bytes, Int, Span
from ipc_gauntlet.fuzz.mutate.sequence import Sequence, Step, number
from ipc_gauntlet.peer.noise import CipherState as OpenCipherState
from sipc.datagram import DatagramOpener
from sipc.errors import MalformedError, ProtocolError
from sipc.noise import Cipher, CipherState
from sipc_targets import seeds, wire
from sipc_targets.streams import pieces
from sipc_targets.violations import DeliveredTwice, FaultAccepted

_KEY = b"k" * 32
_BITS = 4
_MOST_EPOCHS = 64

DATAGRAMS = Sequence(
    (
        Step("next", (wire.RECORD,), often=4),
        Step("number", (Int("number", 2, samples=(0, 15, 16, 17, 31, 32, 1023, 1024)), wire.RECORD), often=3),
        Step("wrong_epoch", (Int("number", 2), Int("epoch"))),
        Step("again", (Int("which", 2),), often=2),
        Step("flip", (Int("bit", 2),)),
        Step("raw", (Bytes("bytes", high=40),)),
        Step("wait", (Int("seconds", 2, samples=(1, 29, 30, 31)),)),
        Step("pieces", (Int("size", 2, samples=(0, 1, 3)),)),
        Step("plaintext", (Span("", wire.PLAINTEXT),)),
        Step("last_number", (Int("below", 2, samples=(0, 1, 2)),)),
    ),
    most=48,
    samples=lambda: _seeds(),
)
_FORGED = {"wrong_epoch", "again", "flip", "raw", "last_number"}


class _Sender:
    """The other side: it has the keys of all epochs.

    Attributes:
        sent: Every authentic frame, by its number.
    """

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self._next = 0
        self._keys = [_KEY]

    def key(self, epoch: int) -> bytes:
        """Of an epoch."""
        while len(self._keys) <= epoch:
            self._keys.append(OpenCipherState("ChaChaPoly").next_key(self._keys[-1]))
        return self._keys[epoch]

    def seal(self, n: int, plaintext: bytes, epoch: int) -> bytes:
        """One frame."""
        sealed = OpenCipherState("ChaChaPoly", self.key(epoch)).seal(plaintext, n=n)
        return (len(sealed) + 8).to_bytes(2) + n.to_bytes(8) + sealed

    def honest(self, plaintext: bytes, n: int | None = None) -> bytes:
        """An authentic frame of the next number, or of another one."""
        n = self._next if n is None else n
        if n >> _BITS > _MOST_EPOCHS:
            n = self._next
        self._next = max(self._next, n + 1)
        frame = self.seal(n, plaintext, n >> _BITS)
        self.sent.append(frame)
        return frame

    def forged(self, name: str, body: bytes) -> bytes:
        """A frame that must not be accepted, or not again."""
        if name == "raw":
            return len(body[:64]).to_bytes(2) + body[:64]
        if name == "again":
            return self.sent[number(body) % len(self.sent)] if self.sent else b""
        plaintext = _padded(b"\3\0" + bytes(8))
        if name == "wrong_epoch":
            n = number(body, 0, 16 * _MOST_EPOCHS - 1)
            epoch = int.from_bytes(body[2:3]) % _MOST_EPOCHS
            return self.seal(n, plaintext, epoch if epoch != n >> _BITS else epoch + 1)
        if name == "last_number":
            return self.seal((1 << 64) - 1 - number(body, 0, 3), plaintext, 0)
        frame = self.seal(self._next, plaintext, self._next >> _BITS)
        at = 16 + number(body, 0, 8 * (len(frame) - 2) - 1)
        return frame[: at // 8] + bytes((frame[at // 8] ^ 1 << at % 8,)) + frame[at // 8 + 1 :]


def _padded(body: bytes) -> bytes:
    plaintext = len(body[:2048]).to_bytes(2) + body[:2048]
    return plaintext.ljust(-(-len(plaintext) // 64) * 64, b"\0")


def read_datagrams(data: bytes) -> tuple[list[tuple[int, int, bytes]], dict[str, int]]:
    """Receive records of profile D, made of steps.

    Returns:
        Number, type and payload of each record that was accepted, and what was dropped.

    Raises:
        MalformedError, ProtocolError: See `DatagramOpener.feed`.
        DeliveredTwice: A number was accepted again.
        FaultAccepted: A record was accepted that nobody made.
    """
    dropped: dict[str, int] = {}

    def count(name: str) -> None:
        dropped[name] = dropped.get(name, 0) + 1

    opener = DatagramOpener(CipherState(Cipher.CHACHAPOLY, _KEY), _BITS, count)
    sender, size, found = _Sender(), 0, []
    seen: set[int] = set()
    for call in DATAGRAMS.decode(data):
        name, body = call.step.name, call.body
        if name == "wait":
            opener.now += number(body)
            continue
        if name == "pieces":
            size = number(body, 0, 63)
            continue
        made = sender.forged(name, body) if name in _FORGED else _authentic(sender, name, body)
        for piece in pieces(made, size):
            for record in opener.feed(piece):
                if opener.number in seen:
                    raise DeliveredTwice(f"number {opener.number}")
                if name in _FORGED and name != "again":
                    raise FaultAccepted(f"{name}: number {opener.number}")
                seen.add(opener.number)
                found.append((opener.number, int(record.type), bytes(record.payload)))
    return found, dropped


def _authentic(sender: _Sender, name: str, body: bytes) -> bytes:
    if name == "plaintext":
        return sender.honest(body[:2048])
    if name == "number":
        return sender.honest(_padded(body[2:]), number(body))
    return sender.honest(_padded(body))


def _seeds() -> Iterator[bytes]:
    bodies = seeds.record_bodies()[:4]
    forward = [("next", one) for one in bodies]
    yield DATAGRAMS.encode(forward)
    jumps = [("number", n.to_bytes(2) + bodies[0]) for n in (0, 15, 16, 3, 17, 14, 31, 32, 16)]
    yield DATAGRAMS.encode(jumps)
    yield DATAGRAMS.encode([*jumps, ("wait", b"\0\x1f"), ("number", b"\0\x1e" + bodies[0])])
    steps = [("number", (16 * epoch).to_bytes(2) + bodies[0]) for epoch in range(20)]
    yield DATAGRAMS.encode([*steps, ("again", b"\0\0"), ("again", b"\0\x13")])
    yield DATAGRAMS.encode([("pieces", b"\0\3"), *forward, ("raw", b""), ("raw", bytes(24))])
    for name in sorted(_FORGED):
        yield DATAGRAMS.encode([*forward, (name, b"\0\5\3"), forward[0]])
    yield from (DATAGRAMS.encode([("plaintext", one)]) for one in seeds.plaintexts())


def targets() -> Iterator[Target]:
    """It."""
    yield Target(
        name="sipc.datagram",
        title="Records that may get lost: each number is accepted once, under the key of its epoch.",
        layer="record",
        parse=read_datagrams,
        rejects=(MalformedError, ProtocolError),
        measured=("sipc.datagram", "sipc.replay_window"),
        seeds=_seeds,
        structure=DATAGRAMS.schema,
        reach=(
            "sipc.datagram:DatagramOpener.feed",
            "sipc.datagram:DatagramOpener._cipher_of",
            "sipc.replay_window:ReplayWindow.mark",
            "sipc.replay_window:ReplayWindow.accepts",
        ),
    )

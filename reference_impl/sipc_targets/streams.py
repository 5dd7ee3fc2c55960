"""Targets for what is put together out of pieces: handshake frames, fragments, records under their keys."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

from ipc_gauntlet.fuzz import Target
from ipc_gauntlet.fuzz.mutate.schema import Bytes, Int, Record, Repeat, Schema, Span
from ipc_gauntlet.fuzz.mutate.sequence import Sequence, Step, number
from ipc_gauntlet.peer.noise import CipherState as OpenCipherState
from ipc_gauntlet.peer.quirks import RecordQuirks
from ipc_gauntlet.peer.records import Sealer
from sipc.errors import IntegrityError, LimitError, MalformedError, ProtocolError, SipcError
from sipc.fragments import Reassembler, split
from sipc.framing import FrameReader
from sipc.noise import Cipher, CipherState
from sipc.records import FLAG_FIRST, FLAG_LAST, RecordOpener
from sipc.records import Record as SipcRecord
from sipc_targets import seeds, wire
from sipc_targets.violations import DeliveredAfterFault, FaultAccepted, FragmentTaken, SegmentationMatters

T = TypeVar("T")
_KEY, _OTHER_KEY = b"k" * 32, b"o" * 32
_MOST_FRAMES = 64


def pieces(data: bytes, size: int) -> Iterator[bytes]:
    """The bytes as they might arrive: pieces of a size, or all at once for 0."""
    if not size:
        yield data
        return
    for start in range(0, len(data), size):
        yield data[start : start + size]


def _frames(chunks: Iterable[bytes]) -> tuple[list[tuple[bytes, bytes]], str]:
    """The frames of a stream, and with which reason it ended."""
    reader = FrameReader()
    found: list[tuple[bytes, bytes]] = []
    for chunk in chunks:
        try:
            frame = reader.feed(chunk)
            while frame is not None and len(found) < _MOST_FRAMES:
                found.append(frame)
                frame = reader.feed(b"")
        except MalformedError as error:
            return found, error.reason
    return found, ""


def read_frames(data: bytes) -> list[tuple[bytes, bytes]]:
    """Cut a stream into frames: at once, and in pieces of the size that the first byte says.

    Raises:
        MalformedError: It is none.
        SegmentationMatters: It made a difference.
    """
    stream = data[1:]
    whole = _frames((stream,))
    if whole != _frames(pieces(stream, 1 + data[0] % 16 if data else 1)):
        raise SegmentationMatters(f"{len(whole[0])} frames at once, others in pieces")
    found, reason = whole
    if reason:
        raise MalformedError("not a stream of frames")
    return found


FRAGMENTS = Sequence(
    (
        Step("fragment", (Int("flags", samples=(0, 1, 2, 3)), Bytes("payload", high=40)), often=6),
        Step("clear"),
    ),
    most=64,
    samples=lambda: _fragment_seeds(),
)
_MOST_MESSAGE = 256


def read_fragments(data: bytes) -> list[bytes]:
    """Put messages together.

    Raises:
        ProtocolError, MalformedError, LimitError: See `Reassembler.add`.
        DeliveredAfterFault: A message is not what its fragments were.
        FragmentTaken: One was taken that must be refused (section 9, Fragments).
    """
    joiner, expected, found = Reassembler(_MOST_MESSAGE), b"", []
    begun = False
    for call in FRAGMENTS.decode(data):
        if call.step.name == "clear":
            joiner.clear()
            expected, begun = b"", False
            continue
        payload = memoryview(call.body)[1:]
        expected += payload
        flags = call.body[0] & 3 if call.body else 0
        message = joiner.add(flags, payload)
        if not payload or bool(flags & FLAG_FIRST) == begun:
            raise FragmentTaken("an empty fragment" if not payload else "a fragment out of place")
        begun = not flags & FLAG_LAST
        if begun == (message is not None):
            raise FragmentTaken("the last fragment ends no message, or another one does")
        if joiner.active == (message is not None):
            raise DeliveredAfterFault("a message is complete and not complete")
        if message is not None:
            if message != expected or len(message) > _MOST_MESSAGE:
                raise DeliveredAfterFault("a message is something else than its fragments, or too long")
            found.append(message)
            expected = b""
    return found


def _fragment_seeds() -> Iterator[bytes]:
    for size, length in ((16, 40), (40, 30), (1, 5), (100, 256), (100, 257)):
        cut = split(bytes(range(256))[:length].ljust(length, b"x"), size)
        yield FRAGMENTS.encode([("fragment", bytes((flags,)) + bytes(payload)) for flags, payload in cut])
    yield FRAGMENTS.encode([("fragment", b"\1a"), ("fragment", b"\1b")])
    yield FRAGMENTS.encode([("fragment", b"\0a")])
    yield FRAGMENTS.encode([("fragment", b"\3")])
    yield FRAGMENTS.encode([("fragment", b"\1a"), ("clear", b""), ("fragment", b"\3b")])


RECORDS = Sequence(
    (
        Step("body", (wire.RECORD,), often=5),
        Step("plaintext", (Span("", wire.PLAINTEXT),), often=2),
        Step("rekey"),
        Step("pieces", (Int("size", 2, samples=(0, 1, 2, 3, 16)),)),
        Step("raw", (Bytes("bytes", high=40),)),
        Step("flip", (Int("bit", 2),)),
        Step("again"),
        Step("skip"),
        Step("other_key"),
        Step("old_key"),
        Step("silent_rekey"),
        Step("short_tag", (Int("bytes", high=15),)),
    ),
    prefix=(Int("cipher", high=1),),
    samples=lambda: _record_seeds(),
)
_REKEY = b"\5\0"
_FAULTS = {"raw", "flip", "again", "skip", "other_key", "old_key", "silent_rekey", "short_tag"}


class _Stream:
    """Frames of one direction, honest until the first fault.

    Attributes:
        honest: How many frames were made as they should be, before the first fault.
        faulty: Whether there was one.
    """

    def __init__(self, cipher: Cipher) -> None:
        label = "AESGCM" if cipher is Cipher.AESGCM else "ChaChaPoly"
        self.state = OpenCipherState(label, _KEY)  # type: ignore[arg-type]  # one of the two names
        self.sealer = Sealer(self.state, RecordQuirks())
        self.honest, self.faulty = 0, False
        self._last = b""
        self._old = b""

    def make(self, name: str, body: bytes) -> bytes:
        """The bytes of a step."""
        if name in ("body", "plaintext", "rekey"):
            self.honest += not self.faulty
            plaintext = body
            if name != "plaintext":
                plaintext = _padded(_REKEY if name == "rekey" else body)
            self._last = self.sealer.seal(plaintext)
            # Whoever sends a REKEY goes on under the next key, whatever step it was made by.
            if plaintext[2 : 2 + int.from_bytes(plaintext[:2])][:1] == _REKEY[:1]:
                self._old = self.state.key
                self.state.rekey()
            return self._last
        made = self._fault(name, body)
        self.faulty = self.faulty or bool(made)
        return made

    def _fault(self, name: str, body: bytes) -> bytes:
        if name == "raw":
            return body
        if name == "again":
            return self._last
        plaintext, state = _padded(b"\3\0" + bytes(8)), self.state
        if name == "skip":
            return self.sealer.seal(plaintext, state.n + 1 + number(body, 0, 7))
        if name == "silent_rekey":
            state.rekey()
            return self.sealer.seal(plaintext)
        if name in ("other_key", "old_key"):
            key = _OTHER_KEY if name == "other_key" else self._old
            wrong = OpenCipherState(state.cipher, key, state.n)
            return Sealer(wrong, RecordQuirks()).seal(plaintext) if key else b""
        sealed = self.sealer.seal(plaintext, state.n)
        if name == "short_tag":
            left = number(body, 0, 15)
            cut = sealed[2 : len(sealed) - 16 + left]
            return len(cut).to_bytes(2) + cut
        at = 16 + number(body, 0, 8 * (len(sealed) - 2) - 1)
        return sealed[: at // 8] + bytes((sealed[at // 8] ^ 1 << at % 8,)) + sealed[at // 8 + 1 :]


def _padded(body: bytes) -> bytes:
    body = body[:4096]
    plaintext = len(body).to_bytes(2) + body
    return plaintext.ljust(-(-len(plaintext) // 64) * 64, b"\0")


def read_records(data: bytes) -> list[SipcRecord]:
    """Open a stream of records, made of steps.

    Raises:
        IntegrityError, MalformedError, ProtocolError, LimitError: See `RecordOpener.feed`.
        FaultAccepted: A record was yielded behind a fault.
    """
    (which,) = RECORDS.values(data)
    cipher = Cipher.AESGCM if which & 1 else Cipher.CHACHAPOLY
    stream, opener, size = _Stream(cipher), RecordOpener(CipherState(cipher, _KEY)), 0
    found: list[SipcRecord] = []
    for call in RECORDS.decode(data):
        if call.step.name == "pieces":
            size = number(call.body, 0, 63)
            continue
        made = stream.make(call.step.name, call.body)
        for piece in pieces(made, size):
            _open(opener, piece, found)
        if len(found) > stream.honest:
            raise FaultAccepted(f"{call.step.name}: {len(found)} records of {stream.honest}")
    if stream.faulty and opener.has_partial_frame():
        raise IntegrityError("the stream ends inside a frame")
    return [SipcRecord(one.type, one.flags, bytes(one.payload)) for one in found]


def _open(opener: RecordOpener, piece: bytes, found: list[SipcRecord]) -> None:
    message = opener.whole_message(piece)
    if message is not None:
        found.append(SipcRecord(2, 3, message))
        return
    try:
        for record in opener.feed(piece):
            found.append(record)
            if record.type == 5:
                opener.rekey()
    except SipcError:
        if not opener.has_ended():
            raise DeliveredAfterFault("a direction goes on after an error") from None
        raise


def _record_seeds() -> Iterator[bytes]:
    bodies = [("body", one) for one in seeds.record_bodies()[:4]]
    for prefix in (b"\0", b"\1"):
        yield RECORDS.encode([*bodies, ("rekey", b""), *bodies, ("body", seeds.record_bodies()[-1])], prefix)
        yield RECORDS.encode([("pieces", b"\0\1"), *bodies], prefix)
        for name in sorted(_FAULTS):
            yield RECORDS.encode([bodies[0], ("rekey", b""), (name, b"\0\5"), bodies[1]], prefix)
    yield from (RECORDS.encode([("plaintext", one)], b"\0") for one in seeds.plaintexts())


def targets() -> Iterator[Target]:
    """All of them."""
    frame = Record("", (Int("pieces", high=15), Repeat("frames", wire.HANDSHAKE_FRAME, high=4)))
    yield Target(
        name="sipc.framing",
        title="A stream of handshake frames: any segmentation gives the same frames.",
        layer="frame",
        parse=read_frames,
        rejects=(MalformedError,),
        measured=("sipc.framing",),
        seeds=lambda: [bytes((at % 5,)) + one for at, one in enumerate(seeds.frames())],
        tokens=(b"\0\x19SIPC", b"\0\0", b"\1\x6a", b"\1\x6b"),
        structure=Schema(frame),
        reach=("sipc.framing:FrameReader.feed",),
        longest=2048,
    )
    yield Target(
        name="sipc.fragments",
        title="Fragments of messages: in order, not empty, together no longer than announced.",
        layer="fragment",
        parse=read_fragments,
        rejects=(ProtocolError, MalformedError, LimitError),
        measured=("sipc.fragments",),
        seeds=_fragment_seeds,
        structure=FRAGMENTS.schema,
        reach=("sipc.fragments:Reassembler.add", "sipc.fragments:Reassembler.clear"),
        longest=2048,
    )
    yield Target(
        name="sipc.records.sealed",
        title="Records under their keys: nothing behind a wrong key, a wrong number or a changed bit is ever opened.",
        layer="record",
        parse=read_records,
        rejects=(IntegrityError, MalformedError, ProtocolError, LimitError),
        measured=("sipc.records", "sipc.noise"),
        seeds=_record_seeds,
        structure=RECORDS.schema,
        reach=(
            "sipc.records:RecordOpener.feed",
            "sipc.records:RecordOpener.whole_message",
            "sipc.records:RecordOpener.rekey",
            "sipc.records:RecordOpener.end",
            "sipc.noise:CipherState.decrypt",
        ),
    )

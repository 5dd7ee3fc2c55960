"""Target for Noise handshake messages: each message of each pattern, read by a state that has the keys for it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from ipc_gauntlet.fuzz import Target
from ipc_gauntlet.fuzz.mutate.schema import Bytes, Choice, Int, Record, Schema
from ipc_gauntlet.peer import LOW_ORDER
from sipc.errors import HandshakeError, IntegrityError, MalformedError
from sipc.noise_handshake import HandshakeState, KeyPair, Keys
from sipc.suites import SUITES, Suite
from sipc_targets.material import Entropy, material
from sipc_targets.violations import ForgedAccepted

_SUITES = tuple(SUITES.values())
_PAYLOAD = b"\0\5hello".ljust(64, b"\0")
MESSAGE = Record(
    "",
    (
        Int("suite", high=len(_SUITES) - 1),
        Int("position", high=2),
        Int("mode", words={0: "any bytes", 1: "changed", 2: "cut", 3: "longer", 4: "low-order key"}),
        Choice(
            "change",
            by="mode",
            cases={
                0: Bytes("message", high=112),
                1: Record("xor", (Int("offset", 2, high=200), Bytes("bits", low=1, high=40))),
                2: Int("length", 2, high=200),
                3: Bytes("tail", low=1, high=40),
                4: Int("which", 2, high=len(LOW_ORDER) - 1),
            },
        ),
    ),
)


def _states(suite: Suite) -> tuple[HandshakeState, HandshakeState]:
    """Initiator and responder, before their first message."""
    made = material()
    return (
        HandshakeState(
            suite.protocol,
            initiator=True,
            prologue=b"prologue",
            keys=Keys(Entropy("initiator"), KeyPair(made.initiator_key), made.psk),
        ),
        HandshakeState(
            suite.protocol,
            initiator=False,
            prologue=b"prologue",
            keys=Keys(Entropy("responder"), KeyPair(made.responder_key), made.psk),
        ),
    )


@cache
def _honest(number: int) -> tuple[bytes, ...]:
    """The messages of an undisturbed handshake."""
    suite = _SUITES[number]
    writer, reader = _states(suite)
    messages = []
    while not writer.finished:
        messages.append(writer.write_message(_PAYLOAD))
        reader.read_message(messages[-1])
        writer, reader = reader, writer
    return tuple(messages)


def _changed(honest: bytes, mode: int, body: bytes) -> bytes:
    number = int.from_bytes(body[:2])
    if mode == 1:
        offset = number % max(1, len(honest))
        bits = body[2:].ljust(len(honest) - offset, b"\0")
        return honest[:offset] + bytes(one ^ other for one, other in zip(honest[offset:], bits, strict=False))
    if mode == 2:
        return honest[: number % (len(honest) + 1)]
    if mode == 3:
        return honest + body
    if mode == 4:
        key = LOW_ORDER[number % len(LOW_ORDER)]
        return key + honest[len(key) :]
    return body


def read_message(data: bytes) -> bytes:
    """Read one message of a handshake that went well so far.

    Raises:
        MalformedError, IntegrityError, HandshakeError: See `HandshakeState.read_message`.
        ForgedAccepted: It is not the message that was written, and was accepted under a key.
    """
    number = data[0] % len(_SUITES) if data else 0
    honest = _honest(number)
    position = data[1] % len(honest) if len(data) > 1 else 0
    message = _changed(honest[position], data[2] % 5 if len(data) > 2 else 0, data[3:])
    sides = _states(_SUITES[number])
    for at in range(position):
        sides[at % 2].write_message(_PAYLOAD)
        sides[1 - at % 2].read_message(honest[at])
    payload = sides[1 - position % 2].read_message(message)
    under_key = position > 0 or _starts_with_psk(number)
    if under_key and message != honest[position]:
        raise ForgedAccepted(f"message {position + 1} of {_SUITES[number].name}")
    return payload


def _starts_with_psk(number: int) -> bool:
    return _SUITES[number].protocol.pattern.messages[0][0] == "psk"


def _seeds() -> Iterator[bytes]:
    for number in range(len(_SUITES)):
        for position, message in enumerate(_honest(number)):
            head = bytes((number, position))
            yield head + b"\0" + message
            yield head + b"\1\0\0\0"
            yield head + b"\1\0\x21\1"
            yield head + b"\2\0\x1f"
            yield head + b"\3more"
            yield head + b"\4\0\2"


def targets() -> Iterator[Target]:
    """It."""
    yield Target(
        name="sipc.handshake.noise",
        title="Each Noise message of each pattern: what is not authentic, too short or of low order is refused.",
        layer="handshake",
        parse=read_message,
        rejects=(MalformedError, IntegrityError, HandshakeError),
        measured=("sipc.noise_handshake", "sipc.noise_symmetric", "sipc.noise"),
        seeds=_seeds,
        tokens=LOW_ORDER[:4],
        structure=Schema(MESSAGE),
        reach=(
            "sipc.noise_handshake:HandshakeState.read_message",
            "sipc.noise_handshake:HandshakeState._read_s",
            "sipc.noise_handshake:KeyPair.dh",
            "sipc.noise_handshake:_cut",
        ),
        longest=512,
    )

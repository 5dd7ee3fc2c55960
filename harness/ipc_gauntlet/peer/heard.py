"""What a peer hears and what it says, as values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Heard:
    """Something the other side sent.

    Args:
        label: What it is: `offer`, `accept`, `retry`, `choice`, `reject`, `message3`, a record's name in capitals,
            `sealed` for a record that cannot be opened, `garbage` for bytes that are no frame.
        data: Its bytes on the wire.
    """

    label: str
    data: bytes


@dataclass(frozen=True, slots=True)
class HeardFrame(Heard):
    """A handshake frame.

    Args:
        negotiation: Its negotiation field.
        message: Its Noise message.
        payload: The plaintext of the message, as far as it could be opened; None where it was not or could not be.
    """

    negotiation: bytes
    message: bytes
    payload: bytes | None


@dataclass(frozen=True, slots=True)
class HeardRecord(Heard):
    """A record that could be opened.

    Args:
        type: Its type.
        flags: Its flags.
        payload: What follows them, without padding.
        n: Its nonce.
    """

    type: int
    flags: int
    payload: bytes
    n: int


@dataclass(frozen=True, slots=True)
class HeardMessage(Heard):
    """A message that is complete: `fields` is its map."""

    fields: dict[int, Any]

    @property
    def kind(self) -> int:
        """0 request, 1 response, 2 event, 3 cancel; -1 without one."""
        kind = self.fields.get(1, -1)
        return kind if isinstance(kind, int) else -1


@dataclass(frozen=True, slots=True)
class Noted(Heard):
    """A breach of docs/sipc1.md by the other side; `text` says which."""

    text: str


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A frame that is ready to be sent, and what a trace calls it."""

    label: str
    data: bytes

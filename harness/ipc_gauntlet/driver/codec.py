r"""Lines of bytes to messages and back (driver protocol, section 1).

Rule of this file: whatever a driver prints, decoding ends in a message or in `CodecError`, with memory bounded by the
longest permitted line plus one read.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from ipc_gauntlet.errors import GauntletError

_QUOTED_BYTES = 120


class CodecError(GauntletError):
    """Bytes that are not the driver protocol; the text says what they are instead."""


class LineTooLong(CodecError):
    """A line exceeds the limit; there is no way to find the next message."""


class Message(msgspec.Struct, frozen=True, gc=False):
    """Any JSON-RPC message; `UNSET` members were absent.

    Which of the members go together is checked by `decode_message`.
    """

    jsonrpc: str | msgspec.UnsetType = msgspec.UNSET
    id: int | msgspec.UnsetType | None = msgspec.UNSET
    method: str | msgspec.UnsetType = msgspec.UNSET
    params: dict[str, Any] | msgspec.UnsetType = msgspec.UNSET
    result: dict[str, Any] | msgspec.UnsetType = msgspec.UNSET
    error: "ErrorObject | msgspec.UnsetType" = msgspec.UNSET


class ErrorObject(msgspec.Struct, frozen=True):
    """The `error` of a response."""

    code: int
    message: str = ""
    data: Any = None

    @property
    def reason(self) -> str:
        """The reason class in `data.reason`, `unspecified` when there is none."""
        reason = self.data.get("reason") if isinstance(self.data, dict) else None
        return reason if isinstance(reason, str) else "unspecified"


class LineBuffer:
    """Cuts a stream of bytes into lines.

    Args:
        limit: Longest line in bytes, without its newline.
    """

    __slots__ = ("_limit", "_partial")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._partial = bytearray()

    @property
    def partial(self) -> bytes:
        """The beginning of a line whose end has not come yet."""
        return bytes(self._partial)

    def feed(self, data: bytes) -> list[bytes]:
        """Take bytes in and give complete lines out, without newlines.

        Args:
            data: The next bytes of the stream, cut anywhere.

        Returns:
            The lines that are complete now; a carriage return at their end is kept.

        Raises:
            LineTooLong: When a line, complete or not, exceeds the limit.
        """
        *lines, rest = data.split(b"\n")
        if lines and self._partial:
            lines[0] = bytes(self._partial) + lines[0]
            self._partial.clear()
        if rest:
            self._partial += rest
        if len(self._partial) > self._limit or (lines and max(map(len, lines)) > self._limit):
            raise LineTooLong(f"a line of more than {self._limit} bytes")
        return lines


_decoder = msgspec.json.Decoder(Message)
_encoder = msgspec.json.Encoder()


def encode_request(number: int, method: str, params: Mapping[str, object]) -> bytes:
    """Encode one request as a line; `bytes` inside become base64.

    Args:
        number: The id, positive.
        method: The method's name.
        params: Its parameters: JSON values, bytes, or message structures.
    """
    request = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
    return _encoder.encode(request) + b"\n"


def decode_message(line: bytes) -> Message:
    """Decode one line that a driver printed.

    Args:
        line: Without its newline.

    Returns:
        A notification (`method`, `params`), or a response (`id`, and either `result` or `error`).

    Raises:
        CodecError: On anything else; anything but `CodecError` is a bug.
    """
    try:
        message = _decoder.decode(line)
    except RecursionError:
        raise CodecError(f"JSON nested too deeply: {quote(line)}") from None
    except UnicodeDecodeError as error:
        raise CodecError(f"a line that is not UTF-8 ({error.reason}): {quote(line)}") from error
    except msgspec.ValidationError as error:
        raise CodecError(f"a line that is not a JSON-RPC message ({error}): {quote(line)}") from error
    except msgspec.MsgspecError as error:
        raise CodecError(f"a line that is not JSON ({error}): {quote(line)}") from error
    if message.jsonrpc != "2.0":
        raise CodecError(f'a message without "jsonrpc":"2.0": {quote(line)}')
    unset = msgspec.UNSET
    if message.method is not unset:
        valid = message.id is unset and message.result is unset and message.error is unset
    else:
        valid = message.id is not unset and (message.result is unset) != (message.error is unset)
    if not valid:
        raise CodecError(f"a message that is neither a response nor a notification: {quote(line)}")
    return message


def quote(line: bytes) -> str:
    """Show the beginning of a line to a person, on one line of printable characters."""
    shown = ascii(line[:_QUOTED_BYTES].decode("utf-8", "backslashreplace"))
    return shown if len(line) <= _QUOTED_BYTES else f"{shown}... ({len(line)} bytes)"

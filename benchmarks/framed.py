"""The service over anything that moves whole messages: one byte says what a message is."""

import struct
from collections.abc import Callable
from typing import Protocol

ECHO, PUSH, FLUSH = b"e", b"p", b"f"
READ_SIZE = 65536
LENGTH = struct.Struct(">I")


class Messages(Protocol):
    """A connection that keeps message boundaries."""

    def send(self, message: bytes) -> None:
        """Send one message."""
        ...

    def receive(self) -> bytes:
        """Return the next message; raises EOFError at the regular end."""
        ...

    def close(self) -> None:
        """End the connection."""
        ...


class MessageChannel:
    """A benchmark channel on top of a message connection."""

    def __init__(self, messages: Messages) -> None:
        self._messages = messages
        self.close = messages.close

    def echo(self, payload: bytes) -> bytes:
        """Send a payload and return the server's answer."""
        self._messages.send(ECHO + payload)
        return self._messages.receive()[1:]

    def push(self, payload: bytes) -> None:
        """Send a payload that is not answered."""
        self._messages.send(PUSH + payload)

    def flush(self) -> None:
        """Return when the server has taken everything that was pushed."""
        self._messages.send(FLUSH)
        self._messages.receive()


def serve_messages(messages: Messages) -> None:
    """Serve one connection until its regular end."""
    while True:
        try:
            message = messages.receive()
        except EOFError:
            break
        if message[:1] != PUSH:
            messages.send(message)
    messages.close()


class FramedStream:
    """Messages over a byte stream: four bytes of length, then the message, read through a buffer.

    Args:
        receive: Reads at most so many bytes; nothing at the end.
        send: Writes all of its argument.
        close: Ends the stream.
    """

    def __init__(
        self, receive: Callable[[int], bytes], send: Callable[[bytes], object], close: Callable[[], None]
    ) -> None:
        self._receive = receive
        self._send = send
        self.close = close
        self._buffer = bytearray()

    def send(self, message: bytes) -> None:
        """Send one message."""
        self._send(LENGTH.pack(len(message)) + message)

    def receive(self) -> bytes:
        """Return the next message; raises EOFError at the regular end."""
        self._fill(LENGTH.size)
        (length,) = LENGTH.unpack_from(self._buffer)
        end = LENGTH.size + length
        self._fill(end)
        message = bytes(memoryview(self._buffer)[LENGTH.size : end])
        del self._buffer[:end]
        return message

    def _fill(self, size: int) -> None:
        while len(self._buffer) < size:
            chunk = self._receive(READ_SIZE)
            if not chunk:
                raise EOFError
            self._buffer += chunk

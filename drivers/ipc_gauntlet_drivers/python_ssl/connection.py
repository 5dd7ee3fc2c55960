"""One TLS connection over a stream socket."""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import threading
import time
from typing import Any

from ipc_gauntlet.sdk import End, Failed, Framing, SocketConnection
from ipc_gauntlet_drivers.python_ssl.config import Settings, reason_of

MAX_MESSAGE = 1024 * 1024
_LENGTH_BYTES = 4
_FAREWELL_S = 2.0
_CHUNK = 65536
_LOOK_S = 0.05


class TlsConnection(SocketConnection):
    """One TLS connection.

    An `SSLSocket` must not be used by two threads at a time, so it is non-blocking after the handshake and every call
    is made under `writing`; waiting is done outside, with `select`.
    """

    def __init__(self, source: socket.socket | dict[str, Any], settings: Settings, conn: str = "") -> None:
        super().__init__(source, conn)
        self._settings = settings
        self._framing = Framing(_LENGTH_BYTES, MAX_MESSAGE)
        self._tls: ssl.SSLSocket | None = None
        self._said_farewell = threading.Event()

    def converse(self, sock: socket.socket) -> End:
        """See `SocketConnection.converse`."""
        try:
            tls = self._shake_hands(sock)
        except ssl.SSLError as error:
            return End("error", reason_of(error), str(error))
        except (ValueError, TypeError) as error:  # how the module refuses a name that it cannot check
            return End("error", "authentication", str(error))
        try:
            with self.writing:
                self._tls = tls
            names = self._peer_names(tls)
            if self._settings.client_name not in (None, *names):
                return End("error", "unauthorized", f"a client named {', '.join(names) or 'nothing'}")
            cipher = tls.cipher()
            name = next(iter(names), None)
            self.established(peer=name, version=tls.version(), suite=cipher and cipher[0])
            return self._read_until_end(tls)
        except ssl.SSLEOFError as error:
            return End("truncated", "truncated", str(error))
        except ssl.SSLError as error:
            return End("error", reason_of(error), str(error))
        finally:
            with self.writing:
                self._tls = None

    def send(self, payload: bytes) -> None:
        """See `Connection.send`."""
        left = memoryview(self._framing.frame(payload))
        while left:
            with self.writing, _turned_into_failures():
                if self.closing:  # after `unwrap` the socket would send in the clear
                    raise Failed("peer-closed", "the connection was closed")
                tls = self._live()
                try:
                    left = left[tls.send(left) :]
                    continue
                except (ssl.SSLWantWriteError, ssl.SSLWantReadError) as want:
                    wanted, fd = want, tls.fileno()
            _wait(fd, wanted)

    def finish(self) -> None:
        """See `Connection.finish`: the closing handshake that the documentation describes, `unwrap`."""
        deadline = time.monotonic() + _FAREWELL_S
        while (left := deadline - time.monotonic()) > 0:
            with self.writing, _turned_into_failures():
                tls = self._live()
                try:
                    tls.unwrap()
                except (ssl.SSLWantReadError, ssl.SSLWantWriteError) as want:
                    wanted, fd = want, tls.fileno()
                else:
                    return
            _wait(fd, wanted, left)
        raise Failed("timeout", f"no closing handshake from the peer within {_FAREWELL_S:g} s")

    def drop(self) -> None:
        """See `Connection.drop`."""
        super().drop()
        self._said_farewell.set()

    def _shake_hands(self, sock: socket.socket) -> ssl.SSLSocket:
        settings = self._settings
        tls = settings.context.wrap_socket(
            sock,
            server_side=not self.is_client,
            server_hostname=settings.server_name,
            do_handshake_on_connect=False,
            suppress_ragged_eofs=not settings.strict,
        )
        self.replace_socket(tls)
        tls.settimeout(settings.handshake_s)
        tls.do_handshake()
        tls.setblocking(False)
        return tls

    def _peer_names(self, tls: ssl.SSLSocket) -> list[str]:
        """In the client the module has checked the name; the server looks into the certificate, as the manual says."""
        if self._settings.server_name is not None:
            return [self._settings.server_name]
        names: Any = (tls.getpeercert() or {}).get("subjectAltName", ())
        return [value for kind, value in names if kind == "DNS"]

    def _read_until_end(self, tls: ssl.SSLSocket) -> End:
        fd = tls.fileno()
        while True:
            with self.writing:
                if self.closing:  # `finish` reads from now on, and what it reads is not for the application
                    break
                try:
                    data = tls.recv(_CHUNK)
                except (ssl.SSLWantReadError, ssl.SSLWantWriteError) as want:
                    data, wanted = None, want
                if data == b"":
                    with contextlib.suppress(OSError):
                        tls.unwrap()  # our half of the closing handshake; how the stream ended is known already
            if data is None:
                _wait(fd, wanted)
            elif data:
                for message in self._framing.feed(data):
                    self.delivered(message)
            elif self._framing.inside:
                return End("truncated", "truncated", "the stream ended inside a message")
            else:
                return End("clean")
        self._said_farewell.wait(_FAREWELL_S + 1)
        return End("local")

    def _live(self) -> ssl.SSLSocket:
        if self._tls is None:
            raise Failed("peer-closed", "the connection is over")
        return self._tls


@contextlib.contextmanager
def _turned_into_failures() -> Any:  # noqa: ANN401 - a generator, as contextmanager wants it
    try:
        yield
    except ssl.SSLEOFError as error:
        raise Failed("truncated", str(error)) from error
    except ssl.SSLError as error:
        raise Failed(reason_of(error), str(error)) from error


def _wait(fd: int, wanted: ssl.SSLError, timeout: float | None = None) -> None:
    """Wait until the socket is ready, or a little; the caller looks again in any case."""
    with contextlib.suppress(OSError, ValueError):  # it was closed meanwhile
        if isinstance(wanted, ssl.SSLWantReadError):
            select.select([fd], [], [], timeout)
        else:
            # A socket that is shut down while its buffer is full does not become writable.
            select.select([], [fd], [], _LOOK_S)

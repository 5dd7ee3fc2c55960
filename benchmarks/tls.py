"""Mutual TLS 1.3 over a Unix socket with the standard library's ssl and Ed25519 certificates."""

import socket
import ssl
from collections.abc import Callable
from pathlib import Path

from benchmarks.framed import FramedStream, MessageChannel, serve_messages
from benchmarks.issuing import issue_dns
from benchmarks.stack import CLIENT, SERVICE, Channel


class Tls:
    """Both ends verify the other's certificate against one root."""

    name = "ssl"

    def prepare(self, folder: Path) -> None:
        """Issue a root and one certificate for each end."""
        issue_dns(folder, {host: host for host in (SERVICE, CLIENT)})

    def serve(self, folder: Path, ready: Callable[[], None]) -> None:
        """Serve one connection after the other."""
        context = self._context(folder, SERVICE, ssl.PROTOCOL_TLS_SERVER)
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(folder / "s"))
            listener.listen()
            ready()
            while True:
                raw, _ = listener.accept()
                tls = context.wrap_socket(raw, server_side=True)
                serve_messages(FramedStream(tls.recv, tls.sendall, tls.close))

    def connect(self, folder: Path) -> Channel:
        """Handshake over a new connection."""
        if not hasattr(self, "_client"):
            self._client = self._context(folder, CLIENT, ssl.PROTOCOL_TLS_CLIENT)
        raw = socket.socket(socket.AF_UNIX)
        raw.connect(str(folder / "s"))
        tls = self._client.wrap_socket(raw, server_hostname=SERVICE)

        def close() -> None:
            # Sends close_notify; the server closes without answering it, as most do.
            try:
                tls.unwrap()
            except (ssl.SSLError, OSError):
                tls.close()

        return MessageChannel(FramedStream(tls.recv, tls.sendall, close))

    @staticmethod
    def _context(folder: Path, name: str, protocol: ssl._SSLMethod) -> ssl.SSLContext:
        context = ssl.SSLContext(protocol)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(folder / "root.pem")
        context.load_cert_chain(folder / f"{name}.pem")
        return context

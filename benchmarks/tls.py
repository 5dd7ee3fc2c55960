"""Mutual TLS 1.3 over a Unix socket with the standard library's ssl and Ed25519 certificates."""

import datetime
import socket
import ssl
from collections.abc import Callable
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from benchmarks.framed import FramedStream, MessageChannel, serve_messages
from benchmarks.stack import CLIENT, SERVICE, Channel


class Tls:
    """Both ends verify the other's certificate against one root."""

    name = "ssl"

    def prepare(self, folder: Path) -> None:
        """Issue a root and one certificate for each end."""
        root_key = Ed25519PrivateKey.generate()
        root = issue("Bench Root", root_key, None, root_key)
        (folder / "root.pem").write_bytes(root.public_bytes(Encoding.PEM))
        for name in (SERVICE, CLIENT):
            key = Ed25519PrivateKey.generate()
            leaf = issue(name, key, root, root_key)
            pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            (folder / f"{name}.pem").write_bytes(pem + leaf.public_bytes(Encoding.PEM))

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


def issue(
    name: str, key: Ed25519PrivateKey, issuer: x509.Certificate | None, issuer_key: Ed25519PrivateKey
) -> x509.Certificate:
    """Make a certificate: a root if there is no issuer, else a leaf with a DNS name."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
    )
    if issuer:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
    return builder.sign(issuer_key, None)

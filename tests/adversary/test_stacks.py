"""Real protocols through the relay: the framers find their messages, and attacks hit exactly the chosen one."""

import datetime
import socket
import ssl
import threading
from collections.abc import Callable
from multiprocessing.connection import Client, Listener
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from systems import WINDOWS

from ipc_gauntlet.adversary import Drop, Fault, Rechunk, Relay, Selector, Swap
from ipc_gauntlet.reactor import Reactor

WAIT_S = 20
COUNT = 5
FAMILY = socket.AF_INET if WINDOWS else getattr(socket, "AF_UNIX")  # noqa: B009 - absent on Windows
MESSAGES = [b"message-%d" % number for number in range(COUNT)]


class Background:
    """A function in a thread of its own, and what came of it."""

    def __init__(self, function: Callable[[], object]) -> None:
        self.error: Exception | None = None
        self._function = function
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def done(self) -> bool:
        return not self._thread.is_alive()

    def join(self) -> None:
        self._thread.join(WAIT_S)

    def _run(self) -> None:
        try:
            self._function()
        except (OSError, EOFError) as error:
            self.error = error


def converse(
    reactor: Reactor, server: Callable[[], object], client: Callable[[], object]
) -> Exception | None:
    """Run both ends to their end; returns the server's error."""
    ends = [Background(server), Background(client)]
    assert reactor.run_until(lambda: _poll(reactor, ends), WAIT_S)
    for end in ends:
        end.join()
    return ends[0].error


def _poll(reactor: Reactor, ends: list[Background]) -> bool:
    reactor.call_at(reactor.now() + 0.01, lambda: None)  # a thread that ends wakes nobody
    return all(end.done() for end in ends)


def address_of(target: str | tuple[str, int]) -> dict[str, object]:
    """The address of a Unix socket or of a port, as drivers know it."""
    if isinstance(target, str):
        return {"transport": "unix", "path": target}
    return {"transport": "tcp", "host": target[0], "port": target[1]}


def target_of(address: dict[str, object]) -> object:
    """The same the other way round."""
    return address["path"] if "path" in address else (address["host"], address["port"])


@pytest.mark.parametrize("segments", [None, "bytes", "coalesce"])
def test_multiprocessing_delivers_swapped_messages(
    reactor: Reactor, workdir: str, segments: str | None
) -> None:
    """The welcome and the first message often share a read; still only the two chosen messages change places."""
    got: list[object] = []

    def serve() -> None:
        with listener, listener.accept() as connection:
            got.extend(connection.recv_bytes() for _ in range(COUNT))

    # On Windows a path would be a pipe of messages, without the framing that is attacked here.
    listener = Listener(("127.0.0.1", 0) if WINDOWS else f"{workdir}/mp", authkey=b"key")
    # The client's frames: challenge answer, own challenge, welcome, then messages.
    faults: list[Fault] = [Swap(Selector("c2s", 4, since_mark=False))]
    if segments:
        faults.append(Rechunk("both", segments))  # type: ignore[arg-type]
    upstream = address_of(listener.address)
    with Relay(reactor, upstream=upstream, directory=workdir, framer="mp", faults=faults) as relay:

        def talk() -> None:
            with Client(target_of(relay.address), authkey=b"key") as connection:
                for message in MESSAGES:
                    connection.send_bytes(message)

        assert converse(reactor, serve, talk) is None
        assert got == [MESSAGES[0], MESSAGES[2], MESSAGES[1], *MESSAGES[3:]]
        assert relay.unfired() == []


@pytest.fixture(scope="module")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a certificate for the server, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "server")])
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now).not_valid_after(now + datetime.timedelta(days=1))
    text = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    path = tmp_path_factory.mktemp("tls") / "identity.pem"
    certificate = builder.sign(key, hashes.SHA256())
    path.write_bytes(key.private_bytes(*text) + certificate.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.mark.parametrize("attacked", [False, True])
def test_tls_notices_a_dropped_record(
    reactor: Reactor, workdir: str, identity: Path, *, attacked: bool
) -> None:
    """Without a fault all records arrive; without the second one nothing is delivered behind the first."""
    got: list[bytes] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(identity)

    def serve() -> None:
        with listener, listener.accept()[0] as plain, context.wrap_socket(plain, server_side=True) as secure:
            got.extend(iter(lambda: secure.recv(100), b""))

    def talk() -> None:
        trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        trusting.check_hostname = False
        trusting.load_verify_locations(identity)
        with socket.socket(FAMILY) as plain:
            plain.settimeout(WAIT_S)
            plain.connect(target_of(relay.address))
            with trusting.wrap_socket(plain) as secure:
                for message in MESSAGES:
                    secure.sendall(message)
                secure.unwrap()

    listener = socket.socket(FAMILY)
    listener.bind(("127.0.0.1", 0) if WINDOWS else f"{workdir}/tls")
    listener.listen(1)
    listener.settimeout(WAIT_S)
    # The client's first protected record is its Finished message.
    faults = [Drop(Selector("c2s", 2, "appdata", since_mark=False))] if attacked else []
    upstream = address_of(listener.getsockname())
    with Relay(reactor, upstream=upstream, directory=workdir, framer="tls", faults=faults) as relay:
        error = converse(reactor, serve, talk)
        Path(workdir, "tls").unlink(missing_ok=True)
        labels = {frame.label for frame in relay.links[0].frames("c2s")}
        assert labels == {"handshake", "ccs", "appdata"}
        assert b"".join(got) == (MESSAGES[0] if attacked else b"".join(MESSAGES))
        assert isinstance(error, ssl.SSLError) == attacked
        assert relay.unfired() == []

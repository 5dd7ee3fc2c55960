"""pyzmq with CURVE over ipc, the client's key checked by ZAP: authenticated in both directions."""

from collections.abc import Callable
from pathlib import Path

import zmq
import zmq.auth
from zmq.auth.thread import ThreadAuthenticator

from benchmarks.framed import PUSH, MessageChannel
from benchmarks.stack import CLIENT, SERVICE, Channel


class _Messages:
    """One DEALER socket; ZeroMQ's own threads do the handshake and the encryption."""

    def __init__(self, dealer: "zmq.Socket[bytes]") -> None:
        self._dealer = dealer

    def send(self, message: bytes) -> None:
        self._dealer.send(message)

    def receive(self) -> bytes:
        return self._dealer.recv()

    def close(self) -> None:
        self._dealer.close(linger=0)


class CurveZmq:
    """DEALER against ROUTER: the pair of socket types that can both answer and stream."""

    name = "zmq-curve"

    def prepare(self, folder: Path) -> None:
        """Make a key pair for each end and the folder of clients that the server accepts."""
        for name in (SERVICE, CLIENT):
            zmq.auth.create_certificates(folder, name)
        accepted = folder / "accepted"
        accepted.mkdir()
        (folder / f"{CLIENT}.key").rename(accepted / f"{CLIENT}.key")

    def serve(self, folder: Path, ready: Callable[[], None]) -> None:
        """Answer every client from one socket."""
        context = zmq.Context()
        authenticator = ThreadAuthenticator(context)
        authenticator.start()
        authenticator.configure_curve(domain="*", location=folder / "accepted")
        router = context.socket(zmq.ROUTER)
        router.curve_publickey, router.curve_secretkey = self._pair(folder, SERVICE)
        router.curve_server = True
        router.sndhwm = router.rcvhwm = 0
        router.bind(f"ipc://{folder / 's'}")
        ready()
        while True:
            sender, message = router.recv_multipart()
            if message[:1] != PUSH:
                router.send_multipart([sender, message])

    def connect(self, folder: Path) -> Channel:
        """Make a socket; ZeroMQ connects and handshakes in the background, the first answer shows that it did."""
        if not hasattr(self, "_context"):
            self._context = zmq.Context()
            self._server_key, _ = zmq.auth.load_certificate(folder / f"{SERVICE}.key")
            self._keys = self._pair(folder, CLIENT)
        dealer = self._context.socket(zmq.DEALER)
        dealer.curve_publickey, dealer.curve_secretkey = self._keys
        dealer.curve_serverkey = self._server_key
        dealer.sndhwm = dealer.rcvhwm = 0
        dealer.connect(f"ipc://{folder / 's'}")
        return MessageChannel(_Messages(dealer))

    @staticmethod
    def _pair(folder: Path, name: str) -> tuple[bytes, bytes]:
        public, secret = zmq.auth.load_certificate(folder / f"{name}.key_secret")
        if secret is None:
            raise ValueError(f"{name}: no secret key in {folder}")
        return public, secret

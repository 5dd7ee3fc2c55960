"""The ZeroMQ context of one epoch: sockets with keys, and the thread that decides about clients' keys."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

import zmq
import zmq.auth.thread
from zmq.utils import z85

from ipc_gauntlet.sdk import ConnectParams, Failed, ListenParams, Unsupported, raw

KEY_BYTES = 32
_TERM_S = 2.0


class World:
    """The ZeroMQ context of one epoch, with the thread that answers libzmq's questions about client keys."""

    def __init__(self) -> None:
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._zap = zmq.auth.thread.ThreadAuthenticator(self._context)
        self._zap.start()

    def allow(self, domain: str, keys: Mapping[bytes, str]) -> None:
        """Let only these client keys in at the endpoints of a ZAP domain."""
        self._zap.configure_curve_callback(domain, _AllowList(keys))

    def socket(self, kind: zmq.SocketType, params: ListenParams | ConnectParams) -> zmq.Socket[bytes]:
        """Make a socket with this side's key pair and options.

        Raises:
            Unsupported: There is no key pair; CURVE needs one on both sides.
        """
        if params.credential is None:
            raise Unsupported("a side without a key pair")
        public, secret = key_of(params.credential, "public"), key_of(params.credential, "private")
        sock = self._context.socket(kind)
        sock.curve_publickey, sock.curve_secretkey = public, secret
        if (timer := params.options.get("timeouts", {}).get("handshake_ms")) is not None:
            sock.handshake_ivl = timer
        return sock

    def close(self) -> None:
        """End the context; all sockets are closed already."""
        self._zap.stop()
        ending = threading.Thread(target=self._context.term, daemon=True)
        ending.start()
        ending.join(_TERM_S)


class _AllowList:
    """The credentials provider that `configure_curve_callback` wants."""

    def __init__(self, keys: Mapping[bytes, str]) -> None:
        self._keys = {z85.encode(key) for key in keys}

    def callback(self, domain: str, key: bytes) -> bool:
        """Say whether a client key (Z85) may come in."""
        return bool(domain) and key in self._keys


def known_keys(params: ListenParams | ConnectParams, wanted: str | None) -> dict[bytes, str]:
    """Return the names of known peers by key, only the wanted one if there is one."""
    entries = (params.trust or {}).get("keys") or []
    known = {key_of(entry, "public"): str(entry["name"]) for entry in entries}
    return {key: name for key, name in known.items() if wanted in (None, name)}


def key_of(holder: dict[str, Any], member: str) -> bytes:
    """Return the X25519 key in a member.

    Raises:
        BadParams: It is absent or not base64.
        Failed: It has the wrong length.
    """
    key = raw(holder, member)
    if len(key) != KEY_BYTES:
        raise Failed("malformed", f"a key has {KEY_BYTES} bytes, {member} has {len(key)}")
    return key

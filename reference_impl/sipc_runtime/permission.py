"""Who may do what: roles that are given to principals, and tokens and signatures that come with messages.

Rules of this file. Nobody has a role until it is granted. A principal is a kind of credential and a name; a role may be
granted to a name whatever its kind. Every answer is that of the moment: nothing is remembered from one request to
the next.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sipc import signing, tokens
from sipc.cbor import Value
from sipc.envelope import Envelope, Status
from sipc.errors import AuthenticationError, RemoteError
from sipc.events import Established
from sipc.idempotency import IdempotencyKey
from sipc_runtime.clock import Clock
from sipc_runtime.metrics import Metrics
from sipc_runtime.service import Refused
from sipc_runtime.single_use import SingleUse, Verdict
from sipc_runtime.store import Store

# A record that is about to be forgotten does not make a duplicate of a request any more.
_MARGIN_S = 60.0


class Roles:
    """Roles of principals, and which methods need one.

    Args:
        needed: Role by method; a method that is not listed needs none.
    """

    def __init__(self, needed: Mapping[str, str]) -> None:
        self._needed = dict(needed)
        self._lock = threading.Lock()
        self._granted: set[tuple[str | None, str, str]] = set()

    def grant(self, name: str, role: str, credential: str | None = None) -> None:
        """Give a role to a name.

        Args:
            name: Whom.
            role: Which.
            credential: Only if this kind of credential proved the name; None for any kind.
        """
        with self._lock:
            self._granted.add((credential, name, role))

    def withdraw(self, name: str, role: str, credential: str | None = None) -> None:
        """Take a role away; without a kind of credential, for every kind."""
        with self._lock:
            self._granted = {
                one for one in self._granted if one[1:] != (name, role) or credential not in (None, one[0])
            }

    def allows(self, peer: Established, method: str) -> bool:
        """Whether a peer may call a method now."""
        role = self._needed.get(method)
        if role is None:
            return True
        with self._lock:
            return bool({(None, peer.peer, role), (peer.credential, peer.peer, role)} & self._granted)


@dataclass(frozen=True, slots=True)
class Book:
    """Where uses are remembered, and by which clock.

    Attributes:
        clock: For the time of day.
        store: Returns the store.
        metrics: Where replays are counted.
    """

    clock: Clock
    store: Callable[[], Store]
    metrics: Metrics


class TokenGate:
    """Judges the tokens of requests.

    Args:
        issuers: Ed25519 keys by name.
        required: Methods that need a token.
        book: Where uses are remembered.

    Raises:
        LocalError: A key cannot be used.
    """

    def __init__(self, issuers: Mapping[str, bytes], required: frozenset[str], book: Book) -> None:
        for public in issuers.values():
            tokens.check_key(public)
        self._issuers = dict(issuers)
        self._required = required
        self._book = book

    def admits(self, peer: Established, request: Envelope) -> Value:
        """See `Surroundings.admits`."""
        if request.method not in self._required:
            return None
        if request.token is None:
            raise Refused(Status.DENIED)
        wall = self._book.clock.wall()
        try:
            token = tokens.decode(request.token, self._issuers)
            tokens.judge(token, request, tokens.Holder(peer.peer, peer.local, peer.channel_binding, wall))
        except RemoteError as error:
            raise Refused(Status.DENIED) from error
        if token.uses is not None:
            self._use(token, token.uses, peer, request, wall)
        return token.scope

    def _use(
        self, token: tokens.Token, limit: int, peer: Established, request: Envelope, wall: float
    ) -> None:
        store = self._book.store()
        if request.idem is not None:
            key = IdempotencyKey(peer.credential, peer.peer, request.idem)
            if store.remembers(key, _MARGIN_S):
                # A duplicate has no effect of its own.
                return
        if not SingleUse(store).take_use(token.issuer, token.ident, limit, token.expires, wall):
            self._book.metrics.count("replayed")
            raise Refused(Status.DENIED)


class SignatureGate:
    """Judges signed messages.

    Args:
        signers: Whom to believe.
        book: Where ids are remembered.
    """

    def __init__(self, signers: Mapping[str, signing.Signer], book: Book) -> None:
        self._signers = dict(signers)
        self._book = book

    def verifies(self, peer: Established, message: Envelope) -> None:
        """See `Surroundings.verifies`."""
        wall = self._book.clock.wall()
        claim = signing.verify(message, signing.Reader(peer.local, peer.peer, wall, self._signers))
        verdict = SingleUse(self._book.store()).take_id(claim.sender, claim.ident, claim.expires, wall)
        if verdict is Verdict.REPLAYED:
            raise AuthenticationError("this signed message was here before", reason="replay")
        if verdict is Verdict.EXPIRED:
            raise AuthenticationError(
                "this signed message is older than what is remembered", reason="expired"
            )

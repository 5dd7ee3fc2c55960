"""At most once: what a duplicate of a keyed request gets. Decisions only; a store keeps the entries.

Rules of this file. An entry belongs to an authenticated principal - kind of credential and name - and a key; no
other principal can see or occupy it. The method is part of the fingerprint: a key that comes back with another
method is a mismatch. An entry is made in the same step that starts the execution, and refusals before that step leave no trace. An entry that
was started by an earlier run of the program and never finished means that nobody knows the outcome.
"""

import hashlib
from dataclasses import dataclass
from enum import Enum

from sipc import cbor
from sipc.cbor import Value
from sipc.envelope import Envelope, Status


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """Whose key.

    Attributes:
        credential: Kind of credential that proved the caller's name; another kind is another principal.
        peer: Authenticated name of the caller.
        key: The caller's key, byte by byte.
    """

    credential: str
    peer: str
    key: bytes


@dataclass(frozen=True, slots=True)
class Outcome:
    """A final answer as it is stored and repeated.

    Attributes:
        status: Status of the response.
        body: Its body in canonical CBOR; None for none.
    """

    status: int
    body: bytes | None


@dataclass(frozen=True, slots=True)
class Entry:
    """What a store knows about a key.

    Attributes:
        fingerprint: Of the request that came first.
        epoch: Which run of the program started it.
        outcome: None until the execution has ended.
    """

    fingerprint: bytes
    epoch: int
    outcome: Outcome | None


class Decision(Enum):
    """What to do with a keyed request."""

    EXECUTE = "execute"
    REPEAT = "repeat the stored outcome"
    MISMATCH = "refuse: the key belongs to another request"
    IN_PROGRESS = "refuse: the first one is still running"
    UNKNOWN = "refuse: the first one was interrupted"
    BUSY = "refuse: no room for another key"


REFUSALS: dict[Decision, Status] = {
    Decision.MISMATCH: Status.IDEM_MISMATCH,
    Decision.IN_PROGRESS: Status.IN_PROGRESS,
    Decision.UNKNOWN: Status.OUTCOME_UNKNOWN,
    Decision.BUSY: Status.BUSY,
}
"""With what each refusal is answered."""


def fingerprint(request: Envelope, scope: Value = None) -> bytes:
    """Return 32 bytes that are equal for requests that ask for the same thing.

    Method, schema, label, purpose and body count, with defaults filled in. Message number, budget and trace
    differ between attempts and do not count.

    Args:
        request: The request.
        scope: What the token that allowed it is for; None if none was needed.
    """
    asked: dict[cbor.Key, cbor.Value] = {
        4: request.method,
        5: request.schema,
        8: int(request.label),
        14: request.body,
    }
    if request.purpose is not None:
        asked[9] = request.purpose
    if scope is not None:
        asked[10] = scope
    return hashlib.sha256(cbor.encode(asked)).digest()


def decide(entry: Entry | None, asked: bytes, *, epoch: int, full: bool) -> Decision:
    """Decide about a request with a key.

    Args:
        entry: What the store has under the key; None if nothing, or if its horizon has passed.
        asked: Fingerprint of the request.
        epoch: The present run of the program.
        full: Whether the store has no room. Entries are never dropped to make some.
    """
    if entry is None:
        return Decision.BUSY if full else Decision.EXECUTE
    if entry.fingerprint != asked:
        return Decision.MISMATCH
    if entry.outcome is not None:
        return Decision.REPEAT
    return Decision.IN_PROGRESS if entry.epoch == epoch else Decision.UNKNOWN


def has_expired(first_seen: float, now: float, horizon: float) -> bool:
    """Whether an entry may be forgotten. Both times are of the store's own clock, which never steps."""
    return now >= first_seen + horizon

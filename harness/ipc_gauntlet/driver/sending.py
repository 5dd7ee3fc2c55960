"""Parameters of `send`: a message, or a request, and what an implementation may be told about either.

Every member but the connection, the payload and the operation belongs to a feature that the statement declares.
"""

from typing import Annotated

import msgspec

from ipc_gauntlet.driver.statement import Milliseconds, Text
from ipc_gauntlet.driver.values import Base
from ipc_gauntlet.driver.vocabulary import Operation

Label = Annotated[int, msgspec.Meta(ge=0, le=3)]
Attempts = Annotated[int, msgspec.Meta(ge=1)]


class Retry(Base, frozen=True, kw_only=True):
    """How the implementation's own client repeats a request that failed (feature `retries`)."""

    attempts: Attempts
    base_ms: Milliseconds | None = None
    cap_ms: Milliseconds | None = None


class SignedClaim(Base, frozen=True, kw_only=True):
    """Who speaks to whom, to be signed with an Ed25519 key given as PKCS #8 DER (feature `claims`)."""

    sender: Text = msgspec.field(name="from")
    receiver: Text = msgspec.field(name="to")
    key: bytes
    id: bytes
    expires_s: int | None = None


class SendBase(Base, frozen=True, kw_only=True):
    """What a message and a request have in common."""

    conn: Text
    payload: bytes
    lane: str | None = None
    label: Label | None = None
    purpose: str | None = None
    schema: int | None = None
    token: bytes | None = None
    signed: SignedClaim | None = None


class SendEvent(SendBase, frozen=True, kw_only=True, tag_field="kind", tag="event"):
    """Send one message; `kind` may be absent."""


class SendRequest(SendBase, frozen=True, kw_only=True, tag_field="kind", tag="request"):
    """Call an operation of the test application."""

    operation: Operation
    key: bytes | None = None
    deadline_ms: Milliseconds | None = None
    tag: str | None = None
    retry: Retry | None = None
    own_key: bool | None = None

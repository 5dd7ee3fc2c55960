"""What a driver reported that its implementation told its user."""

import base64
from typing import Any

import msgspec


class Observation(msgspec.Struct, frozen=True, kw_only=True):
    """One notification (driver protocol, section 6).

    Attributes:
        method: Its name, such as `delivered`.
        arrived: Reactor time at which it was read, seconds.
        t: The driver's own monotonic time, seconds; None when it gave none.
        conn: The connection it is about, if any.
        params: All of its members as they came, already checked against the protocol's types.
        seq: Its place among all notifications of this driver, from 0.
        life: Which life of the driver told it, from 0; a new life may use the names of an old one again.
    """

    method: str
    arrived: float
    t: float | None = None
    conn: str | None = None
    params: dict[str, Any] = {}
    seq: int = 0
    life: int = 0

    @property
    def payload(self) -> bytes | None:
        """The message of `delivered` and `executed`."""
        return self._bytes("payload")

    @property
    def binding(self) -> bytes | None:
        """The channel binding of `established`."""
        return self._bytes("binding")

    @property
    def key(self) -> bytes | None:
        """The idempotency key of `executed`."""
        return self._bytes("key")

    @property
    def listener(self) -> str | None:
        """The listener that accepted the connection."""
        return self.params.get("listener")

    @property
    def operation(self) -> str | None:
        """The operation of `executed`."""
        return self.params.get("operation")

    @property
    def peer(self) -> str | None:
        """The authenticated name of the other side."""
        return self.params.get("peer")

    @property
    def suite(self) -> str | int | None:
        """The cipher suite of `established`."""
        return self.params.get("suite")

    @property
    def version(self) -> str | int | None:
        """The protocol version of `established`."""
        return self.params.get("version")

    @property
    def how(self) -> str | None:
        """How a connection ended: `clean`, `truncated`, `error` or `local`."""
        return self.params.get("how")

    @property
    def stage(self) -> str | None:
        """The stage in which something was refused."""
        return self.params.get("stage")

    @property
    def reason(self) -> str | None:
        """The reason class of `rejected` and `closed`, `unspecified` when they name none; None elsewhere."""
        default = "unspecified" if self.method in ("rejected", "closed") else None
        return self.params.get("reason", default)

    @property
    def detail(self) -> str | None:
        """The implementation's own words."""
        return self.params.get("detail")

    def _bytes(self, name: str) -> bytes | None:
        text = self.params.get(name)
        return None if text is None else base64.b64decode(text, validate=True)

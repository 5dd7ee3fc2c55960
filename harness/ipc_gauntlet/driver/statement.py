"""The implementation statement: what an implementation claims (driver protocol, section 3)."""

from collections.abc import Mapping
from typing import Annotated, Any, TypeVar, get_args

import msgspec

from ipc_gauntlet.driver.vocabulary import (
    PROTOCOL_VERSION,
    Coverage,
    CredentialKind,
    Feature,
    Framing,
    KeyType,
    NameForm,
    NotificationName,
    Profile,
    Role,
    TransportKind,
)
from ipc_gauntlet.errors import UsageError

Positive = Annotated[int, msgspec.Meta(ge=1)]
Milliseconds = Annotated[int, msgspec.Meta(ge=0)]
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=1024)]


class CredentialSupport(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A kind of credential that the implementation can use.

    For certificates also which keys and names; for pre-shared keys whether they have identities, and may have an end.
    """

    kind: CredentialKind
    keys: tuple[KeyType, ...] = ()
    names: tuple[NameForm, ...] = ()
    ids: bool = True
    expiry: bool = False


class Limits(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Largest message in bytes, and most connections at a time; absent where there is no limit or none is known."""

    max_message: Positive | None = None
    max_connections: Positive | None = None


class Timeouts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The timers of one side in milliseconds; absent where the implementation has no such timer."""

    connect_ms: Milliseconds | None = None
    handshake_ms: Milliseconds | None = None
    idle_ms: Milliseconds | None = None
    probe_ms: Milliseconds | None = None
    write_ms: Milliseconds | None = None
    drain_ms: Milliseconds | None = None
    request_ms: Milliseconds | None = None


class Wire(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The wire protocol, and how the adversary can find message boundaries in it."""

    protocol: str = ""
    framing: Framing = "opaque"


class Statement(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The implementation statement: the result of `describe`."""

    protocol: int
    name: Text
    version: str
    language: str = ""
    profile: Profile
    roles: tuple[Role, ...]
    transports: tuple[TransportKind, ...]
    credentials: tuple[CredentialSupport, ...] = ()
    features: tuple[Feature, ...] = ()
    observes: tuple[NotificationName, ...] = ()
    limits: Limits = Limits()
    timeouts: Timeouts = Timeouts()
    wire: Wire = Wire()
    parsers: tuple[str, ...] = ()
    coverage: Coverage | None = None
    faults: tuple[str, ...] = ()
    extra: dict[str, Any] = {}

    @classmethod
    def from_result(cls, result: Mapping[str, Any]) -> "Statement":
        """Check the result of `describe`; members that this version does not know end up in `extra`.

        Args:
            result: Decoded JSON.

        Raises:
            ValueError: When it is not a usable statement; the text says where and why.
        """
        protocol = result.get("protocol")
        if protocol != PROTOCOL_VERSION or isinstance(protocol, bool):
            raise ValueError(
                f'"protocol" is {protocol!r}, and this harness speaks version {PROTOCOL_VERSION}'
            )
        known = {
            name: value for name, value in result.items() if name in cls.__struct_fields__ and name != "extra"
        }
        extra = {name: value for name, value in result.items() if name not in known}
        statement = msgspec.convert({**known, "extra": extra}, cls)
        if not statement.has_parsers_only:
            if not statement.roles:
                raise ValueError('"roles" is empty; a driver plays at least one of: client, server')
            if not statement.transports:
                raise ValueError('"transports" is empty; a driver that plays a role has at least one')
        return statement

    @property
    def has_parsers_only(self) -> bool:
        """Whether the driver makes no connections at all: parsers, and neither roles nor transports."""
        return bool(self.parsers) and not self.roles and not self.transports

    def credential(self, kind: str) -> CredentialSupport | None:
        """Return what is claimed about one kind of credential, None when the kind is not claimed."""
        return next((entry for entry in self.credentials if entry.kind == kind), None)

    @classmethod
    def merge(cls, client: "Statement", server: "Statement") -> "Statement":
        """State what a pair can do together: what both claim, under the tighter limits.

        A timer is kept when both sides have it, with the longer time.

        Args:
            client: The statement of the program that connects.
            server: The statement of the program that listens.

        Raises:
            UsageError: When the two cannot be tested together; says why.
        """
        if client == server and client.has_parsers_only:
            return client
        _check_pair(client, server)
        if client == server:
            return client
        return cls(
            protocol=PROTOCOL_VERSION,
            name=_both(client.name, server.name),
            version=_both(client.version, server.version),
            language=_both(client.language, server.language),
            profile=min(client.profile, server.profile, key=_PROFILES.index),
            roles=("client", "server"),
            transports=_common(client.transports, server.transports),
            credentials=_common_credentials(client, server),
            features=_common(client.features, server.features),
            observes=_common(client.observes, server.observes),
            limits=_tighter(client.limits, server.limits),
            timeouts=_longer(client.timeouts, server.timeouts),
            wire=client.wire if client.wire == server.wire else Wire(protocol=client.wire.protocol),
            parsers=_common(client.parsers, server.parsers),
            coverage=client.coverage if client.coverage == server.coverage else None,
            faults=_common(client.faults, server.faults),
            extra={name: value for name, value in client.extra.items() if server.extra.get(name) == value},
        )


_T = TypeVar("_T")
_PROFILES: tuple[str, ...] = get_args(Profile)


def _check_pair(client: Statement, server: Statement) -> None:
    if "client" not in client.roles:
        raise UsageError(f"{client.name} does not claim the role client; choose another driver for that side")
    if "server" not in server.roles:
        raise UsageError(f"{server.name} does not claim the role server; choose another driver for that side")
    if client.wire.protocol != server.wire.protocol:
        raise UsageError(
            f"{client.name} speaks {client.wire.protocol!r} and {server.name} speaks {server.wire.protocol!r}; "
            "a pair must claim the same wire.protocol"
        )
    if not _common(client.transports, server.transports):
        raise UsageError(f"{client.name} and {server.name} have no transport in common")


def _common(left: tuple[_T, ...], right: tuple[_T, ...]) -> tuple[_T, ...]:
    return tuple(item for item in left if item in right)


def _both(left: str, right: str) -> str:
    return left if left == right else f"{left} -> {right}"


def _common_credentials(client: Statement, server: Statement) -> tuple[CredentialSupport, ...]:
    common = []
    for mine in client.credentials:
        theirs = server.credential(mine.kind)
        if theirs is not None:
            keys, names = _common(mine.keys, theirs.keys), _common(mine.names, theirs.names)
            if bool(keys) == bool(mine.keys) and bool(names) == bool(mine.names):
                ids, expiry = mine.ids and theirs.ids, mine.expiry and theirs.expiry
                common.append(
                    CredentialSupport(kind=mine.kind, keys=keys, names=names, ids=ids, expiry=expiry)
                )
    return tuple(common)


def _tighter(left: Limits, right: Limits) -> Limits:
    """Take the smaller of two limits, and the only one where one side has none."""
    both = {
        name: [value for value in (getattr(left, name), getattr(right, name)) if value is not None]
        for name in Limits.__struct_fields__
    }
    return Limits(**{name: min(values, default=None) for name, values in both.items()})


def _longer(left: Timeouts, right: Timeouts) -> Timeouts:
    """Take the longer of two timers, and none where one side has none."""
    both = {name: (getattr(left, name), getattr(right, name)) for name in Timeouts.__struct_fields__}
    return Timeouts(**{name: None if None in values else max(values) for name, values in both.items()})

"""The member `options` of `listen` and `connect`, and addresses.

What the reference does not have is refused as unsupported; what makes no sense, as a bad parameter; and a
configuration that the implementation itself refuses is a failed operation with the reason it gave.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from sipc.errors import LocalError
from sipc.identity import PskCredential
from sipc.settings import Settings
from sipc.signing import Signer
from sipc.suites import DEFAULT_VERSIONS, VERSIONS, Suite, suites_named
from sipc.timers import TimeoutOutOfRange, Timeouts
from sipc_driver.application import PREFIX
from sipc_driver.rpc import (
    FAILED,
    INVALID_PARAMS,
    UNSUPPORTED,
    Json,
    RpcError,
    objects,
    octets,
    optional_object,
    optional_text,
    text,
    texts,
    whole,
)
from sipc_driver.statement import OPTION_TIMERS
from sipc_runtime.places import TRANSPORTS
from sipc_runtime.store import DEFAULT_CAPACITY
from sipc_runtime.transport import Address, PipeAddress, TcpAddress, UnixAddress

_OPTIONS = {"timeouts", "suites", "versions", "clock", "psk", "mode", "epoch_bits"}
_SERVER_OPTIONS = {"store", "store_capacity", "roles", "signers", "issuers", "require_token"}
_READER = {f"{PREFIX}read": "reader"}


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """What only a listener has.

    Attributes:
        store: A file for idempotency records; None keeps them in memory.
        capacity: Most idempotency records.
        roles: Role by method.
        signers: Whose signed messages to believe; None refuses all of them.
        issuers: Keys of the issuers of tokens.
        require_token: Methods that need a token.
    """

    store: str | None = None
    capacity: int = DEFAULT_CAPACITY
    roles: Mapping[str, str] = field(default_factory=lambda: _READER)
    signers: Mapping[str, Signer] | None = None
    issuers: Mapping[str, bytes] = field(default_factory=dict)
    require_token: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Options:
    """The member `options` of `listen` and `connect`.

    Attributes:
        settings: Times and limits.
        suites: In order of preference; empty for the defaults of the credential.
        versions: Lowest and highest version.
        virtual: Use the clock that `advance_clock` moves.
        psk: A key to be proved in addition to a certificate (suite `Noise_XXpsk3_...`).
        server: What only a listener has.
    """

    settings: Settings
    suites: tuple[Suite, ...]
    versions: tuple[int, int]
    virtual: bool
    psk: PskCredential | None
    server: ServerOptions


def parse_options(params: Json, *, server: bool) -> Options:
    """Read the member `options`.

    Args:
        params: Of `listen` or `connect`.
        server: Of `listen`.
    """
    given = optional_object(params, "options") or {}
    unknown = sorted(set(given) - _OPTIONS - (_SERVER_OPTIONS if server else {"store"}))
    if unknown:
        raise RpcError(UNSUPPORTED, f"option {unknown[0]} is not supported")
    clock = optional_text(given, "clock") or "system"
    if clock not in {"system", "virtual"}:
        raise RpcError(UNSUPPORTED, f"there is no clock {clock}")
    psk = optional_object(given, "psk")
    of_server = _server_options(given)
    return Options(
        settings=_settings(given, verifies=of_server.signers is not None),
        suites=parse_suites(given.get("suites")),
        versions=parse_versions(given.get("versions")),
        virtual=clock == "virtual",
        psk=None if psk is None else psk_credential(psk),
        server=of_server,
    )


def _settings(given: Json, *, verifies: bool) -> Settings:
    mode = optional_text(given, "mode") or "stream"
    if mode not in {"stream", "datagram"}:
        raise RpcError(UNSUPPORTED, f"there is no mode {mode}")
    return Settings(
        timeouts=_timeouts(optional_object(given, "timeouts") or {}),
        datagram=mode == "datagram",
        epoch_bits=whole(given, "epoch_bits", (4, 64), 20),
        verifies=verifies,
    )


def _server_options(given: Json) -> ServerOptions:
    signers = None if given.get("signers") is None else [_signer(one) for one in objects(given, "signers")]
    return ServerOptions(
        store=optional_text(given, "store"),
        capacity=whole(given, "store_capacity", (1, 1 << 31), DEFAULT_CAPACITY),
        roles=_roles(optional_object(given, "roles") or {}),
        signers=None if signers is None else {signer.name: signer for signer in signers},
        issuers={text(one, "name"): octets(one, "public") for one in objects(given, "issuers")},
        require_token=frozenset(PREFIX + name for name in texts(given, "require_token")),
    )


def _signer(given: Json) -> Signer:
    name, public = text(given, "name"), octets(given, "public")
    try:
        return Signer(name, public, frozenset(texts(given, "via")))
    except LocalError as error:
        raise refused(error) from error


def _roles(given: Json) -> Mapping[str, str]:
    return _READER | {PREFIX + operation: text(given, operation) for operation in given}


def _timeouts(given: Json) -> Timeouts:
    if not given:
        return _DEFAULT_TIMEOUTS
    seconds: dict[str, float] = {}
    for name, value in given.items():
        timer = OPTION_TIMERS.get(name)
        if timer is None:
            raise RpcError(UNSUPPORTED, f"there is no time-out {name}")
        if type(value) is not int or value <= 0:
            raise RpcError(INVALID_PARAMS, f"{name} must be a positive number of milliseconds")
        seconds[timer.value] = value / 1000
    # The handshake's deadline is the one that the driver protocol knows: no other may come before it.
    seconds["first"] = min(30.0, seconds.get("handshake", _DEFAULT_TIMEOUTS.handshake))
    try:
        return replace(_DEFAULT_TIMEOUTS, **seconds)  # type: ignore[arg-type]  # all of them are floats
    except TimeoutOutOfRange as error:
        raise RpcError(UNSUPPORTED, str(error)) from error


_DEFAULT_TIMEOUTS = Timeouts(allow_short=True, first=Timeouts().handshake)


def parse_suites(given: object) -> tuple[Suite, ...]:
    """Suites in order of preference; empty for the defaults."""
    if given is None:
        return ()
    if not isinstance(given, list) or not given or not all(isinstance(name, str) for name in given):
        raise RpcError(INVALID_PARAMS, "suites must be a list of names")
    try:
        return suites_named(given)
    except LocalError as error:
        raise RpcError(UNSUPPORTED, str(error)) from error


def parse_versions(given: object) -> tuple[int, int]:
    """Lowest and highest version."""
    if given is None:
        return DEFAULT_VERSIONS
    if not isinstance(given, list) or len(given) != 2 or not all(type(number) is int for number in given):
        raise RpcError(INVALID_PARAMS, "versions must be [min, max]")
    low, high = given
    if low > high:
        raise RpcError(INVALID_PARAMS, "versions must be [min, max]")
    if low not in VERSIONS or high not in VERSIONS:
        raise RpcError(UNSUPPORTED, f"versions are {sorted(VERSIONS)}")
    return low, high


def psk_credential(given: Json) -> PskCredential:
    """A pre-shared key."""
    names = (text(given, "id"), octets(given, "key"), text(given, "self"), text(given, "other"))
    expires = whole(given, "expires_s", (0, 2**53)) if "expires_s" in given else None
    try:
        return PskCredential(*names, expires)
    except LocalError as error:
        raise refused(error) from error


def parse_address(params: Json) -> Address:
    """Read the member `address`."""
    given = optional_object(params, "address") or {}
    transport = text(given, "transport")
    if transport not in TRANSPORTS:
        raise RpcError(UNSUPPORTED, f"transport {transport} is not supported")
    if transport == "unix":
        return UnixAddress(text(given, "path"))
    if transport == "pipe":
        return PipeAddress(text(given, "path"))
    port = given.get("port")
    if type(port) is not int or not 0 < port < 65536:
        raise RpcError(INVALID_PARAMS, "port must be a number of a port")
    return TcpAddress(text(given, "host"), port)


def format_address(address: Address) -> Json:
    """The JSON form of an address."""
    if isinstance(address, UnixAddress):
        return {"transport": "unix", "path": address.path}
    if isinstance(address, PipeAddress):
        return {"transport": "pipe", "path": address.path}
    return {"transport": "tcp", "host": address.host, "port": address.port}


def refused(error: LocalError) -> RpcError:
    """The implementation refuses a configuration, with a reason of its own."""
    return RpcError(FAILED, str(error), error.reason)

"""Parameters of `listen` and `connect`: credentials, trust, options.

What the reference does not have is refused as unsupported; what makes no sense, as a bad parameter; and a
configuration that the implementation itself refuses is a failed operation with the reason it gave.
"""

from dataclasses import dataclass, replace

from sipc.errors import LocalError
from sipc.handshake_config import InitiatorConfig, ResponderConfig
from sipc.identity import PskCredential, TrustStore, X509Credential
from sipc.settings import Settings
from sipc.suites import DEFAULT_VERSIONS, VERSIONS, Suite, suites_named
from sipc.timers import TimeoutOutOfRange, Timeouts
from sipc_driver.rpc import (
    FAILED,
    INVALID_PARAMS,
    UNSUPPORTED,
    Json,
    RpcError,
    decoded,
    objects,
    octets,
    optional_object,
    optional_text,
    text,
)
from sipc_driver.statement import OPTION_TIMERS
from sipc_runtime.transport import Address, TcpAddress, UnixAddress

_OPTIONS = {"timeouts", "suites", "versions", "store", "clock", "psk"}


@dataclass(frozen=True, slots=True)
class Options:
    """The member `options` of `listen` and `connect`.

    Attributes:
        settings: Times and limits.
        suites: In order of preference; empty for the defaults of the credential.
        versions: Lowest and highest version.
        store: A file for idempotency records; None keeps them in memory.
        virtual: Use the clock that `advance_clock` moves.
        psk: A key to be proved in addition to a certificate (suite `Noise_XXpsk3_...`).
    """

    settings: Settings
    suites: tuple[Suite, ...]
    versions: tuple[int, int]
    store: str | None
    virtual: bool
    psk: PskCredential | None


def parse_options(params: Json) -> Options:
    """Read the member `options`."""
    given = optional_object(params, "options") or {}
    unknown = sorted(set(given) - _OPTIONS)
    if unknown:
        raise RpcError(UNSUPPORTED, f"option {unknown[0]} is not supported")
    clock = optional_text(given, "clock") or "system"
    if clock not in {"system", "virtual"}:
        raise RpcError(UNSUPPORTED, f"there is no clock {clock}")
    psk = optional_object(given, "psk")
    return Options(
        settings=Settings(timeouts=_timeouts(optional_object(given, "timeouts") or {})),
        suites=_suites(given.get("suites")),
        versions=_versions(given.get("versions")),
        store=optional_text(given, "store"),
        virtual=clock == "virtual",
        psk=None if psk is None else _psk(psk),
    )


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


def _suites(given: object) -> tuple[Suite, ...]:
    if given is None:
        return ()
    if not isinstance(given, list) or not given or not all(isinstance(name, str) for name in given):
        raise RpcError(INVALID_PARAMS, "suites must be a list of names")
    try:
        return suites_named(given)
    except LocalError as error:
        raise RpcError(UNSUPPORTED, str(error)) from error


def _versions(given: object) -> tuple[int, int]:
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


def _psk(given: Json) -> PskCredential:
    names = (text(given, "id"), octets(given, "key"), text(given, "self"), text(given, "other"))
    try:
        return PskCredential(*names)
    except LocalError as error:
        raise _refused(error) from error


def _credential(params: Json) -> X509Credential | PskCredential | None:
    given = optional_object(params, "credential")
    if given is None:
        return None
    kind = text(given, "kind")
    if kind == "psk":
        return _psk(given)
    if kind != "x509":
        raise RpcError(UNSUPPORTED, f"credentials of kind {kind} are not supported")
    try:
        return X509Credential.load(_octet_list(given, "chain"), octets(given, "private_key"))
    except LocalError as error:
        raise _refused(error) from error


def _trust(params: Json, psk: PskCredential | None) -> TrustStore:
    given = optional_object(params, "trust")
    psks = [] if psk is None else [psk]
    roots: list[bytes] = []
    crls: list[bytes] = []
    if given is not None:
        kind = text(given, "kind")
        if kind == "psk":
            psks += [_psk(key) for key in objects(given, "keys")]
        elif kind == "x509":
            roots, crls = _octet_list(given, "roots"), _octet_list(given, "crls")
        else:
            raise RpcError(UNSUPPORTED, f"trust of kind {kind} is not supported")
    try:
        return TrustStore(roots, crls, psks)
    except LocalError as error:
        raise _refused(error) from error


def _octet_list(given: Json, name: str) -> list[bytes]:
    value = given.get(name, [])
    if not isinstance(value, list):
        raise RpcError(INVALID_PARAMS, f"{name} must be a list of bytes in base64")
    return [decoded(item, name) for item in value]


def initiator_config(params: Json, options: Options) -> InitiatorConfig:
    """Identity, trust and policy of a client."""
    credential, trust = _credential(params), _trust(params, options.psk)
    try:
        return InitiatorConfig(
            service=text(params, "service"),
            credential=credential,
            trust=trust,
            suites=options.suites,
            versions=options.versions,
            psk=options.psk,
            peer=optional_text(params, "peer"),
        )
    except LocalError as error:
        raise _refused(error) from error


def responder_config(params: Json, options: Options) -> ResponderConfig:
    """Identity, trust and policy of a server."""
    credential, trust = _credential(params), _trust(params, options.psk)
    peer = optional_text(params, "peer")
    try:
        return ResponderConfig(
            service=text(params, "service"),
            credential=credential,
            trust=trust,
            suites=options.suites,
            versions=options.versions,
            peers=None if peer is None else frozenset({peer}),
        )
    except LocalError as error:
        raise _refused(error) from error


def parse_address(params: Json) -> Address:
    """Read the member `address`."""
    given = optional_object(params, "address") or {}
    transport = text(given, "transport")
    if transport == "unix":
        return UnixAddress(text(given, "path"))
    if transport != "tcp":
        raise RpcError(UNSUPPORTED, f"transport {transport} is not supported")
    port = given.get("port")
    if type(port) is not int or not 0 < port < 65536:
        raise RpcError(INVALID_PARAMS, "port must be a number of a port")
    return TcpAddress(text(given, "host"), port)


def format_address(address: Address) -> Json:
    """The JSON form of an address."""
    if isinstance(address, UnixAddress):
        return {"transport": "unix", "path": address.path}
    return {"transport": "tcp", "host": address.host, "port": address.port}


def _refused(error: LocalError) -> RpcError:
    return RpcError(FAILED, str(error), error.reason)

"""Who a side is and whom it trusts: members `credential`, `trust`, `peer` and the policy made of them."""

from collections.abc import Sequence

from sipc.errors import LocalError
from sipc.handshake_config import InitiatorConfig, ResponderConfig
from sipc.identity import PskCredential, TrustStore, X509Credential
from sipc.x509 import VerifiedLeaf
from sipc_driver.options import Options, psk_credential, refused
from sipc_driver.rpc import (
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
from sipc_runtime.faults import FAULTS


class Trust(TrustStore):
    """A trust store that a test can make fail at the point `verify`."""

    def validate_chain(self, chain: Sequence[bytes], wall: float) -> VerifiedLeaf:
        """See `TrustStore.validate_chain`."""
        if FAULTS.armed and FAULTS.hit("verify"):
            return None  # type: ignore[return-value]  # what a broken verifier would do
        return super().validate_chain(chain, wall)


class ServerTrust(Trust):
    """The same, also for the keys that a responder looks up."""

    def psk(self, identity: str) -> PskCredential | None:
        """See `TrustStore.psk`."""
        if FAULTS.armed and FAULTS.hit("verify"):
            return None
        return super().psk(identity)


def _credential(params: Json) -> X509Credential | PskCredential | None:
    given = optional_object(params, "credential")
    if given is None:
        return None
    kind = text(given, "kind")
    if kind == "psk":
        return psk_credential(given)
    if kind != "x509":
        raise RpcError(UNSUPPORTED, f"credentials of kind {kind} are not supported")
    try:
        return X509Credential.load(_octet_list(given, "chain"), octets(given, "private_key"))
    except LocalError as error:
        raise refused(error) from error


def _trust(params: Json, psk: PskCredential | None, store: type[Trust]) -> TrustStore:
    given = optional_object(params, "trust")
    psks = [] if psk is None else [psk]
    roots: list[bytes] = []
    crls: list[bytes] = []
    if given is not None:
        kind = text(given, "kind")
        if kind == "psk":
            psks += [psk_credential(key) for key in objects(given, "keys")]
        elif kind == "x509":
            roots, crls = _octet_list(given, "roots"), _octet_list(given, "crls")
        else:
            raise RpcError(UNSUPPORTED, f"trust of kind {kind} is not supported")
    try:
        return store(roots, crls, psks)
    except LocalError as error:
        raise refused(error) from error


def _octet_list(given: Json, name: str) -> list[bytes]:
    value = given.get(name, [])
    if not isinstance(value, list):
        raise RpcError(INVALID_PARAMS, f"{name} must be a list of bytes in base64")
    return [decoded(item, name) for item in value]


def initiator_config(params: Json, options: Options) -> InitiatorConfig:
    """Identity, trust and policy of a client."""
    credential, trust = _credential(params), _trust(params, options.psk, Trust)
    try:
        return InitiatorConfig(
            service=text(params, "service"),
            credential=credential,
            trust=trust,
            suites=options.suites,
            versions=options.versions,
            psk=options.psk,
            peer=optional_text(params, "peer"),
            datagram=options.settings.datagram,
        )
    except LocalError as error:
        raise refused(error) from error


def responder_config(params: Json, options: Options) -> ResponderConfig:
    """Identity, trust and policy of a server."""
    credential, trust = _credential(params), _trust(params, options.psk, ServerTrust)
    peer = optional_text(params, "peer")
    try:
        return ResponderConfig(
            service=text(params, "service"),
            credential=credential,
            trust=trust,
            suites=options.suites,
            versions=options.versions,
            peers=None if peer is None else frozenset({peer}),
            datagram=options.settings.datagram,
        )
    except LocalError as error:
        raise refused(error) from error

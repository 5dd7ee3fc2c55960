"""Deployments: which identity and trust each side of a session is given.

A deployment is what a careful operator would configure; the methods of an `Issuer` also make every spoiled one a
case needs, each differing from the good one in a single respect.
"""

from __future__ import annotations

import base64
import dataclasses
import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import x25519

from ipc_gauntlet.credentials.chains import ChainMaker, defect_named
from ipc_gauntlet.credentials.x509 import CertificateAuthority, KeyType, LeafOptions, NameForm
from ipc_gauntlet.errors import HarnessError
from ipc_gauntlet.seeds import derive_bytes

Role = Literal["client", "server"]
Json = dict[str, object]


def b64(data: bytes) -> str:
    """Encode bytes as the driver protocol wants them."""
    return base64.b64encode(data).decode("ascii")


@dataclass(frozen=True, slots=True)
class Side:
    """What one side of a session is configured with; members as in the driver protocol, section 5."""

    name: str
    credential: Json | None
    trust: Json | None
    peer: str | None = None

    @property
    def chain(self) -> tuple[bytes, ...]:
        """Its certificates, DER, leaf first; none under another kind of credentials."""
        chain = (self.credential or {}).get("chain")
        return tuple(base64.b64decode(str(one)) for one in chain) if isinstance(chain, list) else ()

    @property
    def public_key(self) -> bytes:
        """The raw X25519 key in its certificate; empty where there is none."""
        key = x509.load_der_x509_certificate(self.chain[0]).public_key() if self.chain else None
        return key.public_bytes_raw() if isinstance(key, x25519.X25519PublicKey) else b""

    @property
    def validity(self) -> tuple[float, float]:
        """From when and until when its certificate is valid, in seconds since 1970; (0, 0) where there is none."""
        if not self.chain:
            return 0.0, 0.0
        leaf = x509.load_der_x509_certificate(self.chain[0])
        return leaf.not_valid_before_utc.timestamp(), leaf.not_valid_after_utc.timestamp()

    def but(self, **changes: object) -> Side:
        """Return a copy with some members replaced."""
        return dataclasses.replace(self, **changes)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Deployment:
    """Both sides' configuration, and the name of the service the client wants to reach."""

    client: Side
    server: Side
    wanted: str | None = None

    @property
    def service(self) -> str:
        """The name the client intends to reach."""
        return self.server.name if self.wanted is None else self.wanted

    def side(self, role: Role) -> Side:
        """Return one side."""
        return self.client if role == "client" else self.server

    def replace(self, role: Role, side: Side) -> Deployment:
        """Return a copy with one side replaced."""
        if role == "client":
            return dataclasses.replace(self, client=side)
        return dataclasses.replace(self, server=side)

    def intending(self, service: str) -> Deployment:
        """Return a copy whose client wants to reach another name; what the server is stays the same."""
        return dataclasses.replace(self, wanted=service)


class Issuer(Protocol):
    """Makes deployments of one credential kind."""

    kind: str

    def good(self, client: str = "client", server: str = "server") -> Deployment:
        """A deployment in which both sides can authenticate each other."""
        ...

    def untrusted(self, role: Role) -> Deployment:
        """The side `role` proves a key its peer does not trust, under the right name."""
        ...

    def mismatched(self, role: Role) -> Deployment:
        """The side `role` presents the public identity of one key and holds the private part of another."""
        ...

    def elsewhere(self) -> Deployment:
        """A second service, valid under the same trust as the first; the client can authenticate either."""
        ...

    def trust_both(self, first: Deployment, second: Deployment) -> Json:
        """A server's trust in the clients of two deployments."""
        ...

    def empty_trust(self) -> Json:
        """Trust that contains nobody."""
        ...


class _Names:
    def __init__(self, form: NameForm) -> None:
        self.form = form

    def __call__(self, label: str) -> str:
        return f"spiffe://test.example/{label}" if self.form == "uri" else f"{label}.test.example"


class X509Issuer:
    """Issues certificates of one authority; every side trusts that authority's root."""

    kind = "x509"

    def __init__(self, seed: int, key_type: KeyType, form: NameForm, now: datetime.datetime) -> None:
        self._key_type = key_type
        self.form = form
        self._names = _Names(form)
        self.authority = CertificateAuthority(seed, "main", now)
        self.foreign = CertificateAuthority(seed, "foreign", now)
        self._impostor = CertificateAuthority(seed, "impostor", now, name=self.authority.name)
        self._paths = ChainMaker(seed, now)
        self._sides: dict[
            str, Side
        ] = {}  # an identity is issued once and then used, as by any careful operator

    def options(self, label: str, key_label: str | None = None) -> LeafOptions:
        """The leaf that belongs to a label, optionally over another label's key."""
        return LeafOptions(self._names(label), self.form, self._key_type, key_label or label)

    def good(self, client: str = "client", server: str = "server") -> Deployment:
        """See `Issuer.good`."""
        for label in (client, server):
            if label not in self._sides:
                self._sides[label] = self._side(label)
        return Deployment(self._sides[client], self._sides[server])

    def untrusted(self, role: Role) -> Deployment:
        """See `Issuer.untrusted`: same name, issued by another authority."""
        good = self.good()
        side = good.side(role)
        chain, key = self.foreign.issue(self.options(role, f"foreign-{role}"))
        return good.replace(role, side.but(credential=self._credential(side.name, chain, key)))

    def bringing_root(self, role: Role) -> Deployment:
        """As `untrusted`, but the side sends the root of its authority along."""
        good = self.good()
        side = good.side(role)
        chain, key = self.foreign.issue(self.options(role, f"foreign-{role}"))
        chain.append(self.foreign.root_der)
        return good.replace(role, side.but(credential=self._credential(side.name, chain, key)))

    def by_namesake(self, role: Role) -> Deployment:
        """As `untrusted`, but the authority that issued it has the name of the trusted one."""
        good = self.good()
        side = good.side(role)
        chain, key = self._impostor.issue(self.options(role, f"foreign-{role}"))
        return good.replace(role, side.but(credential=self._credential(side.name, chain, key)))

    def self_signed(self, role: Role) -> Deployment:
        """The side `role` presents a leaf that is its own issuer."""
        good = self.good()
        side = good.side(role)
        chain, key = self.authority.self_signed_leaf(self.options(role, f"self-{role}"))
        return good.replace(role, side.but(credential=self._credential(side.name, chain, key)))

    def chained(self, role: Role, defect: str | None = None) -> Deployment:
        """The side `role` presents a chain with an intermediate, good or with one defect; see `credentials.chains`.

        Both sides trust the root of these chains beside the usual one.
        """
        good = self.good()
        trust = self.trusting(self.authority.root_der, self._paths.root.root_der)
        found = None if defect is None else defect_named(defect)
        chain, key = self._paths.make(self.options(role), found)
        side = good.side(role)
        changed = side.but(credential=self._credential(side.name, chain, key))
        both = Deployment(good.client.but(trust=trust), good.server.but(trust=trust))
        return both.replace(role, changed.but(trust=trust))

    def rooted(self, role: Role, defect: str | None = None) -> Deployment:
        """The side `role` presents a chain under a root that is good or has one defect, and both sides trust that root."""
        good = self.good()
        found = None if defect is None else defect_named(defect)
        chain, key, root = self._paths.rooted(self.options(role), found)
        trust = self.trusting(self.authority.root_der, root)
        side = good.side(role)
        changed = side.but(credential=self._credential(side.name, chain, key), trust=trust)
        both = Deployment(good.client.but(trust=trust), good.server.but(trust=trust))
        return both.replace(role, changed)

    def trusting(self, *roots: bytes) -> Json:
        """Trust in these roots."""
        return {"kind": "x509", "roots": [b64(one) for one in roots], "crls": []}

    def renamed(self, role: Role, name: str, common_name: str = "") -> Deployment:
        """The side `role` is certified under exactly this name; the client still wants the usual server.

        Args:
            role: Whose certificate it is.
            name: The one name in it.
            common_name: What its subject says, which means nothing.
        """
        good = self.good()
        options = LeafOptions(name, self.form, self._key_type, f"renamed-{role}", common_name=common_name)
        chain, key = self.authority.issue(options)
        side = good.side(role).but(name=name, credential=self._credential(name, chain, key))
        return good.replace(role, side).intending(good.service)

    def certifying(self, role: Role, public: bytes) -> Deployment:
        """The side `role` has a certificate for this public key, of which there may be no private one.

        The private key in its credential is another one.
        """
        good = self.good()
        side = good.side(role)
        chain = self.authority.certify(self.options(role), public)
        _, key = self.authority.issue(self.options(role))
        return good.replace(role, side.but(credential=self._credential(side.name, chain, key)))

    def mismatched(self, role: Role) -> Deployment:
        """See `Issuer.mismatched`: the right certificate with another valid identity's private key."""
        good = self.good()
        side = good.side(role)
        chain, _ = self.authority.issue(self.options(role))
        _, other_key = self.authority.issue(self.options(f"other-{role}"))
        return good.replace(role, side.but(credential=self._credential(side.name, chain, other_key)))

    def elsewhere(self) -> Deployment:
        """See `Issuer.elsewhere`: another name under the same root."""
        return self.good(server="elsewhere")

    def trust_both(self, first: Deployment, second: Deployment) -> Json:
        """See `Issuer.trust_both`: both have the same root."""
        return first.server.trust or second.server.trust or self.empty_trust()

    def empty_trust(self) -> Json:
        """See `Issuer.empty_trust`."""
        return {"kind": "x509", "roots": [], "crls": []}

    def _side(self, label: str) -> Side:
        chain, key = self.authority.issue(self.options(label))
        trust = self.trusting(self.authority.root_der)
        name = self._names(label)
        return Side(name, self._credential(name, chain, key), trust)

    def _credential(self, name: str, chain: list[bytes], key: bytes) -> Json:
        return {"kind": "x509", "name": name, "chain": [b64(c) for c in chain], "private_key": b64(key)}


class PskIssuer:
    """Provisions one 32-byte key for each ordered pair of names."""

    kind = "psk"

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._names = _Names("uri")

    def good(self, client: str = "client", server: str = "server") -> Deployment:
        """See `Issuer.good`."""
        key = self.key(client, server)
        return self.with_keys(key, key, client=client, server=server)

    def untrusted(self, role: Role) -> Deployment:
        """See `Issuer.untrusted`: right identity, wrong key on the side `role`."""
        right = derive_bytes(self._seed, "psk", "client", "server")
        wrong = derive_bytes(self._seed, "psk", "somebody", "else")
        return self.with_keys(*((wrong, right) if role == "client" else (right, wrong)))

    def mismatched(self, role: Role) -> Deployment:
        """See `Issuer.mismatched`: a PSK has no public part, so this is the identity with another's key."""
        return self.untrusted(role)

    def with_keys(
        self,
        client_key: bytes,
        server_key: bytes,
        *,
        client: str = "client",
        server: str = "server",
        client_id: str | None = None,
    ) -> Deployment:
        """A deployment with freely chosen keys and, for the client, a freely chosen PSK identity."""
        identity = f"psk-{client}-{server}"
        one = self._psk(client_id or identity, client_key, client, server)
        other = self._psk(identity, server_key, server, client)
        return Deployment(
            Side(self._names(client), one, {"kind": "psk", "keys": [one]}),
            Side(self._names(server), other, {"kind": "psk", "keys": [other]}),
        )

    def ending(self, role: Role, expires_s: int) -> Deployment:
        """On the side `role` the key ends at a time, in seconds since 1970; the other side knows of no end."""
        good = self.good()
        side = good.side(role)
        key: Json = {**(side.credential or {}), "expires_s": expires_s}
        return good.replace(role, side.but(credential=key, trust={"kind": "psk", "keys": [key]}))

    def key(self, client: str = "client", server: str = "server") -> bytes:
        """The key of an ordered pair."""
        return derive_bytes(self._seed, "psk", client, server)

    def selfie(self) -> Deployment:
        """The client's own program as a responder that holds the same key as the client (RFC 9257, section 4)."""
        identity, key = "psk-client-server", self.key()
        own = self._psk(identity, key, "client", "server")
        side = Side(self._names("client"), own, {"kind": "psk", "keys": [own]})
        return Deployment(side, side)

    def elsewhere(self) -> Deployment:
        """See `Issuer.elsewhere`: another pair, so another key."""
        return self.good(server="elsewhere")

    def trust_both(self, first: Deployment, second: Deployment) -> Json:
        """See `Issuer.trust_both`."""
        return {"kind": "psk", "keys": [_psk_of(first.server), _psk_of(second.server)]}

    def empty_trust(self) -> Json:
        """See `Issuer.empty_trust`."""
        return {"kind": "psk", "keys": []}

    def _psk(self, identity: str, key: bytes, own: str, other: str) -> Json:
        names = {"self": self._names(own), "other": self._names(other)}
        return {"kind": "psk", "id": identity, "key": b64(key), **names}


class RawKeyIssuer:
    """Provisions X25519 key pairs; each side trusts the other's public key by name."""

    kind = "raw-key"

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._names = _Names("uri")

    def good(self, client: str = "client", server: str = "server") -> Deployment:
        """See `Issuer.good`."""
        return Deployment(self._side(client, server), self._side(server, client))

    def untrusted(self, role: Role) -> Deployment:
        """See `Issuer.untrusted`: the right name with a key the peer was never given."""
        good = self.good()
        side = good.side(role)
        return good.replace(role, side.but(credential=self._credential(side.name, f"foreign-{role}")))

    def mismatched(self, role: Role) -> Deployment:
        """See `Issuer.mismatched`: the trusted public key beside another private key."""
        good = self.good()
        side = good.side(role)
        credential = dict(self._credential(side.name, role))
        credential["private"] = self._credential(side.name, f"other-{role}")["private"]
        return good.replace(role, side.but(credential=credential))

    def trusting(self, *labels: str) -> Json:
        """Trust in the keys of several labels."""
        keys = [{"name": self._names(one), "public": self._credential("", one)["public"]} for one in labels]
        return {"kind": "raw-key", "keys": keys}

    def elsewhere(self) -> Deployment:
        """See `Issuer.elsewhere`: the client trusts the keys of both services."""
        there = self.good(server="elsewhere")
        return there.replace("client", there.client.but(trust=self.trusting("server", "elsewhere")))

    def trust_both(self, first: Deployment, second: Deployment) -> Json:
        """See `Issuer.trust_both`."""
        labels = [one.client.name.rsplit("/", 1)[-1] for one in (first, second)]
        return self.trusting(*labels)

    def empty_trust(self) -> Json:
        """See `Issuer.empty_trust`."""
        return {"kind": "raw-key", "keys": []}

    def _side(self, label: str, peer: str) -> Side:
        name = self._names(label)
        return Side(name, self._credential(name, label), self.trusting(peer))

    def _credential(self, name: str, label: str) -> Json:
        key = x25519.X25519PrivateKey.from_private_bytes(derive_bytes(self._seed, "raw-key", label))
        public = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        private = key.private_bytes(
            serialization.Encoding.Raw, serialization.PrivateFormat.Raw, serialization.NoEncryption()
        )
        return {"kind": "raw-key", "name": name, "public": b64(public), "private": b64(private)}


def _psk_of(side: Side) -> Json:
    if side.credential is None:
        raise HarnessError(f"{side.name} has no pre-shared key")
    return side.credential


def issuer_for(declaration: Mapping[str, object], seed: int, now: datetime.datetime) -> Issuer:
    """Make the issuer for one entry of a statement's `credentials`.

    Args:
        declaration: The entry, for example `{"kind": "x509", "keys": ["ed25519"], "names": ["dns"]}`.
        seed: The run's seed.
        now: Wall-clock time, for validity.

    Raises:
        HarnessError: The kind, key type or name form is unknown to the harness.
    """
    kind = declaration.get("kind")
    if kind == "psk":
        return PskIssuer(seed)
    if kind == "raw-key":
        return RawKeyIssuer(seed)
    if kind != "x509":
        raise HarnessError(f"credential kind {kind!r} is unknown; the driver protocol has x509, psk, raw-key")
    key_type = _first_known(declaration.get("keys"), ("x25519", "ed25519", "ecdsa-p256"), "keys")
    form = _first_known(declaration.get("names"), ("uri", "dns"), "names")
    return X509Issuer(seed, key_type, form, now)  # type: ignore[arg-type]


def _first_known(declared: object, known: tuple[str, ...], member: str) -> str:
    options = declared if isinstance(declared, (list, tuple)) else []
    for option in options:
        if option in known:
            return str(option)
    raise HarnessError(f"x509 credentials declare no usable {member}: {options!r}; known: {', '.join(known)}")

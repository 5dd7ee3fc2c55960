"""Certificate chains with exactly one thing wrong, and the good chain they are made from.

The good chain is a leaf under one intermediate under a root that allows any depth. A defect is the same chain with one
attribute changed; everything is signed again afterwards, so that nothing else is wrong with it.
"""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from ipc_gauntlet.credentials.der import with_signature
from ipc_gauntlet.credentials.x509 import CertificateAuthority, LeafOptions, key_usage, leaf_key, pkcs8
from ipc_gauntlet.errors import HarnessError
from ipc_gauntlet.seeds import derive_bytes

Place = Literal["leaf", "intermediate", "upper", "chain", "root"]

_HOUR = datetime.timedelta(hours=1)
_UNKNOWN = x509.UnrecognizedExtension(ObjectIdentifier("1.3.6.1.4.1.99999.7"), b"\x05\x00")
_SIGNATURE_BYTES = 64


@dataclass(frozen=True, slots=True)
class Plan:
    """One certificate before it is signed.

    Args:
        subject: Its common name.
        names: Its subjectAltName; none at all when empty.
        basic: Whether it is an authority and how many more may follow; None leaves basicConstraints out.
        usage: Its keyUsage; None leaves it out.
        valid: Start and end of validity, relative to now.
        permitted: Permitted subtrees.
        excluded: Excluded subtrees.
        purposes: Its extendedKeyUsage, left out when empty.
        unknown: Whether it has a critical extension that nobody knows.
        basic_critical: Whether basicConstraints is critical.
        issuer: Says that somebody else issued it than who signs it.
        signer: Label of the key that signs it instead of its issuer's.
    """

    subject: str
    names: tuple[x509.GeneralName, ...] = ()
    basic: tuple[bool, int | None] | None = (False, None)
    usage: tuple[str, ...] | None = ()
    valid: tuple[datetime.timedelta, datetime.timedelta] = (-_HOUR, 24 * _HOUR)
    permitted: tuple[x509.GeneralName, ...] = ()
    excluded: tuple[x509.GeneralName, ...] = ()
    purposes: tuple[ObjectIdentifier, ...] = ()
    unknown: bool = False
    basic_critical: bool = True
    issuer: str | None = None
    signer: str | None = None


@dataclass(frozen=True, slots=True)
class Defect:
    """One way in which a chain is wrong.

    Args:
        name: Its name, for ids of cases.
        what: The same as a clause for people.
        place: Which certificate it changes; `chain` means that `arrange` changes the list of DER certificates.
        change: Changes the plan of that certificate.
        portable: Whether every implementation of RFC 5280 has to refuse it, not just SIPC/1.
        forms: Forms of names for which it exists.
        extra: How many more intermediates stand above the usual one.
        arrange: Changes the finished chain.
    """

    name: str
    what: str
    place: Place = "leaf"
    change: Callable[[Plan], Plan] = lambda plan: plan
    portable: bool = False
    forms: tuple[str, ...] = ("uri", "dns")
    extra: int = 0
    arrange: Callable[[list[bytes]], list[bytes]] = lambda chain: chain


def _set(**changes: Any) -> Callable[[Plan], Plan]:  # noqa: ANN401 - any member of Plan
    return lambda plan: dataclasses.replace(plan, **changes)


def _uri(text: str) -> x509.GeneralName:
    return x509.UniformResourceIdentifier(text)


def _more(*names: x509.GeneralName) -> Callable[[Plan], Plan]:
    return lambda plan: dataclasses.replace(plan, names=(*plan.names, *names))


def _spelt(spell: Callable[[str], str]) -> Callable[[Plan], Plan]:
    return lambda plan: dataclasses.replace(plan, names=(_uri(spell(str(plan.names[0].value))),))


def _usage(add: tuple[str, ...] = (), drop: tuple[str, ...] = ()) -> Callable[[Plan], Plan]:
    def change(plan: Plan) -> Plan:
        return dataclasses.replace(
            plan, usage=tuple(one for one in plan.usage or () if one not in drop) + add
        )

    return change


def _permitted(host: str) -> Callable[[Plan], Plan]:
    return lambda plan: dataclasses.replace(plan, permitted=(_like(plan.permitted, host),))


def _excluded(host: str) -> Callable[[Plan], Plan]:
    return lambda plan: dataclasses.replace(plan, excluded=(_like(plan.permitted, host),))


def _like(names: tuple[x509.GeneralName, ...], text: str) -> x509.GeneralName:
    """A name of the kind that is there already."""
    return x509.UniformResourceIdentifier(text) if _is_uri(names) else x509.DNSName(text)


def _is_uri(names: tuple[x509.GeneralName, ...]) -> bool:
    return any(isinstance(one, x509.UniformResourceIdentifier) for one in names)


def _signed(make: Callable[[bytes], bytes], index: int = 0) -> Callable[[list[bytes]], list[bytes]]:
    """Put another signature into one certificate."""

    def arrange(chain: list[bytes]) -> list[bytes]:
        return [with_signature(der, make) if at == index else der for at, der in enumerate(chain)]

    return arrange


def _flip_tbs(chain: list[bytes]) -> list[bytes]:
    """Change one bit of what is signed: in the middle of the leaf's serial number."""
    leaf = chain[0]
    at = leaf.index(b"\x02\x08") + 5
    return [leaf[:at] + bytes([leaf[at] ^ 1]) + leaf[at + 1 :], *chain[1:]]


_INDEX = {"leaf": 0, "intermediate": 1, "upper": 2}
_PAST = (-48 * _HOUR, -_HOUR)
_FUTURE = (_HOUR, 48 * _HOUR)
_URI = ("uri",)
_HOST = "test.example"

DEFECTS: tuple[Defect, ...] = (
    Defect("expired", "the leaf is expired", "leaf", _set(valid=_PAST), True),
    Defect("not-yet-valid", "the leaf is not valid yet", "leaf", _set(valid=_FUTURE), True),
    Defect("ca-expired", "the intermediate is expired", "intermediate", _set(valid=_PAST), True),
    Defect("ca-not-yet-valid", "the intermediate is not valid yet", "intermediate", _set(valid=_FUTURE), True),
    Defect("ca-false", "the intermediate says CA:FALSE", "intermediate", _set(basic=(False, None)), True),
    Defect("ca-no-basic", "the intermediate has no basicConstraints", "intermediate", _set(basic=None), True),
    Defect("ca-no-cert-sign", "the intermediate may not sign certificates", "intermediate",
           _usage(("crl_sign",), ("key_cert_sign",)), True),
    Defect("ca-no-usage", "the intermediate has no keyUsage", "intermediate", _set(usage=None)),
    Defect("path-too-long", "there is one more intermediate than the authority allows", "intermediate",
           portable=True, extra=-1),
    Defect("unknown-critical", "the leaf has an unknown critical extension", "leaf", _set(unknown=True), True),
    Defect("ca-unknown-critical", "the intermediate has an unknown critical extension", "intermediate",
           _set(unknown=True), True),
    Defect("not-permitted", "the name is not in the permitted subtrees", "intermediate",
           _permitted("other.example"), True),
    Defect("excluded", "the name is in the excluded subtrees", "intermediate", _excluded(_HOST), True),
    Defect("below-only", "only names below the host are permitted", "intermediate",
           _permitted("." + _HOST), forms=_URI),
    Defect("other-constraint", "a name constraint of a kind that cannot be judged", "intermediate",
           lambda plan: dataclasses.replace(plan, permitted=(*plan.permitted, x509.DNSName(_HOST))), forms=_URI),
    Defect("other-exclusion", "an excluded subtree of a kind that cannot be judged", "intermediate",
           _set(excluded=(x509.DirectoryName(x509.Name([])),)), forms=_URI),
    Defect("wrong-purpose", "the leaf is for signing code", "leaf",
           _set(purposes=(ExtendedKeyUsageOID.CODE_SIGNING,)), True),
    Defect("no-key-agreement", "the leaf's key may not agree on keys", "leaf",
           _usage(("content_commitment",), ("key_agreement",)), forms=_URI),
    Defect("also-signs", "the leaf's key may also sign", "leaf", _usage(("digital_signature",)), forms=_URI),
    Defect("also-cert-sign", "the leaf's key may also sign certificates", "leaf", _usage(("key_cert_sign",)),
           forms=_URI),
    Defect("also-crl-sign", "the leaf's key may also sign revocation lists", "leaf", _usage(("crl_sign",)),
           forms=_URI),
    Defect("no-usage", "the leaf has no keyUsage", "leaf", _set(usage=None), forms=_URI),
    Defect("leaf-authority", "the leaf is an authority", "leaf", _set(basic=(True, None)), forms=_URI),
    Defect("leaf-no-basic", "the leaf has no basicConstraints", "leaf", _set(basic=None), forms=_URI),
    Defect("leaf-basic-optional", "the leaf's basicConstraints are not critical", "leaf",
           _set(basic_critical=False), forms=_URI),
    Defect("two-names", "the leaf has two URI names", "leaf", _more(_uri("spiffe://test.example/second")),
           forms=_URI),
    Defect("name-and-dns", "the leaf has a DNS name beside its URI", "leaf", _more(x509.DNSName("test.example")),
           forms=_URI),
    Defect("no-name", "the leaf has no subjectAltName", "leaf", _set(names=())),
    Defect("empty-path", "the name is a trust domain without a path", "leaf",
           _spelt(lambda _: "spiffe://test.example"), forms=_URI),
    Defect("trailing-slash", "the name ends in a slash", "leaf", _spelt(lambda name: name + "/"), forms=_URI),
    Defect("upper-domain", "the name's trust domain is in capitals", "leaf",
           _spelt(lambda name: name.replace("test.example", "TEST.example")), forms=_URI),
    Defect("percent", "the name is percent-encoded", "leaf",
           _spelt(lambda name: name[:-1] + f"%{ord(name[-1]):02x}"), forms=_URI),
    Defect("dot-segment", "the name has a dot segment", "leaf",
           _spelt(lambda name: name.replace("example/", "example/./")), forms=_URI),
    Defect("query", "the name has a query", "leaf", _spelt(lambda name: name + "?a"), forms=_URI),
    Defect("port", "the name has a port", "leaf",
           _spelt(lambda name: name.replace("test.example", "test.example:1")), forms=_URI),
    Defect("other-issuer-name", "the leaf names another issuer than who signed it", "leaf",
           _set(issuer="somebody else"), True),
    Defect("other-signer", "the leaf is signed by another key than its issuer's", "leaf",
           _set(signer="stranger"), True),
    Defect("ca-other-signer", "the intermediate is signed by another key than the root's", "intermediate",
           _set(signer="stranger"), True),
    Defect("flipped-signature", "one bit of the leaf's signature is wrong", "chain", portable=True,
           arrange=_signed(lambda good: good[:-1] + bytes([good[-1] ^ 0x10]))),
    Defect("zero-signature", "the leaf's signature is all zeros", "chain", portable=True,
           arrange=_signed(lambda good: bytes(len(good)))),
    Defect("short-signature", "the leaf's signature is one byte short", "chain", portable=True,
           arrange=_signed(lambda good: good[:-1])),
    Defect("no-signature", "the leaf's signature is empty", "chain", portable=True,
           arrange=_signed(lambda _: b"")),
    Defect("long-signature", "the leaf's signature has a byte too many", "chain", portable=True,
           arrange=_signed(lambda good: good + b"\0")),
    Defect("doubled-signature", "the leaf's signature is there twice", "chain", portable=True,
           arrange=_signed(lambda good: good + good)),
    Defect("ca-zero-signature", "the intermediate's signature is all zeros", "chain", portable=True,
           arrange=_signed(lambda good: bytes(len(good)), 1)),
    Defect("changed-content", "one bit of the leaf was changed after it was signed", "chain", portable=True,
           arrange=_flip_tbs),
    Defect("no-intermediate", "the intermediate is not there", "chain", portable=True,
           arrange=lambda chain: chain[:1]),
    Defect("upper-expired", "the upper of two intermediates is expired", "upper", _set(valid=_PAST), True, extra=1),
    Defect("upper-ca-false", "the upper of two intermediates says CA:FALSE", "upper", _set(basic=(False, None)),
           True, extra=1),
    Defect("upper-unknown-critical", "the upper of two intermediates has an unknown critical extension", "upper",
           _set(unknown=True), True, extra=1),
    Defect("upper-not-permitted", "the name is not in the permitted subtrees of the upper of two intermediates",
           "upper", _permitted("other.example"), True, extra=1),
    Defect("upper-other-signer", "the upper of two intermediates is signed by another key than the root's", "upper",
           _set(signer="stranger"), True, extra=1),
    Defect("upper-path-length", "the upper of two intermediates allows none below it", "upper",
           _set(basic=(True, 0)), True, extra=1),
    Defect("suffix-only", "only a host is permitted that the name's host ends with", "intermediate",
           _permitted("est.example"), forms=_URI),
    Defect("any-purpose", "the leaf is for every purpose", "leaf",
           _set(purposes=(ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,)), forms=_URI),
    Defect("name-and-mail", "the leaf has a mail address beside its URI", "leaf",
           _more(x509.RFC822Name("leaf@test.example")), forms=_URI),
    Defect("other-uri", "the leaf's URI is no SPIFFE ID", "leaf",
           _spelt(lambda name: name.replace("spiffe:", "https:")), forms=_URI),
    Defect("four-certificates", "the chain has four certificates", "intermediate", extra=2, forms=_URI),
    Defect("repeated-leaf", "the leaf is there twice", "chain", arrange=lambda chain: [chain[0], *chain],
           forms=_URI),
)  # fmt: skip
"""Every defect; a path with any of them is refused."""

ROOT_DEFECTS: tuple[Defect, ...] = (
    Defect("root-expired", "the root is expired", "root", _set(valid=_PAST)),
    Defect("root-not-yet-valid", "the root is not valid yet", "root", _set(valid=_FUTURE)),
    Defect("root-ca-false", "the root says CA:FALSE", "root", _set(basic=(False, None))),
    Defect("root-no-basic", "the root has no basicConstraints", "root", _set(basic=None)),
    Defect("root-no-cert-sign", "the root may not sign certificates", "root", _usage((), ("key_cert_sign",))),
    Defect("root-no-usage", "the root has no keyUsage", "root", _set(usage=None)),
    Defect("root-path-length", "the root allows no intermediate", "root", _set(basic=(True, 0))),
    Defect("root-unknown-critical", "the root has an unknown critical extension", "root", _set(unknown=True)),
    Defect("root-not-permitted", "the name is not in the root's permitted subtrees", "root",
           _set(permitted=(_uri("other.example"),)), forms=_URI),
    Defect("root-excluded", "the name is in the root's excluded subtrees", "root",
           _set(excluded=(_uri(_HOST),)), forms=_URI),
)  # fmt: skip
"""Defects of the root; SIPC/1 looks at a root as at any other authority."""


def defect_named(name: str) -> Defect:
    """Look a defect up.

    Raises:
        HarnessError: There is none of this name.
    """
    for one in (*DEFECTS, *ROOT_DEFECTS):
        if one.name == name:
            return one
    raise HarnessError(f"there is no defect {name!r} of certificate chains")


class ChainMaker:
    """Makes chains under a root of its own, which allows any depth.

    Args:
        seed: The run's seed.
        now: The time around which certificates are valid.
    """

    def __init__(self, seed: int, now: datetime.datetime) -> None:
        self._seed = seed
        self._now = now.replace(microsecond=0)
        self.root = CertificateAuthority(seed, "paths", now, path_length=None)
        self._serial = 0

    def make(self, options: LeafOptions, defect: Defect | None = None) -> tuple[list[bytes], bytes]:
        """Make the chain of a leaf, good or with one defect.

        Returns:
            The chain (leaf first, without the root) as DER, and the leaf's private key as PKCS#8 DER.
        """
        key = leaf_key(options.key_type, self._seed, options.label)
        plans = [_leaf(options), *self._authorities(options, defect)]
        if defect is not None and defect.place != "chain":
            at = _INDEX[defect.place]
            plans[at] = defect.change(plans[at])
        chain = []
        for at, plan in enumerate(plans):
            public = key.public_key() if at == 0 else self._key(plan.subject).public_key()
            above = plans[at + 1].subject if at + 1 < len(plans) else None
            chain.append(self._sign(plan, public, above))
        return (defect.arrange(chain) if defect is not None else chain), pkcs8(key)

    def rooted(self, options: LeafOptions, defect: Defect | None = None) -> tuple[list[bytes], bytes, bytes]:
        """Make a chain under another root, good or with one defect of that root.

        Returns:
            The chain, the leaf's private key as PKCS#8 DER, and the root, DER.
        """
        key = leaf_key(options.key_type, self._seed, options.label)
        plan = Plan(
            "gauntlet root", basic=(True, None), usage=("key_cert_sign", "crl_sign"), signer="gauntlet root"
        )
        plan = plan if defect is None else defect.change(plan)
        root = self._sign(plan, self._key(plan.subject).public_key(), plan.subject)
        lower = self._authorities(options, None)[0]
        intermediate = self._sign(lower, self._key(lower.subject).public_key(), plan.subject)
        leaf = self._sign(_leaf(options), key.public_key(), lower.subject)
        return [leaf, intermediate], pkcs8(key), root

    def _authorities(self, options: LeafOptions, defect: Defect | None) -> list[Plan]:
        """The intermediates, lowest first; `extra` -1 puts one below an authority that allows none."""
        form = x509.UniformResourceIdentifier if options.form == "uri" else x509.DNSName
        usage = ("key_cert_sign", "crl_sign")
        first = Plan("gauntlet intermediate", basic=(True, 0), usage=usage, permitted=(form(_HOST),))
        if defect is None or not defect.extra:
            return [first]
        if defect.extra < 0:
            return [dataclasses.replace(first, subject="gauntlet lower"), first]
        free = dataclasses.replace(first, basic=(True, None))
        more = [
            dataclasses.replace(free, subject=f"gauntlet upper {number}") for number in range(defect.extra)
        ]
        return [free, *more]

    def _key(self, label: str) -> ed25519.Ed25519PrivateKey:
        return ed25519.Ed25519PrivateKey.from_private_bytes(derive_bytes(self._seed, "chain", label))

    def _sign(self, plan: Plan, public: CertificatePublicKeyTypes, above: str | None) -> bytes:
        self._serial += 1
        key = self.root.key if above is None else self._key(above)
        named = self.root.name if above is None else _name(above)
        builder = (
            x509.CertificateBuilder()
            .subject_name(_name(plan.subject))
            .issuer_name(named if plan.issuer is None else _name(plan.issuer))
            .public_key(public)
            .serial_number(0x7F00_0000_0000_0000 + self._serial)
            .not_valid_before(self._now + plan.valid[0])
            .not_valid_after(self._now + plan.valid[1])
        )
        for extension, critical in _extensions(plan):
            builder = builder.add_extension(extension, critical=critical)
        builder = builder.add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False
        )
        if plan.basic is not None and plan.basic[0]:
            builder = builder.add_extension(
                x509.SubjectKeyIdentifier.from_public_key(public),
                critical=False,
            )
        signer = key if plan.signer is None else self._key(plan.signer)
        return builder.sign(signer, None).public_bytes(serialization.Encoding.DER)


def _leaf(options: LeafOptions) -> Plan:
    san = x509.UniformResourceIdentifier if options.form == "uri" else x509.DNSName
    plain = options.key_type == "x25519"
    both = (ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH)
    return Plan(
        "gauntlet leaf",
        names=(san(options.name),),
        usage=("key_agreement",) if plain else ("digital_signature",),
        purposes=() if plain else both,
        valid=(options.not_before, options.not_after),
    )


def _extensions(plan: Plan) -> list[tuple[x509.ExtensionType, bool]]:
    found: list[tuple[x509.ExtensionType, bool]] = []
    if plan.basic is not None:
        authority, depth = plan.basic
        found.append((x509.BasicConstraints(ca=authority, path_length=depth), plan.basic_critical))
    if plan.usage is not None:
        found.append((key_usage(*plan.usage), True))
    if plan.names:
        found.append((x509.SubjectAlternativeName(plan.names), False))
    if plan.permitted or plan.excluded:
        found.append((x509.NameConstraints(list(plan.permitted) or None, list(plan.excluded) or None), True))
    if plan.purposes:
        found.append((x509.ExtendedKeyUsage(plan.purposes), False))
    if plan.unknown:
        found.append((_UNKNOWN, True))
    return found


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])

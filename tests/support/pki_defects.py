"""Ways to spoil one certificate of a good chain, each in a single respect."""

from collections.abc import Callable

import pki
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID
from pki import DAY, NOW, Spec, usage

SAN = x509.SubjectAlternativeName
URI = x509.UniformResourceIdentifier


def names(*values: x509.GeneralName) -> Callable[[Spec], Spec]:
    """Replace a leaf's names."""
    return lambda spec: spec.having(SAN(list(values)))


def uri(text: str) -> Callable[[Spec], Spec]:
    """Replace a leaf's one name."""
    return names(URI(text))


def unknown(*, critical: bool) -> Callable[[Spec], Spec]:
    """Add an extension nobody knows."""
    extension = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4.5"), b"\x05\x00")
    return lambda spec: spec.having(extension, critical=critical)


def constrained(**kinds: object) -> Callable[[Spec], Spec]:
    """Add name constraints."""
    both = {"permitted_subtrees": None, "excluded_subtrees": None, **kinds}
    return lambda spec: spec.having(x509.NameConstraints(**both))  # type: ignore[arg-type]


def basic(*, ca: bool, path_length: int | None = None, critical: bool = True) -> Callable[[Spec], Spec]:
    """Replace basicConstraints."""
    return lambda spec: spec.having(x509.BasicConstraints(ca=ca, path_length=path_length), critical=critical)


DEFECTS: dict[str, tuple[str, Callable[[Spec], Spec]]] = {
    "leaf expired": ("leaf", lambda spec: spec.but(end=NOW - DAY / 24)),
    "leaf not valid yet": ("leaf", lambda spec: spec.but(start=NOW + DAY / 24)),
    "intermediate expired": ("middle", lambda spec: spec.but(end=NOW - DAY / 24)),
    "root expired": ("root", lambda spec: spec.but(end=NOW - DAY / 24)),
    "leaf signed by another key": ("leaf", lambda spec: spec.but(issuer_key=3)),
    "intermediate signed by another key": ("middle", lambda spec: spec.but(issuer_key=3)),
    "issuer name does not chain": ("leaf", lambda spec: spec.but(issuer="somebody")),
    "root has another name": ("root", lambda spec: spec.but(subject="other root")),
    "intermediate is no authority": ("middle", basic(ca=False)),
    "intermediate without basicConstraints": ("middle", lambda spec: spec.without(x509.BasicConstraints)),
    "root is no authority": ("root", basic(ca=False)),
    "root's path length exceeded": ("root", basic(ca=True, path_length=0)),
    "intermediate may not sign certificates": ("middle", lambda spec: spec.having(usage("crl_sign"))),
    "intermediate without keyUsage": ("middle", lambda spec: spec.without(x509.KeyUsage)),
    "leaf is an authority": ("leaf", basic(ca=True)),
    "leaf without basicConstraints": ("leaf", lambda spec: spec.without(x509.BasicConstraints)),
    "leaf's basicConstraints not critical": ("leaf", basic(ca=False, critical=False)),
    "leaf without keyAgreement": ("leaf", lambda spec: spec.having(usage("data_encipherment"))),
    "leaf may sign": ("leaf", lambda spec: spec.having(usage("key_agreement", "digital_signature"))),
    "leaf may sign certificates": ("leaf", lambda spec: spec.having(usage("key_agreement", "key_cert_sign"))),
    "leaf without keyUsage": ("leaf", lambda spec: spec.without(x509.KeyUsage)),
    "leaf for another purpose": (
        "leaf",
        lambda spec: spec.having(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), critical=False),
    ),
    "unknown critical extension in leaf": ("leaf", unknown(critical=True)),
    "unknown critical extension in intermediate": ("middle", unknown(critical=True)),
    "leaf without name": ("leaf", lambda spec: spec.without(SAN)),
    "two URI names": ("leaf", names(URI(pki.LEAF_NAME), URI("spiffe://test.example/admin"))),
    "URI and DNS name": ("leaf", names(URI(pki.LEAF_NAME), x509.DNSName("test.example"))),
    "DNS name only": ("leaf", names(x509.DNSName("test.example"))),
    "no SPIFFE name": ("leaf", uri("https://test.example/client")),
    "no path in the name": ("leaf", uri("spiffe://test.example")),
    "trailing slash in the name": ("leaf", uri("spiffe://test.example/client/")),
    "upper-case trust domain": ("leaf", uri("spiffe://Test.example/client")),
    "dot segment in the name": ("leaf", uri("spiffe://test.example/a/../client")),
    "percent-encoding in the name": ("leaf", uri("spiffe://test.example/cli%65nt")),
    "port in the name": ("leaf", uri("spiffe://test.example:443/client")),
    "query in the name": ("leaf", uri("spiffe://test.example/client?x")),
    "key of another type": (
        "leaf",
        lambda spec: spec.but(key=ed25519.Ed25519PrivateKey.generate().public_key()),
    ),
    "key on another curve": (
        "leaf",
        lambda spec: spec.but(key=ec.generate_private_key(ec.SECP256R1()).public_key()),
    ),
    "name not permitted": ("middle", constrained(permitted_subtrees=[URI("elsewhere.example")])),
    "name only permitted below the host": ("middle", constrained(permitted_subtrees=[URI(".test.example")])),
    "name excluded": ("middle", constrained(excluded_subtrees=[URI("test.example")])),
    "name excluded by the root": ("root", constrained(excluded_subtrees=[URI("test.example")])),
    "constraint of another kind": ("middle", constrained(permitted_subtrees=[x509.DNSName("test.example")])),
}

"""Path validation: one good chain, and chains that differ from it in one respect each."""

from collections.abc import Callable

import pki
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given
from hypothesis import strategies as st
from pki import DAY, NOW, WALL, Chain, Spec, usage

from sipc.errors import AuthenticationError, LocalError
from sipc.identity import TrustStore

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


def verdict(chain: Chain, crls: tuple[bytes, ...] = (), wall: float = WALL) -> str:
    """The leaf's name if the chain is good."""
    trust = TrustStore([chain.root.der()], crls)
    return trust.validate_chain([chain.leaf.der(), chain.middle.der()], wall).name


def test_the_good_chain_is_good() -> None:
    """The chain every other one differs from is accepted, with the earliest end of validity."""
    chain = Chain().change("middle", lambda spec: spec.but(end=NOW + DAY / 2))
    leaf = TrustStore([chain.root.der()]).validate_chain([chain.leaf.der(), chain.middle.der()], WALL)
    assert leaf.name == pki.LEAF_NAME
    assert leaf.valid_until == (NOW + DAY / 2).timestamp()


@pytest.mark.parametrize("defect", DEFECTS)
def test_one_defect_is_enough(defect: str) -> None:
    """Every chain with a single defect is refused."""
    member, edit = DEFECTS[defect]
    assert verdict(Chain()) == pki.LEAF_NAME
    with pytest.raises(AuthenticationError):
        verdict(Chain().change(member, edit))


@pytest.mark.parametrize(
    ("member", "edit"),
    [
        ("leaf", unknown(critical=False)),
        ("middle", constrained(permitted_subtrees=[URI("test.example")])),
        ("middle", constrained(excluded_subtrees=[URI("elsewhere.example")])),
        ("root", basic(ca=True)),
    ],
    ids=["unknown uncritical extension", "permitted name", "other name excluded", "no path length"],
)
def test_what_is_no_defect(member: str, edit: Callable[[Spec], Spec]) -> None:
    """What looks like a defect but is none is accepted."""
    assert verdict(Chain().change(member, edit)) == pki.LEAF_NAME


def test_validity_is_inclusive() -> None:
    """A certificate is valid at its notBefore and notAfter, and not a second outside."""
    chain = Chain()
    first, last = (NOW - DAY).timestamp(), (NOW + DAY).timestamp()
    assert verdict(chain, wall=first) == verdict(chain, wall=last) == pki.LEAF_NAME
    for wall in (first - 1, last + 1):
        with pytest.raises(AuthenticationError) as caught:
            verdict(chain, wall=wall)
        assert caught.value.reason == "expired"


def test_nobody_is_trusted_by_default() -> None:
    """An empty trust store refuses a chain that is otherwise good, also one that ends in its own root."""
    chain = Chain()
    for presented in (
        [chain.leaf.der(), chain.middle.der()],
        [chain.leaf.der(), chain.middle.der(), chain.root.der()],
    ):
        with pytest.raises(AuthenticationError):
            TrustStore().validate_chain(presented, WALL)


@pytest.mark.parametrize("count", [0, 4, 50])
def test_chain_length_is_bounded(count: int) -> None:
    """No certificate, or more than three, are refused before any is looked at."""
    with pytest.raises(AuthenticationError):
        TrustStore([Chain().root.der()]).validate_chain([b"not even a certificate"] * count, WALL)


@given(st.data())
def test_a_changed_byte_is_noticed(data: st.DataObject) -> None:
    """Whatever single byte of a leaf is changed, the chain is refused."""
    chain = Chain()
    good = chain.leaf.der()
    at = data.draw(st.integers(0, len(good) - 1))
    changed = bytearray(good)
    changed[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(AuthenticationError):
        TrustStore([chain.root.der()]).validate_chain([bytes(changed), chain.middle.der()], WALL)


@given(st.binary(max_size=64))
def test_junk_is_no_certificate(junk: bytes) -> None:
    """Bytes that are no certificate give the documented error and no other."""
    with pytest.raises(AuthenticationError):
        TrustStore([Chain().root.der()]).validate_chain([junk], WALL)


def test_revocation() -> None:
    """A revoked serial is refused for that reason, another one is not, at the leaf and at the intermediate."""
    quiet = pki.signed(pki.revocation_list("middle", 2, (999,)), 2)
    assert verdict(Chain(), (quiet,)) == pki.LEAF_NAME
    for crl in (
        pki.signed(pki.revocation_list("middle", 2, (100,)), 2),
        pki.signed(pki.revocation_list("root", 1, (12,)), 1),
    ):
        with pytest.raises(AuthenticationError) as caught:
            verdict(Chain(), (crl,))
        assert caught.value.reason == "revoked"


@pytest.mark.parametrize("defect", ["stale", "future", "wrong signature", "no crlSign", "critical extension"])
def test_unusable_lists_stop_everything(defect: str) -> None:
    """A list that cannot be relied on refuses the chain instead of being left out."""
    chain, builder, key = Chain(), pki.revocation_list("middle", 2), 2
    if defect == "stale":
        builder = pki.revocation_list("middle", 2, start=NOW - 5 * DAY, days=1)
    elif defect == "future":
        builder = pki.revocation_list("middle", 2, start=NOW + DAY)
    elif defect == "wrong signature":
        key = 3
    elif defect == "no crlSign":
        chain = chain.change("middle", lambda spec: spec.having(usage("key_cert_sign")))
    else:
        builder = builder.add_extension(x509.DeltaCRLIndicator(1), critical=True)
    with pytest.raises(AuthenticationError):
        verdict(chain, (pki.signed(builder, key),))


def test_lists_that_are_none_are_refused_at_once() -> None:
    """Configuration that cannot be used is an error when it is provisioned."""
    with pytest.raises(LocalError):
        TrustStore([], [b"junk"])
    with pytest.raises(LocalError):
        TrustStore([b"junk"])

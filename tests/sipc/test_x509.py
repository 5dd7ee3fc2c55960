"""Path validation: one good chain, and chains that differ from it in one respect each."""

import warnings
from collections.abc import Callable

import pki
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st
from pki import DAY, NOW, WALL, Chain, Spec, usage
from pki_defects import DEFECTS, URI, basic, constrained, unknown, uri

from sipc import certificates
from sipc.errors import AuthenticationError, LocalError
from sipc.identity import TrustStore


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


def tlv(tag: int, *contents: bytes) -> bytes:
    """One DER element."""
    body = b"".join(contents)
    length = len(body)
    size = length.to_bytes(1 + (length > 255))
    return bytes([tag]) + (size if length < 128 else bytes([0x80 + len(size)]) + size) + body


def elements(body: bytes) -> list[bytes]:
    """The DER elements that follow each other in a body."""
    found = []
    while body:
        size, head = body[1], 2
        if size >= 128:
            head += size - 128
            size = int.from_bytes(body[2:head])
        found.append(body[: head + size])
        body = body[head + size :]
    return found


def resigned(spec: Spec, edit: Callable[[list[bytes]], list[bytes]]) -> bytes:
    """A certificate whose signed part was edited element by element before it was signed."""
    whole = x509.load_der_x509_certificate(spec.der())
    fields = elements_of(whole.tbs_certificate_bytes)
    algorithm, tbs = fields[2], tlv(0x30, *edit(fields))
    return tlv(0x30, tbs, algorithm, tlv(0x03, b"\0", pki.signing_key(spec.issuer_key).sign(tbs)))


def elements_of(whole: bytes) -> list[bytes]:
    """The DER elements inside one."""
    return elements(whole[2 if whole[1] < 128 else 2 + whole[1] - 128 :])


def test_a_certificate_of_version_1_is_refused() -> None:
    """A well-signed certificate without extensions says nothing about what its key is for."""
    chain = Chain()
    trust = TrustStore([chain.root.der()])
    good = resigned(chain.leaf, lambda fields: fields)
    assert good == chain.leaf.der()
    old = resigned(chain.leaf, lambda fields: fields[1:7])
    with pytest.raises(AuthenticationError):
        trust.validate_chain([old, chain.middle.der()], WALL)


@pytest.mark.parametrize("serial", [b"\x00", b"\xff", b"\x80\x01"], ids=bytes.hex)
def test_a_serial_number_that_is_not_positive_is_refused(serial: bytes) -> None:
    """Revocation is by serial number, so a certificate has a proper one."""
    chain = Chain()
    odd = resigned(chain.leaf, lambda fields: [fields[0], tlv(0x02, serial), *fields[2:]])
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore"
        )  # the library warns; it is not left to the program's filters to decide
        with pytest.raises(AuthenticationError) as caught:
            TrustStore([chain.root.der()]).validate_chain([odd, chain.middle.der()], WALL)
    assert caught.value.reason == "malformed"


def test_a_root_that_cannot_sign_with_ed25519_issues_nothing() -> None:
    """A trusted root with the right name and another kind of key vouches for nobody."""
    chain = Chain().change(
        "root", lambda spec: spec.but(key=ec.generate_private_key(ec.SECP256R1()).public_key())
    )
    with pytest.raises(AuthenticationError):
        verdict(chain)


def test_an_overlong_certificate_is_refused_before_it_is_parsed() -> None:
    """Length is checked first."""
    with pytest.raises(AuthenticationError) as caught:
        TrustStore([Chain().root.der()]).validate_chain([bytes(8193)], WALL)
    assert caught.value.reason == "limit"


def test_what_is_remembered_about_certificates_is_bounded() -> None:
    """Many different certificates do not grow the cache, and forgotten ones are simply parsed again."""
    chain = Chain()
    before = verdict(chain)
    for serial in range(2000, 2300):
        certificates.load(chain.leaf.but(serial=serial).der())
    assert len(certificates._cache) <= 256
    assert verdict(chain) == before


def test_a_remembered_certificate_is_judged_anew() -> None:
    """A chain that was good once is refused later, under other trust, or once it is revoked."""
    chain = Chain()
    assert verdict(chain) == pki.LEAF_NAME
    with pytest.raises(AuthenticationError):
        verdict(chain, wall=WALL + 10 * DAY.total_seconds())
    with pytest.raises(AuthenticationError):
        TrustStore().validate_chain([chain.leaf.der(), chain.middle.der()], WALL)
    with pytest.raises(AuthenticationError):
        verdict(chain, (pki.signed(pki.revocation_list("middle", 2, (100,)), 2),))
    assert verdict(chain) == pki.LEAF_NAME


def test_a_name_that_cannot_be_taken_apart_is_refused() -> None:
    """A URI that is none, under an authority with name constraints, gives the documented error."""
    chain = Chain().change("middle", constrained(excluded_subtrees=[URI("elsewhere.example")]))
    with pytest.raises(AuthenticationError):
        verdict(chain.change("leaf", uri("spiffe://[test.example/client")))

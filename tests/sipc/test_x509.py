"""Path validation: one good chain, and chains that differ from it in one respect each."""

from collections.abc import Callable

import pki
import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st
from pki import DAY, NOW, WALL, Chain, Spec, usage
from pki_defects import DEFECTS, URI, basic, constrained, unknown

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

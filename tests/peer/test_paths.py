"""The peer's judge of certificate chains: good chains, every defect of the catalogue, lists, and the length of a path."""

from __future__ import annotations

import datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from ipc_gauntlet.credentials.chains import DEFECTS, ROOT_DEFECTS, ChainMaker, Defect
from ipc_gauntlet.credentials.x509 import LeafOptions
from ipc_gauntlet.peer.paths import PathRefused, canonical, judge_path

NOW = datetime.datetime(2026, 6, 1, tzinfo=datetime.UTC)
WALL = NOW.timestamp()
NAME = "spiffe://test.example/client"
LEAF = LeafOptions(NAME, "uri", "x25519", "client")
OF_URIS = [one for one in DEFECTS if "uri" in one.forms]
"""Those that exist where names are URIs."""


def revoking(maker: ChainMaker, serial: int, *, until: datetime.timedelta = datetime.timedelta(1)) -> bytes:
    """A list of the root's."""
    entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(NOW).build()
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(maker.root.name)
        .last_update(NOW - datetime.timedelta(2))
        .next_update(NOW + until)
        .add_revoked_certificate(entry)
    )
    return builder.sign(maker.root.key, None).public_bytes(serialization.Encoding.DER)


def test_a_good_chain_says_who_it_is() -> None:
    maker = ChainMaker(5, NOW)
    chain, _ = maker.make(LEAF)
    leaf = judge_path(chain, [maker.root.root_der], [], WALL)
    assert leaf.name == NAME
    assert len(leaf.public_key) == 32
    earliest = min(x509.load_der_x509_certificate(one).not_valid_after_utc for one in chain)
    assert leaf.until == earliest.timestamp()


@pytest.mark.parametrize("defect", OF_URIS, ids=[one.name for one in OF_URIS])
def test_every_defect_is_refused(defect: Defect) -> None:
    maker = ChainMaker(5, NOW)
    chain, _ = maker.make(LEAF, defect)
    with pytest.raises(PathRefused):
        judge_path(chain, [maker.root.root_der], [], WALL)


@pytest.mark.parametrize("defect", [None, *ROOT_DEFECTS], ids=lambda one: one.name if one else "good")
def test_a_root_is_looked_at_like_any_authority(defect: Defect | None) -> None:
    chain, _, root = ChainMaker(5, NOW).rooted(LEAF, defect)
    if defect is None:
        assert judge_path(chain, [root], [], WALL).name == NAME
    else:
        with pytest.raises(PathRefused):
            judge_path(chain, [root], [], WALL)


def test_what_is_revoked_and_what_cannot_be_asked() -> None:
    maker = ChainMaker(5, NOW)
    chain, _ = maker.make(LEAF)
    root, serial = maker.root.root_der, x509.load_der_x509_certificate(chain[-1]).serial_number
    assert judge_path(chain, [root], [revoking(maker, serial + 1)], WALL).name == NAME
    for lists, said in (
        ([revoking(maker, serial)], "9: revoked"),
        ([revoking(maker, serial + 1, until=datetime.timedelta(-1))], "9: time"),
        ([revoking(ChainMaker(6, NOW), serial + 1)], "9: signature"),
        ([b"\x30\x00"], "unreadable"),
    ):
        with pytest.raises(PathRefused, match=said):
            judge_path(chain, [root], lists, WALL)


def test_several_roots_may_have_one_name() -> None:
    """The one whose key signed counts; with none of them trusted nobody is."""
    maker, other = ChainMaker(5, NOW), ChainMaker(6, NOW)
    chain, _ = maker.make(LEAF)
    assert judge_path(chain, [other.root.root_der, maker.root.root_der], [], WALL).name == NAME
    for roots in ([], [other.root.root_der]):
        with pytest.raises(PathRefused, match="no trusted root"):
            judge_path(chain, roots, [], WALL)


@pytest.mark.parametrize("chain", [[], [b""], [b"\x30\x00"] * 2, [bytes(8193)], [b"\x30\x00"] * 4])
def test_what_is_no_chain(chain: list[bytes]) -> None:
    with pytest.raises(PathRefused):
        judge_path(chain, [ChainMaker(5, NOW).root.root_der], [], WALL)


@pytest.mark.parametrize(
    ("name", "good"),
    [
        ("spiffe://a.b/c", True),
        ("spiffe://a/B/c-1_.x", True),
        ("spiffe://a", False),
        ("spiffe://a/", False),
        ("spiffe://a//b", False),
        ("spiffe://a/./b", False),
        ("spiffe://a/../b", False),
        ("spiffe://A/b", False),
        ("spiffe://a:1/b", False),
        ("spiffe://a/b?c", False),
        ("spiffe://a/b\n", False),
        ("spiffe:///b", False),
        ("SPIFFE://a/b", False),
        ("spiffe://" + "a" * 256 + "/b", False),
        ("spiffe://a/" + "b" * 2037, True),
        ("spiffe://a/" + "b" * 2038, False),
    ],
)
def test_canonical_names(name: str, good: bool) -> None:
    assert canonical(name) is good

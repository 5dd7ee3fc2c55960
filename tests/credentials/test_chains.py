"""Chains with one thing wrong: the good one is good, each other one is refused, and for one reason."""

import base64
import datetime

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature

from ipc_gauntlet.credentials import DEFECTS, ROOT_DEFECTS, Defect
from ipc_gauntlet.credentials.chains import ChainMaker, defect_named
from ipc_gauntlet.credentials.deployment import X509Issuer
from ipc_gauntlet.credentials.x509 import LeafOptions
from ipc_gauntlet.errors import HarnessError
from sipc.errors import AuthenticationError
from sipc.identity import TrustStore

NOW = datetime.datetime(2026, 11, 27, tzinfo=datetime.UTC)
NAME = "spiffe://test.example/leaf"
OPTIONS = LeafOptions(NAME, "uri", "x25519", "leaf")


def validated(maker: ChainMaker, defect: Defect | None) -> str:
    """The name that the reference's path validation finds in a chain."""
    chain, _ = maker.make(OPTIONS, defect)
    return TrustStore(roots=[maker.root.root_der]).validate_chain(chain, NOW.timestamp()).name


def test_the_good_chain() -> None:
    """A leaf under an intermediate under the root, each signed by the next, for the asked name."""
    maker = ChainMaker(5, NOW)
    chain, key = maker.make(OPTIONS)
    leaf, intermediate = (x509.load_der_x509_certificate(der) for der in chain)
    leaf.verify_directly_issued_by(intermediate)
    intermediate.verify_directly_issued_by(maker.root.root)
    assert key
    assert validated(maker, None) == NAME


@pytest.mark.parametrize("defect", [one for one in DEFECTS if "uri" in one.forms], ids=lambda one: one.name)
def test_each_defect_is_refused(defect: Defect) -> None:
    """The reference finds every one of them."""
    with pytest.raises(AuthenticationError):
        validated(ChainMaker(5, NOW), defect)


@pytest.mark.parametrize("form", ["uri", "dns"])
def test_one_thing_is_wrong(form: str) -> None:
    """A defect in the leaf leaves the rest of the chain as it was, but for serial numbers and signatures."""
    maker = ChainMaker(5, NOW)
    name = NAME if form == "uri" else "leaf.test.example"
    options = LeafOptions(name, form, "x25519", "leaf")  # type: ignore[arg-type]
    usual = x509.load_der_x509_certificate(maker.make(options)[0][1])
    for defect in DEFECTS:
        if defect.place != "leaf" or form not in defect.forms:
            continue
        chain = [x509.load_der_x509_certificate(der) for der in maker.make(options, defect)[0]]
        assert list(chain[1].extensions) == list(usual.extensions), defect.name
        if defect.name not in ("other-signer", "other-issuer-name"):
            chain[0].verify_directly_issued_by(chain[1])


def test_signatures_that_are_none() -> None:
    """Another signer and another signature do not verify; the names still chain."""
    maker = ChainMaker(5, NOW)
    for name in ("other-signer", "flipped-signature", "zero-signature", "changed-content"):
        chain = [x509.load_der_x509_certificate(der) for der in maker.make(OPTIONS, defect_named(name))[0]]
        assert chain[0].issuer == chain[1].subject
        with pytest.raises(InvalidSignature):
            chain[0].verify_directly_issued_by(chain[1])


def test_names_of_defects_differ() -> None:
    """Names are for ids of cases; an unknown one is an error of the tester."""
    assert len({one.name for one in DEFECTS}) == len(DEFECTS)
    with pytest.raises(HarnessError, match="no defect"):
        defect_named("none")


def test_deployments_with_chains() -> None:
    """Both sides trust the roots; only the asked side presents the chain."""
    issuer = X509Issuer(5, "x25519", "uri", NOW)
    made, usual = issuer.chained("client", "expired"), issuer.good()
    assert len(made.client.chain) == 2
    assert made.server.chain == usual.server.chain
    assert made.client.trust == made.server.trust
    assert made.client.public_key == usual.client.public_key != b""


def test_identities_that_are_not_what_they_seem() -> None:
    """A root that comes along, a name that is another, a key of which there is no private part."""
    issuer = X509Issuer(5, "x25519", "uri", NOW)
    usual = issuer.good()
    brought = issuer.bringing_root("server")
    assert brought.server.chain[1] == issuer.foreign.root_der
    renamed = issuer.renamed("server", "spiffe://test.example/else", common_name=usual.service)
    leaf = x509.load_der_x509_certificate(renamed.server.chain[0])
    assert renamed.service == usual.service
    assert leaf.subject.rfc4514_string() == f"CN={usual.service}"
    certified = issuer.certifying("client", bytes(31) + b"\x01")
    assert certified.client.public_key == bytes(31) + b"\x01"
    assert base64.b64encode(certified.client.chain[0]) != base64.b64encode(usual.client.chain[0])


def test_roots() -> None:
    """A chain under a good root is good; under each root that is not, it is refused."""
    issuer = X509Issuer(5, "x25519", "uri", NOW)

    def name(defect: str | None) -> str:
        made = issuer.rooted("client", defect)
        roots = (made.server.trust or {})["roots"]
        assert isinstance(roots, list)
        store = TrustStore(roots=[base64.b64decode(one) for one in roots])
        return store.validate_chain(made.client.chain, NOW.timestamp()).name

    assert name(None) == issuer.good().client.name
    for defect in ROOT_DEFECTS:
        with pytest.raises(AuthenticationError):
            name(defect.name)


def test_validity_of_a_side() -> None:
    """What the certificate says; nothing where there is none."""
    good = X509Issuer(5, "x25519", "uri", NOW).good()
    assert good.client.validity == (NOW.timestamp() - 3600, NOW.timestamp() + 86400)
    assert good.client.but(credential=None).validity == (0.0, 0.0)
    assert good.client.but(credential=None).public_key == b""

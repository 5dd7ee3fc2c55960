"""Whom a handshake accepts: certificates, pre-shared keys, names, in both roles."""

from collections.abc import Callable
from dataclasses import replace

import pki
import pytest
from parties import (
    CLIENT,
    CLIENT_CERTIFICATE,
    CLIENT_PSK,
    PAIRS,
    PSK_ID,
    ROOT,
    SECRET,
    SERVER,
    SERVER_CERTIFICATE,
    SERVER_PSK,
    WALL,
    HandInitiator,
    Pair,
    SeededEntropy,
    both_pair,
    certified,
    exchange,
    psk_pair,
    x509_pair,
)
from pki_defects import DEFECTS

from sipc import cbor
from sipc.errors import (
    AuthenticationError,
    IntegrityError,
    LocalError,
    MalformedError,
    NegotiationError,
    SipcError,
)
from sipc.framing import pad
from sipc.handshake import Initiator, Responder, State
from sipc.handshake_config import InitiatorConfig, ResponderConfig
from sipc.identity import PskCredential, TrustStore, X509Credential
from sipc.noise_handshake import KeyPair
from sipc.noise_symmetric import SymmetricState
from sipc.suites import SUITES

EVERY_PAIR = pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
ROLES = pytest.mark.parametrize("role", ["initiator", "responder"])
OTHER = "spiffe://test.example/other"


def fails(pair: Pair, role: str, reason: str = "authentication") -> SipcError:
    """Run a handshake in which the given role must refuse, in silence; return its error."""
    initiator, responder = pair.initiator(), pair.responder()
    with pytest.raises(SipcError) as caught:
        exchange(initiator, responder)
    judge, other = (initiator, responder) if role == "initiator" else (responder, initiator)
    assert judge.state is State.FAILED
    assert judge.result is None
    assert judge.data_to_send() == b""
    assert judge.trailing() == b""
    assert other.state is not State.FAILED
    assert caught.value.reason == reason
    assert caught.value.stage == "handshake"
    return caught.value


def spoiled(role: str, credential: X509Credential, root: bytes = ROOT) -> Pair:
    """A pair in which the peer of `role` has this credential, and `role` trusts this root."""
    pair, trust = x509_pair(), TrustStore([root])
    if role == "initiator":
        return pair.with_server(credential=credential).with_client(trust=trust, peer=credential.name)
    return pair.with_client(credential=credential).with_server(trust=trust)


def chained(chain: pki.Chain) -> X509Credential:
    return X509Credential((chain.leaf.der(), chain.middle.der()), b"\x11" * 32, pki.LEAF_NAME)


@ROLES
def test_the_good_chain_with_an_intermediate_is_accepted(role: str) -> None:
    """The chain that every spoiled one differs from leads to a session."""
    chain = pki.Chain()
    pair = spoiled(role, chained(chain), chain.root.der())
    if role == "initiator":
        pair = pair.with_client(credential=certified(CLIENT, 0x33))
    initiator, responder = pair.meet()
    judge = initiator if role == "initiator" else responder
    assert judge.result is not None
    assert judge.result.peer.name == pki.LEAF_NAME


@ROLES
@pytest.mark.parametrize("defect", DEFECTS)
def test_one_defect_in_a_chain_is_enough(role: str, defect: str) -> None:
    """A chain with any single defect is refused by either role, and the initiator does not reveal itself."""
    member, edit = DEFECTS[defect]
    chain = pki.Chain().change(member, edit)
    pair = spoiled(role, chained(chain), chain.root.der())
    if role == "initiator":
        pair = pair.with_client(credential=certified(CLIENT, 0x33))
    fails(pair, role, "expired" if "expired" in defect or "not valid yet" in defect else "authentication")


@ROLES
def test_another_authority_is_not_trusted(role: str) -> None:
    """A good certificate under a root of the same name but another key is refused."""
    foreign = certified(
        SERVER if role == "initiator" else CLIENT, 0x44, edit=lambda spec: spec.but(issuer_key=9)
    )
    fails(spoiled(role, foreign), role)


@ROLES
def test_a_leaf_is_not_its_own_root(role: str) -> None:
    """A certificate that claims to be its own issuer is refused."""
    own = certified(OTHER, 0x44, edit=lambda spec: spec.but(issuer="me", subject="me", issuer_key=9))
    fails(spoiled(role, own), role)


@ROLES
def test_an_empty_trust_store_refuses_everybody(role: str) -> None:
    """Trusting nobody means accepting nobody."""
    pair, nobody = x509_pair(), TrustStore()
    fails(pair.with_client(trust=nobody) if role == "initiator" else pair.with_server(trust=nobody), role)


@ROLES
def test_a_certificate_without_its_key_is_worth_nothing(role: str) -> None:
    """A victim's certificate presented with one's own key is refused."""
    victim = SERVER_CERTIFICATE if role == "initiator" else CLIENT_CERTIFICATE
    fails(spoiled(role, replace(victim, private_key=b"\x55" * 32)), role)


def test_the_own_key_is_never_the_responders() -> None:
    """An initiator that meets its own static key refuses the reflection, however good the certificate is."""
    assert "reflection" in str(fails(spoiled("initiator", certified(OTHER, 0x11)), "initiator"))


def test_the_own_key_is_never_the_initiators() -> None:
    """A responder that meets its own static key refuses the reflection, however good the certificate is."""
    pair = x509_pair()
    twin = certified(OTHER, 0x22)
    attacker = HandInitiator(pair.client.encoded_offer, static=KeyPair(twin.private_key))
    responder = pair.responder()
    responder.receive(attacker.first())
    with pytest.raises(AuthenticationError, match="reflection"):
        responder.receive(attacker.last(responder.data_to_send(), pad(cbor.encode({1: list(twin.chain)}))))
    assert responder.data_to_send() == b""
    assert responder.result is None


@ROLES
def test_a_revoked_certificate_is_refused(role: str) -> None:
    """The certificate on the issuer's list is refused, every other one accepted; a stale list refuses all."""
    peer = SERVER_CERTIFICATE if role == "initiator" else CLIENT_CERTIFICATE
    serial = 1000 + peer.private_key[0]

    def pair(*revoked: int, days: int = 2) -> Pair:
        crl = pki.signed(pki.revocation_list("root", 1, revoked, days=days), 1)
        trust = TrustStore([ROOT], [crl])
        good = x509_pair()
        return good.with_client(trust=trust) if role == "initiator" else good.with_server(trust=trust)

    pair(serial + 1).meet()
    fails(pair(serial), role, "revoked")
    fails(pair(serial + 1, days=0), role, "expired")


@pytest.mark.parametrize(
    "peer",
    [
        OTHER,
        SERVER[:-1],
        SERVER + "x",
        SERVER + "/",
        SERVER.upper(),
        "server",
        "spiffe://test.example/serv%65r",
    ],
)
def test_the_intended_peer_is_the_only_one(peer: str) -> None:
    """A valid certificate for any other name than the intended one is refused before message 3."""
    fails(x509_pair().with_client(peer=peer), "initiator")


def test_another_service_of_the_same_authority_is_refused() -> None:
    """A connection that somebody led to a different, valid service fails in the initiator."""
    pair = x509_pair().with_server(credential=certified(OTHER, 0x33))
    fails(pair, "initiator")


@EVERY_PAIR
def test_an_offer_for_another_service_is_refused(pair: Pair) -> None:
    """A responder answers only for the service it is."""
    fails(pair.with_server(service="somebody else"), "responder")


@EVERY_PAIR
def test_a_responder_may_accept_some_peers_only(pair: Pair) -> None:
    """A trusted peer that is not on the list is authentic but not authorized."""
    pair.with_server(peers=frozenset({OTHER, CLIENT})).meet()
    for peers in (frozenset({OTHER}), frozenset[str](), frozenset({CLIENT.upper()})):
        fails(pair.with_server(peers=peers), "responder", "unauthorized")


@EVERY_PAIR
def test_without_a_credential_there_is_no_handshake(pair: Pair) -> None:
    """A side that cannot prove who it is does not even start."""
    with pytest.raises(LocalError) as client:
        pair.with_client(credential=None)
    with pytest.raises(LocalError) as server:
        pair.with_server(credential=None)
    assert client.value.reason == server.value.reason == "authentication"


def presenting(body: bytes, role: str) -> Pair:
    """A pair whose `role` will be shown `body` instead of the peer's certificates, perfectly encrypted."""
    pair = x509_pair()
    config = pair.server if role == "initiator" else pair.client
    config.__dict__["certificates"] = body  # where the cached property keeps it
    return pair


@ROLES
@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(bytes(1), id="half a length"),
        pytest.param(bytes(64), id="only padding"),
        pytest.param(pad(cbor.encode({})), id="empty map"),
        pytest.param(pad(cbor.encode([])), id="no map"),
        pytest.param(pad(cbor.encode({1: []})), id="no certificate"),
        pytest.param(pad(cbor.encode({1: [b"x"] * 3}))[:-1] + b"\xff", id="junk certificates"),
        pytest.param(pad(cbor.encode({1: [b"x"] * 4})), id="four certificates"),
        pytest.param(pad(cbor.encode({1: b"x"})), id="no list"),
        pytest.param(pad(cbor.encode({1: ["x"]})), id="text for a certificate"),
        pytest.param(pad(cbor.encode({1: [list(CLIENT_CERTIFICATE.chain)]})), id="nested list"),
        pytest.param(pad(cbor.encode({1: list(CLIENT_CERTIFICATE.chain), 4: 0})), id="unknown key"),
        pytest.param(pad(cbor.encode({2: CLIENT, 3: SERVER})), id="names instead"),
        pytest.param(pad(cbor.encode({1: list(CLIENT_CERTIFICATE.chain)}) + b"\0"), id="bytes behind"),
    ],
)
def test_what_is_no_identity_is_refused(role: str, body: bytes) -> None:
    """A perfectly encrypted payload without proper certificates is refused, not treated as anonymous."""
    pair = presenting(body, role)
    initiator, responder = pair.initiator(), pair.responder()
    with pytest.raises((MalformedError, AuthenticationError)) as caught:
        exchange(initiator, responder)
    assert caught.value.stage == "handshake"
    judge = initiator if role == "initiator" else responder
    assert judge.state is State.FAILED
    assert judge.data_to_send() == b""


# --- pre-shared keys ---


def psk_failures() -> dict[str, tuple[Pair, float]]:
    """Four causes for which a responder cannot accept a pre-shared key, and a time to try each."""
    good = psk_pair()
    wrong = replace(CLIENT_PSK, key=bytes(31) + b"\1")
    unknown = replace(CLIENT_PSK, identity="psk-8")
    expired = TrustStore(psks=[replace(SERVER_PSK, expires=WALL - 1)])
    turned = replace(SERVER_PSK, own=CLIENT, other=SERVER)
    return {
        "wrong key": (good.with_client(credential=wrong, trust=TrustStore(psks=[wrong])), WALL),
        "unknown identity": (good.with_client(credential=unknown, trust=TrustStore(psks=[unknown])), WALL),
        "expired": (good.with_server(trust=expired), WALL),
        "other names": (good.with_server(trust=TrustStore(psks=[turned])), WALL),
        "removed": (good.with_server(trust=TrustStore()), WALL),
    }


@pytest.mark.parametrize("cause", psk_failures())
def test_a_pre_shared_key_that_is_not_good_is_refused_in_silence(cause: str) -> None:
    """Whatever is wrong, the responder says nothing at all; the reason stays with it."""
    pair, wall = psk_failures()[cause]
    responder = pair.responder(wall=wall)
    with pytest.raises(AuthenticationError) as caught:
        responder.receive(pair.initiator().data_to_send())
    assert caught.value.reason == ("expired" if cause == "expired" else "authentication")
    assert caught.value.stage == "handshake"
    assert responder.data_to_send() == b""
    assert responder.state is State.FAILED


def test_all_failures_of_a_pre_shared_key_cost_the_same_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """For a known and an unknown identity the responder does the same cryptographic work before it stops."""
    work: list[int] = []
    decrypt = SymmetricState.decrypt_and_hash

    def counted(state: SymmetricState, data: bytes) -> bytes:
        work.append(len(data))
        return decrypt(state, data)

    monkeypatch.setattr(SymmetricState, "decrypt_and_hash", counted)
    done = set()
    for pair, wall in psk_failures().values():
        work.clear()
        with pytest.raises(AuthenticationError):
            pair.responder(wall=wall).receive(pair.initiator().data_to_send())
        done.add(tuple(work))
    assert len(done) == 1
    assert done != {()}


def test_a_malformed_proof_is_refused_in_silence() -> None:
    """A holder of the key that proves it for another pair, or not at all, gets nothing back."""
    bodies: list[dict[int, cbor.Encodable]] = [
        {2: SERVER, 3: CLIENT},
        {2: CLIENT, 3: CLIENT},
        {2: CLIENT},
        {2: CLIENT, 3: SERVER, 4: 0},
        {2: CLIENT.encode(), 3: SERVER},
        {1: [b"x"]},
    ]
    for body in (b"", bytes(64), *(pad(cbor.encode(one)) for one in bodies)):
        pair = psk_pair()
        first = HandInitiator(pair.client.encoded_offer, SUITES[0x0011]).first(body)
        responder = pair.responder()
        with pytest.raises(AuthenticationError) as caught:
            responder.receive(first)
        assert caught.value.reason == "authentication"
        assert responder.data_to_send() == b""


def test_an_unknown_identity_is_not_accepted_whatever_key_is_guessed() -> None:
    """The key used for unknown identities is random for each connection, and proving it would not help."""
    guess = replace(CLIENT_PSK, identity="nobody", key=SeededEntropy("server").random(32))
    pair = psk_pair().with_client(credential=guess, trust=TrustStore(psks=[guess]))
    with pytest.raises(AuthenticationError, match="unknown"):
        pair.responder().receive(pair.initiator().data_to_send())
    offer = pair.client.encoded_offer
    zeros = HandInitiator(offer, SUITES[0x0011], psk=bytes(32)).first(
        pad(cbor.encode({2: CLIENT, 3: SERVER}))
    )
    with pytest.raises(AuthenticationError, match="unknown") as caught:
        pair.responder().receive(zeros)
    assert isinstance(caught.value.__cause__, IntegrityError)  # the key was not even right


def test_a_key_of_another_of_ones_names_is_refused() -> None:
    """A responder uses only the keys that were provisioned for the name it proves here."""
    own = PskCredential("own", b"\7" * 32, OTHER, CLIENT)
    pair = psk_pair().with_server(credential=own, trust=TrustStore(psks=[own, SERVER_PSK]))
    assert "unknown" in str(fails(pair, "responder"))


@EVERY_PAIR
def test_nobody_completes_a_handshake_with_itself(pair: Pair) -> None:
    """A connection that is led back to the caller's own listener fails, also where one key serves both roles."""
    own = pair.client.credential
    trust = TrustStore([ROOT], psks=[CLIENT_PSK])
    suites = pair.client.policy.suites
    for service in (SERVER, CLIENT):
        listener = ResponderConfig(service, own, trust, suites)
        initiator, responder = pair.initiator(), Responder(listener, SeededEntropy("self"), WALL)
        with pytest.raises(AuthenticationError):
            exchange(initiator, responder)
        assert initiator.result is None
        assert responder.result is None


@EVERY_PAIR
def test_own_bytes_coming_back_are_refused(pair: Pair) -> None:
    """An initiator that is sent its own flight does not take it for an answer."""
    initiator = pair.initiator()
    with pytest.raises(SipcError):
        initiator.receive(initiator.data_to_send())
    assert initiator.state is State.FAILED
    assert initiator.data_to_send() == b""


def test_a_key_for_another_pair_is_refused_when_it_is_configured() -> None:
    """A pre-shared key is used only towards the peer, and under the name, it was made for."""
    elsewhere = PskCredential("x", SECRET, CLIENT, OTHER)
    with pytest.raises(LocalError):
        psk_pair().with_client(credential=elsewhere, trust=TrustStore(psks=[elsewhere]))
    foreign = PskCredential("x", SECRET, OTHER, SERVER)
    with pytest.raises(LocalError):
        both_pair().with_client(psk=foreign, trust=TrustStore([ROOT], psks=[foreign]))


def test_an_initiator_needs_its_key_in_the_trust_store() -> None:
    """Removing a pre-shared key from the trust store ends its use in both roles."""
    for trust in (TrustStore(), TrustStore(psks=[replace(CLIENT_PSK, key=b"\1" * 32)])):
        with pytest.raises(LocalError) as caught:
            psk_pair().with_client(trust=trust)
        assert caught.value.reason == "authentication"


@pytest.mark.parametrize("maker", [psk_pair, both_pair])
def test_a_key_may_expire_while_it_is_configured(maker: Callable[[], Pair]) -> None:
    """The initiator does not use an expired key; up to its last second it works, and limits the session."""
    aging = replace(CLIENT_PSK, expires=WALL)
    pair = maker()
    trust = TrustStore([ROOT], psks=[aging])
    pair = (
        pair.with_client(credential=aging, trust=trust)
        if maker is psk_pair
        else pair.with_client(psk=aging, trust=trust)
    )
    initiator, _ = pair.meet()
    assert initiator.result is not None
    assert initiator.result.peer.valid_until == WALL
    with pytest.raises(LocalError) as caught:
        pair.initiator(wall=WALL + 1)
    assert caught.value.reason == "expired"


@pytest.mark.parametrize("change", ["wrong key", "unknown identity", "expired"])
def test_certificate_and_key_need_both(change: str) -> None:
    """Under a suite with both, a good certificate does not make up for a bad pre-shared key."""
    pair = both_pair()
    if change == "expired":
        pair = pair.with_server(trust=TrustStore([ROOT], psks=[replace(SERVER_PSK, expires=WALL - 1)]))
    else:
        bad = replace(CLIENT_PSK, **({"key": b"\1" * 32} if change == "wrong key" else {"identity": "psk-8"}))
        pair = pair.with_client(psk=bad, trust=TrustStore([ROOT], psks=[bad]))
    fails(pair, "responder", "expired" if change == "expired" else "authentication")


def test_certificate_and_key_are_for_the_same_peer() -> None:
    """A pre-shared key of one peer together with the certificate of another is refused."""
    pair = both_pair()
    for_other = replace(SERVER_PSK, other=OTHER)
    fails(pair.with_server(trust=TrustStore([ROOT], psks=[for_other])), "responder")


# --- modes never stand in for each other ---


def test_a_service_with_certificates_is_not_reached_with_a_shared_key() -> None:
    """A certificate-only responder refuses an offer of pre-shared-key suites, even if it knows the key."""
    pair = Pair(psk_pair().client, replace(x509_pair().server, trust=TrustStore([ROOT], psks=[SERVER_PSK])))
    responder = pair.responder()
    with pytest.raises(NegotiationError) as caught:
        responder.receive(pair.initiator().data_to_send())
    assert caught.value.reason == "downgrade"


def test_one_configuration_has_one_mode() -> None:
    """An initiator cannot offer suites of another mode than that of its credentials."""
    for pair, wrong in (
        (x509_pair(), 0x0011),
        (psk_pair(), 0x0001),
        (both_pair(), 0x0001),
        (x509_pair(), 0x0021),
    ):
        with pytest.raises(LocalError):
            pair.with_client(suites=(*pair.client.policy.suites, SUITES[wrong]))
    with pytest.raises(LocalError):
        psk_pair().with_server(suites=(SUITES[0x0001],))
    with pytest.raises(LocalError):
        psk_pair().with_client(psk=CLIENT_PSK)


def test_the_same_name_under_two_modes_is_two_principals() -> None:
    """Whoever decides on rights can tell a certificate from a shared key."""
    peers = set()
    for pair in (x509_pair(), psk_pair()):
        _, responder = pair.meet()
        assert responder.result is not None
        peers.add(replace(responder.result.peer, valid_until=None))
    assert {peer.name for peer in peers} == {CLIENT}
    assert len(peers) == 2


@pytest.mark.parametrize("service", ["", "x" * 256, "ü" * 128, "\ud800"])
def test_service_names_that_fit_no_offer_are_refused(service: str) -> None:
    """A service name has 1 to 255 bytes of UTF-8."""
    with pytest.raises(LocalError):
        x509_pair().with_client(service=service)
    with pytest.raises(LocalError):
        x509_pair().with_server(service=service)


@pytest.mark.parametrize("grease", [(0x0A0A,) * 15, (0x10000,), (-1,)])
def test_grease_that_fits_no_offer_is_refused(grease: tuple[int, ...]) -> None:
    """Numbers to be ignored must still be numbers of the wire."""
    with pytest.raises(LocalError):
        x509_pair().with_client(grease=grease)


def test_configurations_do_not_show_secrets() -> None:
    """Neither keys nor trust appear when a configuration is printed."""
    shown = repr(psk_pair()) + repr(x509_pair()) + repr(CLIENT_PSK) + repr(CLIENT_CERTIFICATE)
    for secret in (SECRET, CLIENT_CERTIFICATE.private_key):
        assert repr(secret) not in shown
        assert secret.hex() not in shown
    assert PSK_ID in repr(CLIENT_PSK)
    assert isinstance(psk_pair().client, InitiatorConfig)
    assert Initiator(psk_pair().client, SeededEntropy("x"), WALL).state is State.OFFERED

"""What fuzzing found in the protocol core, each with the input that showed it."""

import json
import warnings
from importlib.resources import files

import pytest
from sipc_pair import START, Pair

from sipc import certificates
from sipc.crl import RevocationList
from sipc.errors import AuthenticationError, LocalError, MalformedError
from sipc.events import Closed, How
from sipc.exchange import Exchange, Outlets
from sipc.identity import X509Credential
from sipc.negotiation import Offer, Reject, Selection, encode_choice, encode_retry, parse_choice, parse_retry
from sipc.records import RecordType
from sipc.rpc import Call, Message

VECTORS = json.loads((files("ipc_gauntlet_corpora") / "vectors" / "sipc1.json").read_bytes())
LEAF = bytes.fromhex(VECTORS["leaf_i_der"])
OFFER = Offer((1, 1), 1, (1,), b"", b"svc").encode()
SELECTION = Selection(1, 2)


@pytest.mark.parametrize(
    ("parse", "data"),
    [
        (Offer.parse, OFFER),
        (Reject.parse, Reject(1, 1).encode()),
        (parse_retry, encode_retry(SELECTION)),
        (parse_choice, encode_choice(SELECTION)),
    ],
    ids=["offer", "reject", "retry", "choice"],
)
@pytest.mark.parametrize("at", [0, 3, 4])
def test_negotiation_data_begins_with_its_magic_and_kind(parse: object, data: bytes, at: int) -> None:
    """The readers of one kind took any five bytes in front: `parse` of the driver accepted what no party accepts."""
    parse(data)  # type: ignore[operator]
    with pytest.raises(MalformedError):
        parse(data[:at] + bytes((data[at] ^ 0x40,)) + data[at + 1 :])  # type: ignore[operator]


LIST = bytes.fromhex(
    "3081b53069020101300506032b657030193117301506035504030c0e53495043207465737420726f6f74170d3136303630333030303030305a"
    "170d3336303532393030303030305a30143012020105170d3236303630313030303030305aa00e300c300a0603551d14040302010130050603"
    "2b65700341000ba16404927e3df6a753aa6a2de47f22935f1deb5ad63fbb8ea343bac752ca74295daf71000acfe8fd770cd8bcb574aabc22bc"
    "71b177980ffd5e3e904898de0f"
)


def resized(head: bytes, less: int) -> bytes:
    """Tag and length of an item that has become shorter; its length stays in its long form if it was in that."""
    if head[1] & 0x80:
        return head[:2] + (int.from_bytes(head[2:]) - less).to_bytes(len(head) - 2)
    return bytes((head[0], head[1] - less))


def with_issuer_of_no_letters(der: bytes) -> bytes:
    """A certificate or a list in which the common name of the issuer is empty."""
    old = bytes.fromhex("30193117301506035504030c0e") + b"SIPC test root"
    new = bytes.fromhex("300b3109300706035504030c00")
    assert old in der
    less = len(old) - len(new)
    outer = 2 + (der[1] & 0x7F if der[1] & 0x80 else 0)
    inner = outer + 2 + (der[outer + 1] & 0x7F if der[outer + 1] & 0x80 else 0)
    heads = resized(der[:outer], less) + resized(der[outer:inner], less)
    return heads + der[inner:].replace(old, new, 1)


def test_what_the_library_warns_about_is_refused_where_warnings_are_errors() -> None:
    """It raised the warning instead of a refusal, which a program that makes warnings errors did not expect."""
    der = with_issuer_of_no_letters(LEAF)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(AuthenticationError, match="UserWarning"):
            certificates.load(der)


def test_the_same_for_a_revocation_list() -> None:
    """Configuration is refused with the error for that."""
    der = with_issuer_of_no_letters(LIST)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(LocalError) as refused:
            RevocationList.load(der)
    assert refused.value.reason == "malformed"
    assert isinstance(refused.value.__cause__, UserWarning)


@pytest.mark.parametrize("kind", ["71", "6f"], ids=["Ed448", "X448"])
def test_a_private_key_of_the_wrong_length_for_its_kind(kind: str) -> None:
    """The library raises an error of its own for that, which is none of the usual ones."""
    key = bytes.fromhex(f"302e020100300506032b65{kind}04220420") + bytes(range(32))
    with pytest.raises(LocalError, match="unusable credential"):
        X509Credential.load([LEAF], key)


def exchange() -> Exchange:
    """One that sends nowhere."""
    made = Exchange(Outlets(lambda pieces: None, lambda event: None, bytes), 1)
    made.peer_max_inflight = 8
    return made


@pytest.mark.parametrize("purpose", ["\ud800", "a\udfff"])
def test_a_text_that_utf8_cannot_carry_is_not_sent(purpose: str) -> None:
    """It escaped as a UnicodeEncodeError, which callers do not catch."""
    sender = exchange()
    with pytest.raises(LocalError):
        sender.send_event(Message("a.b", b"", purpose=purpose))
    with pytest.raises(LocalError):
        sender.request(Call("a.b", b"", purpose=purpose), 0.0)
    assert sender.sent == 0


def test_a_credential_whose_name_is_not_canonical_is_a_wrong_configuration() -> None:
    """It was told as an error of the peer, before there was any."""
    key = bytes.fromhex("302e020100300506032b656e04220420") + bytes.fromhex(VECTORS["keys"]["init_static"])
    assert X509Credential.load([LEAF], key).name == "spiffe://sipc.test/app/alice"
    with pytest.raises(LocalError, match="canonical SPIFFE ID"):
        X509Credential.load([LEAF.replace(b"spiffe://sipc.test", b"spiffe://SIPC.test")], key)


def test_an_end_for_which_no_number_is_left() -> None:
    """What a peer did wrong was told by an exception out of `receive_data`, and `close` raised; no event followed."""
    wrong, both = Pair().established(), Pair().established()
    for pair in (wrong, both):
        pair.server.connection.set_counter(2**64 - 2, sending=True)
        pair.server.feed(sealed_by_client(pair, RecordType.PING, bytes(8)))
        assert pair.server.take(), "the last number was for the PONG"
    wrong.server.feed(sealed_by_client(wrong, RecordType.PING, b"short"))
    (end,) = wrong.server.of(Closed)
    assert isinstance(end, Closed)
    assert (end.how, end.reason) == (How.ERROR, "protocol")
    both.server.connection.close(START)
    both.server.connection.handle_timer(START + 5)
    (end,) = both.server.of(Closed)
    assert isinstance(end, Closed)
    assert end.how is How.LOCAL


def sealed_by_client(pair: Pair, kind: RecordType, payload: bytes) -> bytes:
    """A record of the client, of any content."""
    session = pair.client.connection._session
    assert session is not None
    return session._sealer.seal(kind, payload)

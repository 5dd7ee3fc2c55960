"""The four negotiation structures and the selection, as the peer reads them."""

import pytest

from ipc_gauntlet.peer import Identity, PeerConfig, cbor, negotiation
from ipc_gauntlet.peer.negotiation import Choice, NegotiationError, Offer, Policy, Reject, Retry, select
from ipc_gauntlet.peer.suites import GREASE, SUITES, suite_named

OFFER = Offer(1, 1, 1, (1,), b"id", b"service")


@pytest.mark.parametrize("one", [OFFER, Retry(1, 2), Choice(127, 0x11), Reject(1, 3, 500)])
def test_a_structure_comes_back(one: Offer | Retry | Choice | Reject) -> None:
    """From its bytes, and from no beginning of them and nothing longer."""
    data = one.encode()
    kind = type(one)
    assert kind.decode(data) == one
    for spoiled in (*(data[:cut] for cut in range(len(data))), data + b"\0"):
        with pytest.raises(NegotiationError):
            kind.decode(spoiled)


@pytest.mark.parametrize("one", [Retry(1, 2, b"\0\0\1"), Reject(1, 1, 0, b"\1\0")])
def test_reserved_bytes_are_zero(one: Retry | Reject) -> None:
    """Others are made on request, and refused."""
    with pytest.raises(NegotiationError, match="reserved"):
        type(one).decode(one.encode())


@pytest.mark.parametrize(
    ("offer", "selected"),
    [
        (Offer(1, 1, 1, (2, 1), b"", b"s"), (1, 2)),
        (Offer(1, 1, 1, (0x0A0A, 2, 1), b"", b"s"), (1, 1)),
        (Offer(1, 127, 1, (1,), b"", b"s"), (127, 1)),
        (Offer(2, 9, 2, (1,), b"", b"s"), negotiation.NO_VERSION),
        (Offer(1, 1, 1, (0x11,), b"", b"s"), negotiation.NO_SUITE),
    ],
)
def test_selection(offer: Offer, selected: tuple[int, int] | int) -> None:
    """Highest version; the offer's first suite if allowed, else the first of the policy's."""
    assert select(offer, Policy(1, 127, (1, 2))) == selected


def test_numbers_without_meaning() -> None:
    """None of them is a suite; names lead to numbers."""
    assert not set(GREASE) & set(SUITES)
    assert all(number & 0x0F0F == 0x0A0A for number in GREASE)
    assert all(suite_named(suite.name) is suite for suite in SUITES.values())


def test_what_cannot_be_used_is_said() -> None:
    """A key of another type than X25519; a value that CBOR of SIPC/1 does not have; an uneven configuration."""
    ed25519 = "MC4CAQAwBQYDK2VwBCIEIHdHdHdHdHdHdHdHdHdHdHdHdHdHdHdHdHdHdHdHdHdH"
    with pytest.raises(ValueError, match="X25519"):
        Identity.of({"kind": "x509", "name": "n", "chain": [], "private_key": ed25519})
    with pytest.raises(TypeError, match="float"):
        cbor.encode(1.0)
    assert PeerConfig("responder", Identity(), "s").suites == (1,)

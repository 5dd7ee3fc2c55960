"""Negotiation messages, the selection rule and the prologues."""

import contextlib
import itertools
from collections.abc import Callable

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sipc.errors import LocalError, MalformedError
from sipc.negotiation import (
    MAX_NEGOTIATION,
    Kind,
    Offer,
    Policy,
    Reject,
    RejectCode,
    Selection,
    acceptable_retry,
    encode_choice,
    encode_retry,
    kind_of,
    parse_choice,
    parse_retry,
    prologue,
    retry_prologue,
    select,
)
from sipc.suites import SUITES, Mode, is_grease, is_test_only, suites_named, suites_of

U8, U16 = st.integers(0, 255), st.integers(0, 0xFFFF)
GREASE = [number for number in range(0x10000) if is_grease(number)]
NUMBERS = st.sampled_from([*SUITES, *GREASE[:4], 0x7F01, 0x0003, 0xFFFF])
POLICIES = st.builds(
    lambda versions, suites: Policy(versions, tuple(suites)),
    st.sampled_from([(1, 1), (1, 127), (127, 127), (0, 255)]),
    st.lists(st.sampled_from(sorted(SUITES.values(), key=lambda suite: suite.id)), min_size=1, unique=True),
)


@st.composite
def offers(draw: st.DrawFn) -> Offer:
    low, chosen, high = sorted(draw(st.lists(st.sampled_from([1, 2, 126, 127, 255]), min_size=3, max_size=3)))
    suites = draw(st.lists(NUMBERS, min_size=1, max_size=16))
    return Offer(
        (low, high),
        chosen,
        tuple(suites),
        draw(st.binary(max_size=64)),
        draw(st.binary(min_size=1, max_size=255)),
    )


@given(offers())
def test_an_offer_has_one_encoding(offer: Offer) -> None:
    """An offer comes back from its bytes, which are never longer than announced, and no cut or extension is one."""
    data = offer.encode()
    assert Offer.parse(data) == offer
    assert kind_of(data) is Kind.OFFER
    assert len(data) <= MAX_NEGOTIATION
    for length in range(len(data)):
        with pytest.raises(MalformedError):
            Offer.parse(data[:length])
    with pytest.raises(MalformedError):
        Offer.parse(data + b"\0")


@given(st.binary(max_size=80).map(lambda tail: b"SIPC\0" + tail))
def test_any_bytes_are_an_offer_or_malformed(data: bytes) -> None:
    """Whatever is accepted as an offer is the encoding of that offer."""
    with contextlib.suppress(MalformedError):
        assert Offer.parse(data).encode() == data


@pytest.mark.parametrize(
    ("parse", "encode"),
    [(parse_retry, encode_retry), (parse_choice, encode_choice)],
    ids=["retry", "choice"],
)
@given(U8, U16)
def test_a_selection_has_one_encoding(
    parse: Callable[[bytes], Selection], encode: Callable[[Selection], bytes], version: int, suite: int
) -> None:
    """Retry and choice come back from their bytes; a cut, an extension or a reserved bit is refused."""
    data = encode(Selection(version, suite))
    assert parse(data) == Selection(version, suite)
    for wrong in (data[:-1], data + b"\0", data[:5]):
        with pytest.raises(MalformedError):
            parse(wrong)


@pytest.mark.parametrize("position", [8, 9, 10])
def test_reserved_bytes_of_a_retry_are_zero(position: int) -> None:
    """A retry that uses a reserved byte is refused, since nobody knows what it would mean."""
    data = bytearray(encode_retry(Selection(1, 2)))
    data[position] = 1
    with pytest.raises(MalformedError):
        parse_retry(bytes(data))


@given(U8, U8, U16)
def test_a_refusal_has_one_encoding(highest: int, code: int, wait: int) -> None:
    """A refusal comes back from its bytes; its reserved field is zero."""
    reject = Reject(highest, code, wait)
    data = reject.encode()
    assert Reject.parse(data) == reject
    assert kind_of(data) is Kind.REJECT
    for wrong in (data[:-1], data + b"\0", data[:6] + b"\x01" + data[7:]):
        with pytest.raises(MalformedError):
            Reject.parse(wrong)


@pytest.mark.parametrize(
    "data", [b"S", b"SIPC", b"SIPC\x04", b"SIPD\0", b"sipc\0", b"\0" * 16, b"GET / HTTP/1.1"]
)
def test_other_protocols_are_not_negotiation_data(data: bytes) -> None:
    """Without the magic and a known kind nothing is interpreted."""
    with pytest.raises(MalformedError):
        kind_of(data)


def oracle(offer: Offer, policy: Policy) -> Selection | RejectCode:
    """The selection rule once more, word by word from the protocol document."""
    version = 0
    for candidate in range(256):
        offered = offer.versions[0] <= candidate <= offer.versions[1]
        accepted = policy.versions[0] <= candidate <= policy.versions[1]
        if candidate in (1, 127) and offered and accepted:
            version = candidate
    if version == 0:
        return RejectCode.VERSION
    allowed = [suite.id for suite in policy.suites]
    if offer.suites[0] in allowed:
        return Selection(version, offer.suites[0])
    common = [number for number in allowed if number in offer.suites]
    return Selection(version, common[0]) if common else RejectCode.NO_COMMON_SUITE


@given(offers(), POLICIES)
def test_the_selection_is_the_documented_one(offer: Offer, policy: Policy) -> None:
    """For every offer and policy the result is that of the rule, and within both."""
    selection = select(offer, policy)
    assert selection == oracle(offer, policy)
    if isinstance(selection, Selection):
        assert policy.accepts_version(selection.version)
        assert policy.accepts_suite(selection.suite)
        assert selection.suite in offer.suites


def test_the_selection_is_the_documented_one_in_every_small_case() -> None:
    """All orders of up to three suites, offered and allowed, under all pairs of version ranges."""
    ranges = [(1, 1), (1, 127), (2, 126), (127, 127), (1, 255)]
    numbers = (0x0001, 0x0002, 0x0011)
    orders = [order for size in (1, 2, 3) for order in itertools.permutations(numbers, size)]
    for offered, allowed in itertools.product(orders, orders):
        suites = tuple(SUITES[number] for number in allowed)
        for ours, theirs in itertools.product(ranges, [one for one in ranges if one != (2, 126)]):
            offer, policy = Offer(ours, ours[0], offered, b"", b""), Policy(theirs, suites)
            assert select(offer, policy) == oracle(offer, policy)


@given(offers(), POLICIES, st.data())
def test_what_is_unknown_changes_nothing(offer: Offer, policy: Policy, data: st.DataObject) -> None:
    """A meaningless suite number anywhere behind the first neither is chosen nor changes the choice."""
    assume(len(offer.suites) < 16)
    at = data.draw(st.integers(1, len(offer.suites)))
    grease = data.draw(st.sampled_from(GREASE))
    suites = (*offer.suites[:at], grease, *offer.suites[at:])
    widened = Offer((offer.versions[0], 255), offer.chosen, suites, offer.psk_id, offer.service)
    selection = select(widened, policy)
    assert selection == select(Offer((offer.versions[0], 255), offer.chosen, offer.suites, b"", b""), policy)
    assert not isinstance(selection, Selection) or selection.suite != grease


def test_only_something_offered_allowed_and_new_may_be_retried() -> None:
    """In all small cases, an initiator follows a retry exactly if it is in its offer, above its floor, and new."""
    numbers = (0x0001, 0x0002, 0x0A0A)
    orders = [order for size in (1, 2, 3) for order in itertools.permutations(numbers, size)]
    floors = [(SUITES[1],), (SUITES[2],), (SUITES[1], SUITES[2])]
    selections = list(itertools.product((0, 1, 2, 127), (*numbers, 0x0011)))
    for offered, allowed, versions in itertools.product(orders, floors, [(1, 1), (1, 127), (127, 127)]):
        offer, policy = Offer(versions, versions[1], offered, b"", b""), Policy(versions, allowed)
        for version, suite in selections:
            expected = (
                (version, suite) != (offer.chosen, offered[0])
                and version in (1, 127)
                and versions[0] <= version <= versions[1]
                and suite in offered
                and suite in [one.id for one in allowed]
            )
            assert acceptable_retry(offer, policy, Selection(version, suite)) is expected


def test_prologues_are_those_of_noise_socket() -> None:
    """Both prologues hold every negotiated byte with its length, and the application's own part at the end."""
    assert prologue(b"abc", 1) == b"NoiseSocketInit1\0\3abcSIPC/1"
    assert prologue(b"abc", 127) == b"NoiseSocketInit1\0\3abcSIPC/127"
    bound = retry_prologue((b"one", b"message"), b"retry", b"two", 1)
    assert bound == b"NoiseSocketInit3\0\3one\0\7message\0\5retry\0\0\0\3twoSIPC/1"


def test_suites_have_the_documented_numbers_and_names() -> None:
    """The table of suites is part of the protocol."""
    assert {number: suite.name for number, suite in SUITES.items()} == {
        0x0001: "Noise_XX_25519_ChaChaPoly_SHA256",
        0x0002: "Noise_XX_25519_AESGCM_SHA256",
        0x0011: "Noise_NNpsk0_25519_ChaChaPoly_SHA256",
        0x0012: "Noise_NNpsk0_25519_AESGCM_SHA256",
        0x0021: "Noise_XXpsk3_25519_ChaChaPoly_SHA256",
    }
    assert [suite.id for suite in suites_of(Mode.PSK)] == [0x0011, 0x0012]
    assert len(GREASE) == 256
    assert not any(is_grease(number) or is_test_only(number) for number in SUITES)
    assert is_test_only(0x7F01)


def test_suites_are_configured_by_name() -> None:
    """Names keep their order; an unknown or repeated one is refused."""
    names = ["Noise_XX_25519_AESGCM_SHA256", "Noise_XX_25519_ChaChaPoly_SHA256"]
    assert [suite.id for suite in suites_named(names)] == [2, 1]
    for wrong in (["Noise_NN_25519_ChaChaPoly_SHA256"], [names[0], names[0]], ["aesgcm"]):
        with pytest.raises(LocalError):
            suites_named(wrong)


@pytest.mark.parametrize(
    ("versions", "suites"),
    [((1, 1), ()), ((2, 126), (SUITES[1],)), ((2, 1), (SUITES[1],)), ((0, 0), (SUITES[1],))],
)
def test_a_policy_that_allows_nothing_is_refused(versions: tuple[int, int], suites: tuple[()]) -> None:
    """There is no policy under which every offer fails."""
    with pytest.raises(LocalError):
        Policy(versions, suites)


@pytest.mark.parametrize(
    "offer",
    [
        Offer((0, 1), 1, (1,), b"", b"s"),
        Offer((1, 2), 3, (1,), b"", b"s"),
        Offer((2, 2), 1, (1,), b"", b"s"),
        Offer((1, 1), 1, (), b"", b"s"),
        Offer((1, 1), 1, (1,) * 17, b"", b"s"),
        Offer((1, 1), 1, (1,), b"x" * 65, b"s"),
        Offer((1, 1), 1, (1,), b"", b""),
        Offer((1, 1), 1, (1,), b"", b"x" * 256),
    ],
)
def test_an_offer_that_has_no_encoding_is_refused(offer: Offer) -> None:
    """What a responder would call malformed is never sent."""
    with pytest.raises(LocalError):
        offer.encode()


@pytest.mark.parametrize(
    "offer",
    [
        pytest.param("00 010101 00 00 0173", id="no suite"),
        pytest.param("00 010101 11" + "0001" * 17 + "00 0173", id="17 suites"),
        pytest.param("00 010101 01 0001 41" + "61" * 65 + "0173", id="PSK identity of 65 bytes"),
        pytest.param("00 000100 01 0001 00 0173", id="lowest version 0"),
        pytest.param("00 020102 01 0001 00 0173", id="lowest above highest"),
        pytest.param("00 020301 01 0001 00 0173", id="chosen below lowest"),
        pytest.param("00 010203 01 0001 00 0173", id="chosen above highest"),
        pytest.param("00 010101 01 0001 00 00", id="no service"),
    ],
)
def test_numbers_out_of_range_are_malformed(offer: str) -> None:
    """An offer whose every length fits, but not every number, is refused."""
    with pytest.raises(MalformedError):
        Offer.parse(b"SIPC" + bytes.fromhex(offer))

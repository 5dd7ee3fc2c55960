"""What is negotiated under SIPC/1: the suites and versions there are, offers changed on the way, weak bindings."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from ipc_gauntlet import Lab, Quirks, Role, WirePeer, negotiation

PLAIN = Quirks()
NO_OPTIONS: Mapping[str, object] = {}
VERSION, TEST_VERSION = 1, 127
BOTH_VERSIONS = (VERSION, TEST_VERSION)
GREASE = 0x5A5A
#: The two suites of each mode, the mandatory one first: number, then name.
SUITES = {
    "x509": {0x0001: "Noise_XX_25519_ChaChaPoly_SHA256", 0x0002: "Noise_XX_25519_AESGCM_SHA256"},
    "psk": {0x0011: "Noise_NNpsk0_25519_ChaChaPoly_SHA256", 0x0012: "Noise_NNpsk0_25519_AESGCM_SHA256"},
}
APPLICATION = {VERSION: b"SIPC/1", TEST_VERSION: b"SIPC/127"}


def numbers(lab: Lab) -> tuple[int, int]:
    """The numbers of the two suites of the case's mode."""
    first, second = SUITES[lab.issuer.kind]
    return first, second


def names(lab: Lab, *wanted: int) -> list[str]:
    """The names of suites of the case's mode, by number; of both without any."""
    known = SUITES[lab.issuer.kind]
    return [known[one] for one in wanted or known]


def wide(lab: Lab) -> dict[str, object]:
    """Options of a side that allows everything its mode has."""
    return {"suites": names(lab), "versions": list(BOTH_VERSIONS)}


def parts(frame: bytes) -> tuple[bytes, bytes]:
    """Negotiation data and Noise message of a handshake frame."""
    length = int.from_bytes(frame[:2])
    return frame[2 : 2 + length], frame[4 + length :]


def framed(data: bytes, message: bytes = b"") -> bytes:
    """A handshake frame."""
    return negotiation.counted(data) + negotiation.counted(message)


@dataclass(frozen=True, slots=True)
class Edit:
    """A change of an offer.

    Args:
        what: In words.
        offer: What becomes of its bytes.
    """

    what: str
    offer: bytes


def meant(offer: bytes) -> list[Edit]:
    """What an attacker would like to make of an offer, each of them a legal offer as well."""
    was = negotiation.Offer.decode(offer)
    made = {
        "the best suite dropped": replace(was, suites=was.suites[1:]),
        "the best suite put last": replace(was, suites=was.suites[::-1]),
        "the last two suites swapped": replace(
            was, suites=(*was.suites[:-2], was.suites[-1], was.suites[-2])
        ),
        "the best suite made unknown": replace(was, suites=(GREASE, *was.suites[1:])),
        "another suite put first": replace(was, suites=(GREASE, *was.suites)),
        "an unknown suite added": replace(was, suites=(*was.suites, GREASE)),
        "only the best suite left": replace(was, suites=was.suites[:1]),
        "the best suite named twice": replace(was, suites=(was.suites[0], *was.suites)),
        "the highest version one less": replace(was, highest=was.highest - 1, chosen=was.chosen - 1),
        "the lowest version one more": replace(was, lowest=was.lowest + 1),
        "a later version added": replace(was, highest=was.highest + 1),
        "an older version chosen": replace(was, chosen=was.lowest),
        "a key identity added": replace(was, psk_id=was.psk_id + b"x"),
        "another service": replace(was, service=was.service + b"x"),
    }
    return [Edit(what, one.encode()) for what, one in made.items() if one.suites]


def each_byte(offer: bytes, *, flips: int) -> Iterator[Edit]:
    """Every change of one byte: these bits of it flipped; it is removed; another is put in front of it."""
    for at, byte in enumerate(offer):
        yield Edit(f"byte {at} changed", offer[:at] + bytes([byte ^ flips]) + offer[at + 1 :])
        if flips == 1:
            yield Edit(f"byte {at} removed", offer[:at] + offer[at + 1 :])
            yield Edit(f"a byte put in at {at}", offer[:at] + b"\0" + offer[at:])


def opposite(
    lab: Lab,
    role: Role,
    quirks: Quirks = PLAIN,
    options: Mapping[str, object] = NO_OPTIONS,
    *,
    grease: bool = False,
) -> WirePeer:
    """A wire peer with an implementation under test that plays `role`; both allow the same.

    Args:
        lab: The case's lab.
        role: The implementation's.
        quirks: The peer's.
        options: Of both sides, in the implementation's words.
        grease: A wire client also offers a number that means nothing, behind the others.
    """
    if role == "server":
        known = options.get("suites")
        listed = list(known) if isinstance(known, list) else [numbers(lab)[0]]
        own = {**options, "suites": [*listed, GREASE]} if grease else options
        return lab.wire_client(lab.listen(options=dict(options)), quirks=quirks, options=own)
    peer = lab.wire_server(quirks=quirks, options=options)
    lab.attempt_to(peer, options=options)
    return peer


def came_about(lab: Lab, peer: WirePeer) -> bool:
    """Let a wire peer go on by itself until there is a session or an end; whether there is a session, on either side.

    A silence decides nothing: an implementation that is only slow would pass for one that refused.
    """
    peer.handshake(timeout_s=0.0)
    lab.wait(lambda: peer.ended is not None or peer.established or bool(peer.noted))
    found = peer.established or bool(lab.iut_view(peer).established)
    peer.hang_up()
    return found

"""Targets for certificates, revocation lists and the path from a leaf to a root."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ipc_gauntlet.fuzz import Target
from ipc_gauntlet.fuzz.mutate.fields_der import Der, der_length
from ipc_gauntlet.fuzz.mutate.schema import Int, Schema
from ipc_gauntlet.fuzz.mutate.sequence import Sequence, Step, number
from sipc import certificates
from sipc.crl import RevocationList
from sipc.errors import AuthenticationError, LocalError
from sipc.x509 import VerifiedLeaf, validate
from sipc_targets.chains import chain_parts, deep_root, lists
from sipc_targets.material import material, signing_key

_ED25519 = bytes.fromhex("300506032b6570")
_LONGEST = 1024


def resigned(der: bytes, key: Ed25519PrivateKey) -> bytes:
    """A certificate or a list with its content signed again; what is none is left alone."""
    outer = _item(der, 0)
    inner = _item(der, outer[0]) if outer is not None else None
    if outer is None or inner is None or der[:1] != b"\x30":
        return der
    content = der[outer[0] : inner[1]]
    parts = content + _ED25519 + b"\x03\x41\0" + key.sign(content)
    return b"\x30" + der_length(len(parts)) + parts


def _item(der: bytes, pos: int) -> tuple[int, int] | None:
    """Where the content of an item begins and ends; None if that cannot be said."""
    if pos + 2 > len(der):
        return None
    first, start = der[pos + 1], pos + 2
    if first & 0x80:
        width = first & 0x7F
        start += width
        size = int.from_bytes(der[pos + 2 : start])
    else:
        size = first
    return (start, start + size) if start + size <= len(der) else None


def _all_certificates() -> list[bytes]:
    made = material()
    return [made.initiator, made.responder, made.root, *chain_parts(), deep_root()]


PATH = Sequence(
    (
        Step(
            "certificate",
            (Int("signer", samples=(0, 1)), Der("certificate", (material().initiator, *chain_parts()[:3]))),
            often=4,
        ),
        Step("known", (Int("which", 2, high=12),), often=2),
        Step("list", (Int("signer", samples=(0, 1)), Der("list", lists()[:2]))),
        Step("known_list", (Int("which", 2, high=3),)),
        Step("time", (Int("days", 2),)),
    ),
    most=8,
    samples=lambda: _path_seeds(),
)


@dataclass(frozen=True, slots=True)
class Path:
    """A path to be validated.

    Attributes:
        chain: Certificates, the leaf first.
        lists: Revocation lists.
        wall: Unix seconds.
        roots: The trusted ones.
    """

    chain: tuple[bytes, ...]
    lists: tuple[bytes, ...]
    wall: float
    roots: tuple[bytes, ...]


def path_of(data: bytes) -> Path:
    """The path that steps make: certificates and lists are signed again by the key of an authority that has one."""
    made = material()
    keys = (made.authority, signing_key("middle"))
    chain: list[bytes] = []
    revoking: list[bytes] = []
    wall = made.wall
    for call in PATH.decode(data):
        name, body = call.step.name, call.body
        if name == "certificate":
            chain.append(resigned(body[1:], keys[body[0] & 1]) if body and body[0] < 2 else body[1:])
        elif name == "known":
            known = _all_certificates()
            chain.append(known[number(body) % len(known)])
        elif name == "list":
            revoking.append(resigned(body[1:], keys[body[0] & 1]) if body else body)
        elif name == "known_list":
            revoking.append(lists()[number(body) % len(lists())])
        else:
            wall = made.wall + 86_400 * (number(body) - 4000)
    return Path(tuple(chain), tuple(revoking), wall, (made.root, deep_root()))


def read_path(data: bytes) -> VerifiedLeaf:
    """Validate a path, made of steps.

    Raises:
        AuthenticationError: It is not good, or a list cannot be used.
    """
    path = path_of(data)
    crls = [_list(one) for one in path.lists]
    return validate(path.chain, [certificates.load(one) for one in path.roots], crls, path.wall)


def _list(der: bytes) -> RevocationList:
    """A list; one that cannot be used is refused when it is configured, which no path can come behind."""
    try:
        return RevocationList.load(der)
    except LocalError as error:
        raise AuthenticationError("unusable list", reason="malformed") from error


def _path_seeds() -> Iterator[bytes]:
    made = material()
    leaf, authority, odd = chain_parts()[:3]

    def known(*which: int) -> list[tuple[str, bytes]]:
        return [("known", bytes((0, one))) for one in which]

    def lists_of(*which: int) -> list[tuple[str, bytes]]:
        return [("known_list", bytes((0, one))) for one in which]

    yield PATH.encode(known(0))
    yield PATH.encode(known(3, 4))
    yield PATH.encode(known(3, 9, 10))
    yield PATH.encode(known(3, 9, 11))
    yield PATH.encode([("certificate", b"\0" + made.initiator), *lists_of(0)])
    yield PATH.encode([("certificate", b"\1" + leaf), ("certificate", b"\0" + authority)])
    yield PATH.encode([("certificate", b"\1" + odd), *known(4)])
    yield PATH.encode([("certificate", b"\2" + leaf[:-1] + bytes((leaf[-1] ^ 1,))), *known(4)])
    for outside in (6, 7, 8):
        yield PATH.encode(known(outside, 4))
    yield PATH.encode([*known(3, 4), *lists_of(1)])
    yield PATH.encode([*known(3, 4), *lists_of(3)])
    yield PATH.encode([*known(3, 4), *lists_of(2)])
    yield PATH.encode(known(3, 10, 9))
    yield PATH.encode(known(3))
    yield PATH.encode([*known(0), ("list", b"\0" + lists()[0])])
    yield PATH.encode([*known(0), ("list", b"\1" + lists()[0])])
    yield PATH.encode([*known(0), ("time", b"\0\0")])
    yield PATH.encode([*known(0), ("time", b"\xff\xff")])
    yield PATH.encode(known(2))
    yield PATH.encode([])


def targets() -> Iterator[Target]:
    """All of them."""
    certificate = Der("certificate", (material().initiator, material().root))
    yield Target(
        name="sipc.certificates",
        title="One certificate: parsed once, refused as malformed whatever is wrong with its encoding.",
        layer="certificate",
        parse=certificates.load,
        rejects=(AuthenticationError,),
        measured=("sipc.certificates",),
        seeds=lambda: [*_all_certificates(), material().initiator[:-1], lists()[0]],
        tokens=(b"\x06\x03\x55\x1d", b"\x01\x01\xff", b"\x86\x0dspiffe://a/b/", b"\x17\x0d", b"\x2b\x65\x6e"),
        structure=Schema(certificate),
        reach=("sipc.certificates:load", "sipc.certificates:_parse"),
        # A certificate that was refused is not kept; the others are, within bounds.
        residue=lambda: len(certificates._cache),  # noqa: SLF001 - what is kept between calls
        reference_parser="certificate",
        longest=_LONGEST,
    )
    yield Target(
        name="sipc.crl",
        title="One revocation list.",
        layer="certificate",
        parse=RevocationList.load,
        rejects=(LocalError,),
        measured=("sipc.crl",),
        seeds=lambda: [*lists(), lists()[0][:-1], material().initiator],
        structure=Schema(Der("list", lists()[:2])),
        reach=("sipc.crl:RevocationList.load",),
        longest=_LONGEST,
    )
    yield Target(
        name="sipc.x509",
        title="A chain up to a trusted root, signed by authorities that have the keys, with revocation and time.",
        layer="certificate",
        parse=read_path,
        rejects=(AuthenticationError,),
        measured=("sipc.x509", "sipc.crl", "sipc.spiffe", "sipc.certificates"),
        seeds=_path_seeds,
        structure=PATH.schema,
        reach=(
            "sipc.x509:validate",
            "sipc.x509:_check_leaf",
            "sipc.x509:_check_names",
            "sipc.x509:_check_authority",
            "sipc.crl:RevocationList.check",
            "sipc.spiffe:canonical",
        ),
        longest=4096,
    )

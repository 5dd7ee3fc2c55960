"""Security descriptors of Windows as text (SDDL): who may do what, as numbers and full SIDs.

Windows writes the same descriptor in several ways: rights as pairs of letters or as a number, users as SIDs or as two
letters, some of which mean a user of this machine. Everything is brought to one form here, so that it can be compared.

Rule of this file: what is not understood raises `ValueError`. A descriptor that is read wrongly makes a wrong verdict.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

FILE_CREATE_PIPE_INSTANCE = 0x4
"""For a pipe to make another instance of it; the same bit is that of appending to a file."""

_GENERIC_ALL, _GENERIC_WRITE = 0x10000000, 0x40000000


def _table(text: str) -> dict[str, str]:
    words = text.split()
    return dict(zip(words[::2], words[1::2], strict=True))


_RIGHTS = {
    name: int(mask, 16)
    for name, mask in _table("""
        GA 10000000  GX 20000000  GW 40000000  GR 80000000
        SD 00010000  RC 00020000  WD 00040000  WO 00080000
        CC 1  DC 2  LC 4  SW 8  RP 10  WP 20  DT 40  LO 80  CR 100
        FA 1F01FF  FR 120089  FW 120116  FX 1200A0
        KA 0F003F  KR 020019  KW 020006  KX 020019
    """).items()
}
_SIDS = _table("""
    WD S-1-1-0   CO S-1-3-0   CG S-1-3-1   OW S-1-3-4
    NU S-1-5-2   IU S-1-5-4   SU S-1-5-6   AN S-1-5-7   ED S-1-5-9   PS S-1-5-10
    AU S-1-5-11  RC S-1-5-12  SY S-1-5-18  LS S-1-5-19  NS S-1-5-20  WR S-1-5-33  UD S-1-5-84-0-0-0-0-0
    AC S-1-15-2-1  AS S-1-18-1  SS S-1-18-2
    LW S-1-16-4096  ME S-1-16-8192  MP S-1-16-8448  HI S-1-16-12288  SI S-1-16-16384
""")
# The last number of a SID, after that of the built-in domain.
_BUILT_IN = _table("""
    BA 544  BU 545  BG 546  PU 547  AO 548  SO 549  PO 550  BO 551  RE 552  RU 554  RD 555  NO 556  MU 558
    LU 559  IS 568  CY 569  ER 573  RA 575  ES 576  MS 577  HA 578  AA 579  RM 580
""")
# The same after that of this machine or its domain.
_RELATIVE = _table("""
    RO 498  LA 500  LG 501  DA 512  DU 513  DG 514  DC 515  DD 516  CA 517  SA 518  EA 519  PA 520  CN 522
    AP 525  KA 526  EK 527  RS 553
""")

CROWDS = frozenset(
    [
        "S-1-1-0",
        "S-1-2-0",
        "S-1-2-1",
        "S-1-5-2",
        "S-1-5-4",
        "S-1-5-7",
        "S-1-5-11",
        "S-1-5-15",
        "S-1-5-113",
        "S-1-5-32-545",
        "S-1-5-32-546",
        "S-1-15-2-1",
        "S-1-15-2-2",
    ]
)
"""What everybody is in one way or another: everyone, who is at this machine or its screen, remote, interactive, anonymous
and authenticated users, those of this organization, local accounts, users, guests, and all programs in a sandbox."""

# All users, guests and computers of a domain.
_CROWDS_OF_A_DOMAIN = (513, 514, 515)

ABOVE = frozenset(("S-1-5-18", "S-1-5-32-544", "S-1-3-4"))
"""The operating system and its administrators, who can do everything anyway, and whoever owns the object."""

_ALLOWS = frozenset(("A", "OA", "XA", "ZA"))


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of an access list.

    Args:
        kind: `A` allows, `D` denies; there are others.
        rights: A bit for each.
        who: A SID, in the form `S-1-...`.
        inherit_only: It is for what is made within the object, and not for the object itself.
    """

    kind: str
    rights: int
    who: str
    inherit_only: bool = False

    @property
    def allows(self) -> bool:
        """Whether it gives somebody rights to the object itself."""
        return self.kind in _ALLOWS and not self.inherit_only and bool(self.rights)

    @property
    def makes_instances(self) -> bool:
        """Whether the rights include that of making another instance of a pipe."""
        return bool(self.rights & (FILE_CREATE_PIPE_INSTANCE | _GENERIC_ALL | _GENERIC_WRITE))

    def __str__(self) -> str:
        return f"{self.who} (0x{self.rights:x})"


@dataclass(frozen=True, slots=True)
class Descriptor:
    """A security descriptor.

    Args:
        owner: SID of its owner; empty if none is named.
        entries: Its access list; None if it has none, which lets everybody do everything.
    """

    owner: str
    entries: tuple[Entry, ...] | None


def is_crowd(sid: str) -> bool:
    """Whether a SID stands for people nobody has chosen."""
    domain, _, last = sid.rpartition("-")
    return sid in CROWDS or (
        domain.startswith("S-1-5-21-") and last.isdecimal() and int(last) in _CROWDS_OF_A_DOMAIN
    )


def read(sddl: str, user: str) -> Descriptor:
    """Read owner and access list of a descriptor.

    Args:
        sddl: As the operating system writes it.
        user: SID of a user of this machine, for abbreviations that are relative to it.

    Raises:
        ValueError: It is not understood.
    """
    parts = dict(_components(sddl))
    owner = parts.get("O", "")
    return Descriptor(sid(owner, user) if owner else "", _entries(parts.get("D"), user))


def sid(text: str, user: str) -> str:
    """A SID in full.

    Args:
        text: A SID, or two letters for one.
        user: SID of a user of this machine.

    Raises:
        ValueError: Nobody is called so.
    """
    if text.startswith("S-1-"):
        return text
    if text in _SIDS:
        return _SIDS[text]
    if text in _BUILT_IN:
        return f"S-1-5-32-{_BUILT_IN[text]}"
    if text in _RELATIVE:
        return f"{user.rpartition('-')[0]}-{_RELATIVE[text]}"
    raise ValueError(f"{text!r} is nobody's name in SDDL")


def rights(text: str) -> int:
    """Rights as a number.

    Args:
        text: Letters in pairs, or a number as C writes it.

    Raises:
        ValueError: There is no such right.
    """
    if text[:1].isdecimal():
        if text[:2].lower() == "0x":
            return int(text, 16)
        return int(text, 8 if text.startswith("0") else 10)
    mask = 0
    for pair in _pairs(text):
        if pair not in _RIGHTS:
            raise ValueError(f"{pair!r} is no right in SDDL")
        mask |= _RIGHTS[pair]
    return mask


def _pairs(text: str) -> list[str]:
    return [text[at : at + 2] for at in range(0, len(text), 2)]


def _components(sddl: str) -> Iterator[tuple[str, str]]:
    """The parts of a descriptor by their letter: owner, group, access list, audit list and label."""
    rest = sddl.strip()
    while rest:
        letter, colon, rest = rest[:1], rest[1:2], rest[2:]
        if colon != ":" or letter not in "OGDS":
            raise ValueError(f"{sddl!r} is not a security descriptor")
        end = _end_of_component(rest)
        yield letter, rest[:end]
        rest = rest[end:]


def _end_of_component(text: str) -> int:
    depth = 0
    for at, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        # The next part begins with a letter and a colon; those within parentheses are of conditions.
        if not depth and text[at + 2 : at + 3] == ":":
            return at + 1
    return len(text)


def _entries(text: str | None, user: str) -> tuple[Entry, ...] | None:
    if text is None:
        return None
    flags, parenthesis, rest = text.partition("(")
    if "NO_ACCESS_CONTROL" in flags:
        return None
    return tuple(_entry(one, user) for one in _groups(parenthesis + rest))


def _groups(text: str) -> Iterator[str]:
    """What stands in each outermost pair of parentheses."""
    depth = begin = 0
    for at, character in enumerate(text):
        if character == "(":
            begin = begin if depth else at + 1
            depth += 1
        elif character == ")":
            depth -= 1
            if not depth:
                yield text[begin:at]
        elif not depth:
            raise ValueError(f"{character!r} stands between the entries of {text!r}")
    if depth:
        raise ValueError(f"{text!r} has no end")


def _entry(text: str, user: str) -> Entry:
    fields = text.split(";", 6)
    # Kind, flags, rights, two ids and who; after that a condition may come.
    if len(fields) < 6:
        raise ValueError(f"({text}) is not an entry of an access list")
    kind, flags, granted, _object, _inherited, who = fields[:6]
    return Entry(kind, rights(granted), sid(who, user), "IO" in _pairs(flags))

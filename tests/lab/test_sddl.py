"""Security descriptors as text: one meaning, however Windows writes it."""

import pytest

from ipc_gauntlet.lab import sddl
from ipc_gauntlet.lab.sddl import Descriptor, Entry

MACHINE = "S-1-5-21-1-2-3"
ME = f"{MACHINE}-1000"


@pytest.mark.parametrize(
    ("text", "mask"),
    [
        ("", 0),
        ("GA", 0x10000000),
        ("FA", 0x1F01FF),
        ("DC", 0x2),
        ("LC", 0x4),
        ("CCDCRC", 0x20003),
        # Pairs, not letters somewhere: the middle of these reads DC and LC, which they are not.
        ("SDCC", 0x10001),
        ("FRSD", 0x130089),
        ("0x12019b", 0x12019B),
        ("0X4", 0x4),
        ("04", 0x4),
        ("1179803", 0x12009B),
    ],
)
def test_rights(text: str, mask: int) -> None:
    assert sddl.rights(text) == mask


@pytest.mark.parametrize(
    ("text", "makes"),
    [
        *[("LC", True), ("GW", True), ("GA", True), ("FA", True), ("FW", True), ("0x12019f", True)],
        *[("DC", False), ("GR", False), ("FR", False), ("RC", False), ("0x12019b", False), ("SDCC", False)],
    ],
)
def test_which_rights_let_one_make_instances(text: str, makes: bool) -> None:
    assert Entry("A", sddl.rights(text), ME).makes_instances is makes


@pytest.mark.parametrize(
    ("text", "full"),
    [
        (ME, ME),
        ("WD", "S-1-1-0"),
        ("BA", "S-1-5-32-544"),
        ("BU", "S-1-5-32-545"),
        ("SY", "S-1-5-18"),
        ("AC", "S-1-15-2-1"),
        ("LA", f"{MACHINE}-500"),
        ("LG", f"{MACHINE}-501"),
        ("DU", f"{MACHINE}-513"),
    ],
)
def test_names(text: str, full: str) -> None:
    assert sddl.sid(text, ME) == full


def test_the_first_user_of_a_machine_is_himself_under_either_name() -> None:
    """Windows writes LA for the user 500: who is one and the same must not look like two."""
    administrator = f"{MACHINE}-500"
    found = sddl.read("O:LAD:P(A;;0x12019f;;;LA)", administrator)
    assert found == Descriptor(administrator, (Entry("A", 0x12019F, administrator),))


@pytest.mark.parametrize(
    "who", ["WD", "AN", "NU", "IU", "AU", "BG", "BU", "AC", "DU", "DG", "S-1-5-32-545", "S-1-5-113"]
)
def test_crowds(who: str) -> None:
    assert sddl.is_crowd(sddl.sid(who, ME))


@pytest.mark.parametrize(
    "who", [ME, "LA", "SY", "BA", "OW", "DA", "S-1-5-5-0-4711", "S-1-5-32-1513", "S-1-5-80-513"]
)
def test_those_who_are_none(who: str) -> None:
    assert not sddl.is_crowd(sddl.sid(who, ME))


@pytest.mark.parametrize(
    ("text", "owner", "entries"),
    [
        (f"O:{ME}D:P(A;;GA;;;{ME})", ME, (Entry("A", 0x10000000, ME),)),
        (
            "O:BAG:DUD:AI(A;OICI;0x12019f;;;WD)(D;;FA;;;AN)S:(ML;;NWNR;;;ME)",
            "S-1-5-32-544",
            (Entry("A", 0x12019F, "S-1-1-0"), Entry("D", 0x1F01FF, "S-1-5-7")),
        ),
        ("O:SYD:(A;OICIIO;GA;;;WD)", "S-1-5-18", (Entry("A", 0x10000000, "S-1-1-0", True),)),
        (
            "O:SYD:(XA;;FR;;;WD;(Member_of {SID(BA)} && (@User.D:x == 1)))(A;;FR;;;SY)",
            "S-1-5-18",
            (Entry("XA", 0x120089, "S-1-1-0"), Entry("A", 0x120089, "S-1-5-18")),
        ),
        (f"O:{ME}D:P", ME, ()),
        (f"O:{ME}", ME, None),
        ("O:SYD:NO_ACCESS_CONTROL", "S-1-5-18", None),
        ("D:", "", ()),
        ("", "", None),
    ],
)
def test_descriptors(text: str, owner: str, entries: tuple[Entry, ...] | None) -> None:
    assert sddl.read(text, ME) == Descriptor(owner, entries)


def test_who_is_allowed_something() -> None:
    assert Entry("A", 1, ME).allows
    assert Entry("XA", 1, ME).allows
    assert not Entry("D", 1, ME).allows
    assert not Entry("A", 1, ME, inherit_only=True).allows
    assert not Entry("A", 0, ME).allows


@pytest.mark.parametrize(
    "text",
    [
        "X:SY",
        "O:ZZ",
        "nonsense",
        "D:(A;;ZZ;;;SY)",
        "D:(A;;FAF;;;SY)",
        "D:(A;;FA)",
        "D:(A;;FA;;;SY",
        "D:(A;;FA;;;SY)x",
    ],
)
def test_what_is_not_understood_is_not_guessed(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        sddl.read(text, ME)

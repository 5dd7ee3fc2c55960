"""Access lists of pipes, as text; what needs Windows runs there."""

import os
import sys
import tempfile

import pytest

from ipc_gauntlet.errors import NotVerifiable
from ipc_gauntlet.lab import Lab
from ipc_gauntlet.lab.pipes import Granted, read_security
from ipc_gauntlet.lab.sockets import descriptors_of

if sys.platform == "win32":
    import msvcrt

ME = "S-1-5-21-1-2-3-1000"


@pytest.mark.parametrize(
    ("entries", "makers", "crowds"),
    [
        (f"(A;;0x12019b;;;{ME})(A;;RC;;;OW)", [], []),
        (f"(A;;0x12019f;;;{ME})(A;;FA;;;SY)(A;;GA;;;BA)", [], []),
        ("(A;;0x12019f;;;S-1-5-5-0-4711)", ["S-1-5-5-0-4711 (0x12019f)"], []),
        ("(A;;LC;;;S-1-5-5-0-4711)(A;;DC;;;S-1-5-5-0-4712)", ["S-1-5-5-0-4711 (0x4)"], []),
        ("(A;;FR;;;WD)(D;;FA;;;AN)", [], ["S-1-1-0 (0x120089)"]),
        ("(A;IO;FA;;;WD)", [], []),
        ("(A;;FW;;;DU)", [f"{ME[:-5]}-513 (0x120116)"], [f"{ME[:-5]}-513 (0x120116)"]),
    ],
)
def test_whom_a_descriptor_lets_in(entries: str, makers: list[str], crowds: list[str]) -> None:
    security = read_security(f"O:{ME}D:P{entries}", ME)
    assert [str(one) for one in security.others_who_make_instances()] == makers
    assert [str(one) for one in security.crowds()] == crowds


def test_the_user_500_is_no_other_than_himself() -> None:
    """Windows writes him as LA."""
    administrator = f"{ME[:-5]}-500"
    security = read_security("O:LAD:P(A;;0x12019f;;;LA)", administrator)
    assert security.owner == security.user
    assert security.others_who_make_instances() == []


def test_what_is_granted_is_told() -> None:
    assert str(Granted(0x19B, 0)) == "to a client of this user 0x19b, to somebody else 0x0"
    assert str(Granted(0x19B, None)).endswith("to somebody else cannot be asked here")


@pytest.mark.skipif(sys.platform == "win32", reason="there are pipes here")
def test_without_pipes_nothing_is_claimed(lab: Lab) -> None:
    by_name = (
        *(lab.squat_pipe, lab.squat_pipe_of_others, lab.watch_pipe_security),
        *(lab.opens_from_afar, lab.trap_pipe),
    )
    for ask in by_name:
        with pytest.raises(NotVerifiable, match="no named pipes"):
            ask(lab.pipe_name())
    with pytest.raises(NotVerifiable, match="no named pipes"):
        lab.stranger()


@pytest.mark.skipif(sys.platform != "win32", reason="there are no pipes here")
def test_our_own_pipe_is_ours_alone(lab: Lab) -> None:
    name = lab.pipe_name()
    lab.squat_pipe(name)
    security = lab.watch_pipe_security(name)()
    assert security.entries is not None
    assert {one.who for one in security.entries} == {security.user}
    assert security.granted is not None
    assert security.granted.client & 0x3 == 0x3
    with pytest.raises(OSError, match="cannot open"):
        lab.watch_pipe_security(lab.pipe_name())


@pytest.mark.skipif(sys.platform != "win32", reason="handles are those of Windows")
def test_handles_that_a_program_would_get() -> None:
    """The standard streams are told from others, and what is inherited from what is not."""
    pid = os.getpid()
    with tempfile.TemporaryFile() as file:
        number = msvcrt.get_osfhandle(file.fileno())
        assert _inherited(pid, number) is False
        os.set_handle_inheritable(number, True)
        assert _inherited(pid, number) is True
    assert {one.number for one in descriptors_of(pid)} >= {1, 2}


def _inherited(pid: int, number: int) -> bool:
    (found,) = [one for one in descriptors_of(pid) if one.number == number]
    return found.inherited

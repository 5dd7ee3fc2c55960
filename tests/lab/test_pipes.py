"""Access lists of pipes, as text; what needs Windows runs there."""

import os
import sys
import tempfile

import pytest

from ipc_gauntlet.errors import NotVerifiable
from ipc_gauntlet.lab import Lab
from ipc_gauntlet.lab.pipes import Grant, read_sddl
from ipc_gauntlet.lab.sockets import descriptors_of

if sys.platform == "win32":
    import msvcrt

ME = "S-1-5-21-1-2-3-1000"


@pytest.mark.parametrize(
    ("sddl", "owner", "grants"),
    [
        (f"O:{ME}D:P(A;;GA;;;{ME})", ME, (Grant("A", "GA", ME),)),
        (
            "O:BAD:(A;;0x12019f;;;WD)(D;;FA;;;AN)",
            "BA",
            (Grant("A", "0x12019f", "WD"), Grant("D", "FA", "AN")),
        ),
        (f"O:{ME}D:P", ME, ()),
        (f"O:{ME}", ME, None),
        ("O:SYD:NO_ACCESS_CONTROL", "SY", None),
        ("", "", None),
    ],
)
def test_descriptors(sddl: str, owner: str, grants: tuple[Grant, ...] | None) -> None:
    security = read_sddl(sddl, ME)
    assert (security.owner, security.grants, security.user) == (owner, grants, ME)


@pytest.mark.skipif(sys.platform == "win32", reason="there are pipes here")
def test_without_pipes_nothing_is_claimed(lab: Lab) -> None:
    for ask in (lab.squat_pipe, lab.watch_pipe_security, lab.opens_from_afar, lab.trap_pipe):
        with pytest.raises(NotVerifiable, match="no named pipes"):
            ask(lab.pipe_name())


@pytest.mark.skipif(sys.platform != "win32", reason="there are no pipes here")
def test_our_own_pipe_is_ours_alone(lab: Lab) -> None:
    name = lab.pipe_name()
    lab.squat_pipe(name)
    security = lab.watch_pipe_security(name)()
    assert security.grants is not None
    assert {one.who for one in security.grants} == {security.user}
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

"""Who is on the other side, by the word of the operating system."""

from pathlib import Path

import pytest

from ipc_gauntlet import Lab, Served, Visit, case, checks
from ipc_gauntlet_suites.scripts import told
from ipc_gauntlet_suites.transport.places import works

NOBODY = 65534
OFFER = b"\0\x20" + bytes(32)
SAYINGS = ((b"", ""), (OFFER, "2"))
PRETENCES = {
    "no name": "",
    "a name that says root": ";uid=0;pid=1;",
    "a name that says the user": ";uid={uid};",
}


def _good(lab: Lab) -> Served:
    """An endpoint that works."""
    served = lab.listen()
    works(lab, served)
    return served


def _require_turned_away(lab: Lab, visit: Visit, who: str) -> None:
    seen = str(visit)
    lab.require_that(visit.turned_away, f"{who} to be closed before any answer", seen, "admitted")


@case("XPT-03", transports=("unix",), needs=("place",), role="server", stage="transport")
@pytest.mark.parametrize("pretence", PRETENCES.values(), ids=[name.replace(" ", "-") for name in PRETENCES])
def test_another_user(lab: Lab, pretence: str) -> None:
    """The permissions have been opened by mistake, and another user connects; the address it connects from says what a
    sloppy parser takes for somebody else's credentials. The endpoint must close before a single byte, go on for its own
    user, and say why where it says anything."""
    lab.stage("transport")
    someone = lab.as_nobody()
    served = _good(lab)
    since = served.since()
    bound = ""
    if pretence:
        name = pretence.format(uid=Path(lab.directory).stat().st_uid)
        bound = str(lab.folder(0o777) / name)
    with lab.open_to_all(served):
        visits = lab.visit(
            someone, *(lab.to(served.address, send=said, bind=bound and bound + end) for said, end in SAYINGS)
        )
    for visit in visits:
        _require_turned_away(lab, visit, "another user")
    lab.did(f"connected as user {NOBODY}, from {bound or 'no address'}")
    lab.require_view(served.view(since), checks.not_established("server"), checks.nothing_delivered())
    told(lab, served, since)
    works(lab, served)


@case("XPT-04", transports=("unix",), needs=("place",), role="server", stage="transport")
def test_another_user_with_our_program(lab: Lab) -> None:
    """Another user runs the very program that the endpoint runs, connects, and hands the connection to it by executing it:
    a look at what program a process id belongs to finds a trusted one. The verdict must be that on any other user."""
    lab.stage("transport")
    someone = lab.as_nobody()
    program = lab.program("server")
    served = _good(lab)
    since = served.since()
    if Path(program).exists() and _everybody_may_run(Path(program)):
        with lab.open_to_all(served):
            (visit,) = lab.visit(someone, lab.to(served.address, heir=program, wait=1.0))
        _require_turned_away(lab, visit, "another user's process that became the endpoint's program")
        lab.did(f"connected as user {NOBODY} and executed the endpoint's own program")
    with lab.open_to_all(served):
        (visit,) = lab.visit(someone, lab.to(served.address))
    _require_turned_away(lab, visit, "another user's process with the endpoint's program")
    lab.require_view(served.view(since), checks.not_established("server"), checks.nothing_delivered())
    told(lab, served, since)
    works(lab, served)


def _everybody_may_run(program: Path) -> bool:
    return all(path.stat().st_mode & 0o001 for path in (program, *program.parents))


@case("XPT-04", transports=("unix",), needs=("place",), role="server", stage="transport")
def test_one_process_two_users(lab: Lab) -> None:
    """One process connects as the right user, becomes another one, and connects again: its process id is known by then.
    The second connection must be judged by whose it is now."""
    lab.stage("transport")
    someone = lab.as_nobody()
    served = _good(lab)
    since = served.since()
    with lab.open_to_all(served):
        first, second = lab.visit(lab.to(served.address, wait=0.3), someone, lab.to(served.address))
    lab.did(f"connected, became user {NOBODY}, and connected again from the same process")
    lab.require_control_that(
        first.connected and first.ended == "open", f"the right user was turned away: {first}"
    )
    _require_turned_away(lab, second, "the same process as another user")
    told(lab, served, since)
    works(lab, served)


@case("XPT-05", transports=("unix",), needs=("place",), role="client", stage="transport")
@pytest.mark.parametrize("disguise", ["socket-of-another-user", "socket-that-was-given-to-us"])
def test_squatter(lab: Lab, disguise: str) -> None:
    """Another user's process listens where the client expects its server; the socket file belongs to that user, or to the
    client's own. The client must find out from the operating system, before it has sent a byte."""
    lab.stage("transport")
    someone = lab.as_nobody()
    works(lab)
    folder = lab.folder(0o777)
    path = folder / "endpoint"
    with lab.open_way(path):
        squatter = lab.send_out(someone, {"do": "squat", "path": str(path), "wait": 5.0, "hear": 1.0})
        lab.poll(lambda: squatter.has("listening"))
        lab.require_control_that(
            squatter.is_at("listening"), f"the squatter cannot listen {squatter.last_words()}"
        )
    if disguise == "socket-that-was-given-to-us":
        lab.give(path)
    attempt = lab.begin({"transport": "unix", "path": str(path)}, {})
    over = lab.wait(attempt.is_over)
    lab.did(f"had the client connect to user {NOBODY} ({disguise})")
    lab.require_that(over, "the client to give up", "still waiting", "waited")
    lab.poll(lambda: squatter.has("done"))
    heard = b"".join(visit.received for visit in squatter.visits())
    lab.require_that(not heard, "nothing to be said to the squatter", f"{len(heard)} bytes", "spoke")
    told = [
        one for one in lab.client.observations if one.method == "established" and one.conn == attempt.conn
    ]
    lab.require_that(not told, "no session with the squatter", "established", "established")

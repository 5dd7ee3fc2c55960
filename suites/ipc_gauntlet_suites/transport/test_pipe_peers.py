"""Who is on the other side of a named pipe, by the word of the operating system."""

from ipc_gauntlet import Lab, Visit, case, checks
from ipc_gauntlet_suites.scripts import told
from ipc_gauntlet_suites.transport.places import works

#: The begin of a handshake, so that an endpoint that waits for one has no reason to hesitate.
OFFER = b"\0\x20" + bytes(32)


def _require_turned_away(lab: Lab, visit: Visit, who: str) -> None:
    lab.require_that(visit.turned_away, f"{who} to be closed before any answer", str(visit), "admitted")


@case("XPT-03", transports=("pipe",), role="server", stage="transport")
def test_somebody_without_our_identity(lab: Lab) -> None:
    """Somebody opens the pipe with a token that has nothing of this user's: neither he nor a group of his counts in it,
    only what everybody is. The endpoint must close before a single byte, and go on for its own user. It takes a system that
    lets in nobody whom an access list keeps out."""
    lab.stage("transport")
    visit = lab.stranger()
    served = lab.listen()
    works(lab, served)
    since = served.since()
    for words in (b"", OFFER):
        _require_turned_away(lab, visit(str(served.address["path"]), words), "somebody else")
    lab.did("opened the pipe with a token in which this user does not count")
    lab.require_view(served.view(since), checks.not_established("server"), checks.nothing_delivered())
    told(lab, served, since)
    works(lab, served)


@case("XPT-04", transports=("pipe",), role="server", stage="transport")
def test_one_process_two_identities(lab: Lab) -> None:
    """One process, which is the right user's, opens the pipe as him, and then with a token in which he does not count. Its
    process id is the same. The second connection must be judged by its token."""
    lab.stage("transport")
    visit = lab.stranger()
    served = lab.listen()
    works(lab, served)
    path = str(served.address["path"])
    lab.watch_pipe_security(path)
    since = served.since()
    second = visit(path, OFFER)
    lab.did(
        "opened the pipe as this user, and again from the same process with a token in which he does not count"
    )
    _require_turned_away(lab, second, "the same process as somebody else")
    lab.require_view(served.view(since), checks.not_established("server"), checks.nothing_delivered())
    told(lab, served, since)
    works(lab, served)


@case("XPT-05", transports=("pipe",), role="client", stage="transport")
def test_squatter_at_a_pipe(lab: Lab) -> None:
    """Somebody has the name, and the pipe belongs to him; it lets the client in. The client must find out from the operating
    system whose it is, before it has sent a byte."""
    lab.stage("transport")
    works(lab)
    name = lab.pipe_name()
    heard = lab.squat_pipe_of_others(name)
    attempt = lab.begin({"transport": "pipe", "path": name}, {})
    over = lab.wait(attempt.is_over)
    lab.did("had the client connect to a pipe that lets it in and belongs to others")
    lab.require_that(over, "the client to give up", "still waiting", "waited")
    came = lab.poll(lambda: heard() is not None)
    lab.require_control_that(came, "the client did not come")
    said = heard() or b""
    lab.require_that(not said, "nothing to be said to the squatter", f"{len(said)} bytes", "spoke")
    established = [
        one for one in lab.client.observations if one.method == "established" and one.conn == attempt.conn
    ]
    lab.require_that(not established, "no session with the squatter", "established", "established")

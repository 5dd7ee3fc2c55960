"""Named pipes of Windows: whose name it is, who may open it, and what a server may do in a client's name."""

from ipc_gauntlet import Lab, NotVerifiable, case
from ipc_gauntlet_suites.transport.places import require_refused, works

IDENTIFICATION = 1
#: FILE_READ_DATA and FILE_WRITE_DATA, which a client needs; FILE_CREATE_PIPE_INSTANCE, which nobody needs but the server.
READ_AND_WRITE, MAKE_INSTANCES = 0x3, 0x4


@case("XPT-08", transports=("pipe",), needs=("place",), role="server", stage="transport")
def test_name_that_is_taken(lab: Lab) -> None:
    """Somebody has a pipe of that name already. The endpoint must not join it as a further instance: clients would be
    shared between the two."""
    lab.stage("transport")
    free = lab.pipe_name()
    works(lab, lab.listen(file=free))
    name = lab.pipe_name()
    lab.squat_pipe(name)
    answer = lab.try_listen(file=name)
    lab.did("had it listen under a name that somebody else has")
    require_refused(lab, answer, "a name that is taken")


@case("XPT-08", transports=("pipe",), role="server", stage="transport")
def test_nobody_else_may_make_instances(lab: Lab) -> None:
    """The access list of the pipe lets no client make further instances of the name, also none of the same user; the
    operating system itself is asked what it grants to one. An endpoint that takes a client and has to allow itself the next
    instance for that moment has to take it back."""
    lab.stage("transport")
    served = lab.listen()
    works(lab, served)
    read = lab.watch_pipe_security(str(served.address["path"]))

    def who() -> list[str]:
        now = read()
        found = [str(one) for one in now.others_who_make_instances()]
        if now.granted is not None and now.granted.client & MAKE_INSTANCES:
            found.append(f"a client of this user (0x{now.granted.client:x})")
        return found

    lab.require_that(read().entries is not None, "an access list", "none", "open")
    settled = lab.poll(lambda: not who())
    lab.did(f"read its access list: {read().sddl}")
    lab.did(f"asked the operating system what it grants: {read().granted or 'no answer'}")
    shown = ", ".join(who()) or "they had it all the time before"
    lab.require_that(settled, "no right to make instances for clients and others", shown, "shared")


@case("XPT-09", transports=("pipe",), role="server", stage="transport")
def test_access_list(lab: Lab) -> None:
    """The pipe has an access list of its own, with nobody in it who stands for a crowd: not everyone, anonymous, remote,
    interactive or authenticated users. What a pipe has without one lets everybody read. The operating system itself is asked
    what it grants: to a client of this user to read and to write, to somebody who is only what everybody is nothing."""
    lab.stage("transport")
    served = lab.listen()
    works(lab, served)
    security = lab.watch_pipe_security(str(served.address["path"]))()
    lab.did(f"read its access list: {security.sddl}")
    lab.require_that(security.entries is not None, "an access list", security.sddl or "nothing", "open")
    crowd = ", ".join(str(one) for one in security.crowds())
    lab.require_that(not crowd, "nobody who stands for a crowd", crowd, "open")
    lab.require_that(bool(security.entries), "somebody who may open it", security.sddl, "open")
    if security.granted is None:
        raise NotVerifiable("this system does not say what the descriptor of the pipe grants")
    lab.did(f"asked the operating system what it grants: {security.granted}")
    client, stranger = security.granted.client, security.granted.stranger
    lab.require_control_that(
        client & READ_AND_WRITE == READ_AND_WRITE, f"a client of this user is granted 0x{client:x} only"
    )
    lab.require_that(not stranger, "nothing for somebody else", f"0x{stranger or 0:x}", "open")


@case("XPT-09", transports=("pipe",), role="server", stage="transport")
def test_clients_of_other_machines(lab: Lab) -> None:
    """Somebody opens the pipe by the name that this machine has in the network, which makes it a client of another machine
    to Windows. Another pipe can be opened in that way, this one cannot."""
    lab.stage("transport")
    served = lab.listen()
    works(lab, served)
    reached = lab.opens_from_afar(str(served.address["path"]))
    lab.did("opened it by the name of this machine")
    lab.require_that(not reached, "clients of other machines to be rejected", "opened", "remote")


@case("XPT-10", transports=("pipe",), role="client", stage="transport")
def test_what_the_server_may_do_in_its_name(lab: Lab) -> None:
    """A server that nobody knows answers under the name. It may learn who the client is, and not act in its name."""
    lab.stage("transport")
    works(lab)
    name = lab.pipe_name()
    level = lab.trap_pipe(name)
    found: list[int] = []

    def caught() -> bool:
        now = level()
        if now is not None:
            found.append(now)
        return bool(found)

    lab.begin({"transport": "pipe", "path": name}, {})
    lab.poll(caught)
    lab.did("had the client connect to a server of ours")
    lab.require_control_that(bool(found), "the client said nothing")
    lab.require_that(
        found[0] <= IDENTIFICATION, "identification at most", f"level {found[0]}", "impersonated"
    )

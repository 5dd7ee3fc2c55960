"""Named pipes of Windows: whose name it is, who may open it, and what a server may do in a client's name."""

from ipc_gauntlet import Lab, case
from ipc_gauntlet_suites.transport.places import require_refused, works

#: What everybody is, in one way or another: everyone, anonymous, remote, interactive and authenticated users, guests, users.
CROWDS = frozenset(
    ("WD", "AN", "NU", "IU", "AU", "BG", "BU", "S-1-1-0", "S-1-5-7", "S-1-5-2", "S-1-5-4", "S-1-5-11")
)
#: The operating system and its administrators, who can do everything anyway.
ABOVE = frozenset(("SY", "BA", "OW", "S-1-5-18", "S-1-5-32-544"))
IDENTIFICATION = 1


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
    """The access list of the pipe lets nobody but its own user make further instances of the name. An endpoint that
    takes a client and has to allow itself the next instance for that moment has to take it back."""
    lab.stage("transport")
    served = lab.listen()
    works(lab, served)
    read = lab.watch_pipe_security(str(served.address["path"]))

    def others() -> list[str]:
        return [
            f"{one.who} ({one.rights})"
            for one in read().grants or ()
            if one.kind == "A" and one.who not in {read().user, *ABOVE} and _may_make(one.rights)
        ]

    lab.require_that(read().grants is not None, "an access list", "none", "open")
    settled = lab.poll(lambda: not others())
    lab.did(f"read its access list: {read().sddl}")
    shown = ", ".join(others()) or "they had it all the time before"
    lab.require_that(settled, "no right to make instances for others", shown, "shared")


def _may_make(rights: str) -> bool:
    """Whether rights include FILE_CREATE_PIPE_INSTANCE, which is the bit of FILE_APPEND_DATA."""
    if rights.startswith("0x"):
        return bool(int(rights, 16) & (0x4 | 0x10000000 | 0x40000000))
    return any(right in rights for right in ("GA", "GW", "FA", "FW", "DC"))


@case("XPT-09", transports=("pipe",), role="server", stage="transport")
def test_access_list(lab: Lab) -> None:
    """The pipe has an access list of its own, with nobody in it who stands for a crowd: not everyone, anonymous, remote,
    interactive or authenticated users. What a pipe has without one lets everybody read."""
    lab.stage("transport")
    served = lab.listen()
    works(lab, served)
    security = lab.watch_pipe_security(str(served.address["path"]))()
    lab.did(f"read its access list: {security.sddl}")
    lab.require_that(security.grants is not None, "an access list", security.sddl or "nothing", "open")
    crowd = [one.who for one in security.grants or () if one.kind == "A" and one.who in CROWDS]
    lab.require_that(not crowd, "nobody who stands for a crowd", f"{crowd}", "open")
    lab.require_that(bool(security.grants), "somebody who may open it", security.sddl, "open")


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

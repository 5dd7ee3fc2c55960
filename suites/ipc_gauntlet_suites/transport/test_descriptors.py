"""Descriptors: what a program that is started would get, and what strangers can push into a process."""

import pytest

from ipc_gauntlet import Lab, Role, case
from ipc_gauntlet_suites.scripts import told
from ipc_gauntlet_suites.transport.places import works

BOTH: tuple[Role, ...] = ("client", "server")
MANY = 200


@case("XPT-07", role="both", stage="established")
def test_nothing_is_inherited(lab: Lab) -> None:
    """While a session lives, no descriptor of either program but its standard streams would be handed on to a program
    that it executes: neither sockets nor stores nor anything else."""
    lab.stage("established")
    session = lab.session()
    session.open()
    session.exchange("c2s", 1)
    session.settle_delivery("c2s")
    lab.require_control_that(session.knows_server(), "no session came about")
    for role in BOTH:
        leaking = [one for one in lab.descriptors(role) if one.inherited and one.number > 2]
        shown = ", ".join(f"{one.number} ({one.target})" for one in leaking)
        lab.require_that(not leaking, f"close-on-exec on every descriptor of the {role}", shown, "inherited")
    lab.did("looked at the descriptors of both programs")
    session.finish()


@case("XPT-07", transports=("unix",), role="server", stage="transport")
@pytest.mark.parametrize("count", [1, MANY])
def test_descriptors_from_a_client(lab: Lab, count: int) -> None:
    """A client sends descriptors along with its bytes, which nobody asked for. None of them may stay open at the server,
    during or after the connection, and the server must stay usable."""
    lab.stage("transport")
    served = lab.listen()
    works(lab, served)
    lab.poll(lambda: _null(lab) == 0)
    before, since = _null(lab), served.since()
    visitor = lab.send_out(lab.to(served.address, send=b"\0\x20" + bytes(32), descriptors=count, wait=0.5))
    worst = 0
    while not visitor.has("done"):
        worst = max(worst, _null(lab) - before)
        lab.pause(0.02)
    lab.did(f"sent {count} descriptors")
    lab.require_control_that(
        any(visit.connected for visit in visitor.visits()), "the client could not connect"
    )
    lab.poll(lambda: _null(lab) <= before)
    left = _null(lab) - before
    lab.require_that(left <= 0, "no descriptor of the client left", f"{left} left", "leak")
    lab.require_that(worst <= 0, "no descriptor of the client taken", f"{worst} held for a while", "held")
    told(lab, served, since)
    works(lab, served)


def _null(lab: Lab) -> int:
    """How often the null device, which is what the client sends, is open at the server."""
    return sum(one.target == "/dev/null" and one.number > 2 for one in lab.descriptors("server"))

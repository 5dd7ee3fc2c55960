"""Sessions in which a case itself speaks SIPC/1 to one implementation under test."""

from ipc_gauntlet import EndView, Inconclusive, Lab, Quirks, Role, WirePeer

PLAIN = Quirks()


def wired(lab: Lab, role: Role, quirks: Quirks = PLAIN, *, virtual: bool = False) -> WirePeer:
    """A session with the implementation under test in a role, established on both sides.

    Args:
        lab: The case's lab.
        role: The role of the implementation under test.
        quirks: How the case's own side breaks the rules.
        virtual: Whether the implementation's timers go by virtual time.

    Raises:
        Inconclusive: It was not established.
    """
    lab.judge(role)
    options = {"clock": "virtual"} if virtual else {}
    if role == "server":
        peer = lab.wire_client(lab.listen(options=options), quirks=quirks)
    else:
        peer = lab.wire_server(quirks=quirks)
        lab.attempt_to(peer, options=options)
    if not peer.handshake():
        raise Inconclusive(f"no session with the {role} under test")
    lab.iut_conn(peer)
    lab.stage("established")
    return peer


def over(lab: Lab, peer: WirePeer, *, must: bool = False) -> EndView:
    """Wait until the implementation under test has ended the session or nothing moves any more, and look.

    Args:
        lab: The case's lab.
        peer: The case's own side.
        must: Whether it has to end: then a short silence on a busy machine says nothing.
    """
    if peer.settle(patient=must) is not None:
        lab.wait(lambda: bool(lab.iut_view(peer).endings or lab.iut_view(peer).refusals))
    return lab.iut_view(peer)


def require_refused(lab: Lab, peer: WirePeer, delivered: tuple[bytes, ...] = ()) -> None:
    """Demand that the session was ended over what was last sent, as an error, and that nothing else was delivered.

    Args:
        lab: The case's lab.
        peer: The case's own side.
        delivered: What had rightly been delivered before.
    """
    view = over(lab, peer, must=True)
    lab.require_that(
        view.delivered == delivered,
        f"nothing delivered but the {len(delivered)} message(s) before",
        f"{len(view.delivered)} message(s) delivered",
        "delivered",
    )
    ending = view.ending
    lab.require_that(ending is not None, "the session ended over it", "it went on", "not-ended")
    how = ending.how if ending is not None else ""
    lab.require_that(how != "clean", "no regular end", "the end was called clean", "clean-end")

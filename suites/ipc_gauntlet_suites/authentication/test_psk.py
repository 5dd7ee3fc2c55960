"""Pre-shared keys: failures that look alike, keys that are no keys, and talking to oneself."""

import pytest

from ipc_gauntlet import Deployment, Flip, Lab, Outcome, RawPeer, Selector, Session, case, checks
from ipc_gauntlet_suites.scripts import numbered, try_to_talk

RUNS = 3


def _shape(session: Session) -> tuple[object, ...]:
    """What the client side of the wire could see of a failure: lengths, readable text, and how it ended."""
    link = session.the_link()
    answers = link.recording("s2c")
    text = tuple(answer if answer.strip(b"\0").isascii() else b"" for answer in answers)
    return (tuple(len(answer) for answer in answers), text, link.ended("s2c") is not None)


@case("AUTH-06", credentials=("psk",), role="server")
def test_failures_look_alike(lab: Lab) -> None:
    """A wrong key, an unknown key identity and a malformed proof must be refused with the same outward behaviour,
    or an attacker learns which identities exist."""
    lab.control(numbered("c2s", 2), checks.delivered_all("c2s"))
    issuer = lab.psk
    right = issuer.key()
    flip = Flip(at=Selector(direction="c2s", nth=0, since_mark=False), offset=-1, mask=0x01)
    wrong = issuer.key("somebody", "else")
    variants: dict[str, tuple[Deployment, tuple[Flip, ...]]] = {
        "wrong key": (issuer.untrusted("client"), ()),
        "unknown identity and wrong key": (issuer.with_keys(wrong, right, client_id="psk-nobody"), ()),
        "malformed proof": (issuer.good(), (flip,)),
    }
    if lab.facts.credential.get("ids", True):
        variants["unknown identity"] = (issuer.with_keys(right, right, client_id="psk-nobody-knows"), ())
    seen: dict[tuple[object, ...], list[str]] = {}
    for _ in range(RUNS):
        for name, (deployment, faults) in variants.items():
            session = lab.session(deployment=deployment, faults=faults)
            try_to_talk(session)
            session.settle_wire_end("s2c")
            outcome = session.finish()
            lab.record(session, f"connected with: {name}")
            lab.require(outcome, checks.not_established("server"), checks.nothing_delivered())
            names = seen.setdefault(_shape(session), [])
            if name not in names:
                names.append(name)
    told = "; ".join(f"{', '.join(names)} -> {shape[0]} bytes" for shape, names in seen.items())
    lab.require_that(len(seen) == 1, "one outward behaviour for every cause", told, "distinguishable")


@case("AUTH-06", credentials=("psk",))
@pytest.mark.parametrize("kind", ["short", "long", "zero", "empty"])
def test_bad_key_refused(lab: Lab, kind: str) -> None:
    """A pre-shared key that is not 32 bytes, or all zero, must be refused when it is provisioned, on both sides."""
    lab.control(numbered("c2s", 2), checks.delivered_all("c2s"))
    good = lab.psk.key()
    key = {"short": good[:16], "long": good + b"!", "zero": bytes(32), "empty": b""}[kind]
    weak = lab.psk.with_keys(key, key)
    outcome = lab.attack(try_to_talk, deployment=weak, what=f"both sides are given the same {kind} key")
    lab.require(
        outcome,
        checks.not_established("client"),
        checks.not_established("server"),
        checks.nothing_delivered(),
    )


@case("AUTH-07", credentials=("psk",), role="client")
def test_selfie(lab: Lab) -> None:
    """The adversary connects a client to its own program's listener, which holds the same key. No session may come
    of it: the peer it wants is somebody else."""
    lab.control(numbered("c2s", 2), checks.delivered_all("c2s"))
    mirror = lab.psk.selfie()
    served = lab.listen(mirror, role="client")
    intended = lab.issuer.good()
    outcome = lab.attack(
        try_to_talk,
        served=served,
        deployment=intended,
        what="the client was connected to its own program's listener",
    )
    lab.require(
        outcome,
        checks.not_established("client"),
        checks.not_established("server"),
        checks.nothing_delivered(),
    )


@case("AUTH-07", role="client")
def test_echoed_bytes(lab: Lab) -> None:
    """The adversary sends every byte of the client straight back. The client must not mistake its own handshake for
    its peer's."""
    lab.control(numbered("c2s", 2), checks.delivered_all("c2s"))
    mirror = RawPeer.listen(lab.reactor, lab.transport, lab.directory)
    lab.own(mirror.close)
    mirror.on_bytes = mirror.write
    session = lab.session(upstream=mirror.address)
    try_to_talk(session)
    outcome: Outcome = session.finish()
    lab.record(session, "every byte of the client was sent back to it")
    lab.require(outcome, checks.not_established("client"), checks.nothing_delivered())

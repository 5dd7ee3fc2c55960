"""The state machine of a link: black holes, stalls, and ends that come meanwhile."""

from types import SimpleNamespace

import pytest

from ipc_gauntlet.adversary import (
    Drop,
    Selector,
    Stall,
)
from ipc_gauntlet.adversary.actions import Abort, Close, Finish, Pause, Resume, Send


@pytest.mark.parametrize("kind", ["fin", "reset"])
def test_a_black_hole_swallows_frames_and_the_end(scene: type, plain: SimpleNamespace, kind: str) -> None:
    """The receiver sees nothing, not even that the sender left."""
    one = scene(plain, Stall("c2s", after=Selector("c2s", 0)))
    frames = one.say("c2s", b"a", b"b")
    one.end("c2s", kind)
    assert one.actions == [Send("server", frames[0])]
    assert one.fired() == [0]
    assert one.core.firings[0].frame_index == 0


def test_a_black_hole_from_the_start(scene: type, plain: SimpleNamespace) -> None:
    """Without a frame to wait for, both directions are silent at once."""
    one = scene(plain, Stall("both"), mark=False)
    one.say("c2s", b"a")
    one.say("s2c", b"b")
    assert one.actions == []
    assert one.fired() == [0, 0]


def test_resuming_a_black_hole_loses_what_it_swallowed(scene: type, plain: SimpleNamespace) -> None:
    """Later frames pass; an end that was swallowed is shown."""
    one = scene(plain, Stall("c2s"))
    one.say("c2s", b"a")
    one.do(one.core.resume("both", one.now))
    later = one.say("c2s", b"b")
    assert one.to("server") == later
    again = scene(plain, Stall("c2s"))
    again.end("c2s")
    again.do(again.core.resume("c2s", again.now))
    assert again.others() == [Finish("server")]


def test_a_stall_without_reading_keeps_what_came(scene: type, plain: SimpleNamespace) -> None:
    """The sender is not read from; what was in the same chunk is kept, and acted upon when it goes on."""
    one = scene(plain, Stall("c2s", after=Selector("c2s", 0), reading=False), Drop(Selector("c2s", 1)))
    frames = [plain.wrap(body) for body in (b"a", b"b", b"c")]
    one.hear("c2s", b"".join(frames))
    assert one.actions == [Send("server", frames[0]), Pause("client")]
    one.do(one.core.resume("c2s", one.now))
    assert one.actions[2:] == [Resume("client"), Send("server", frames[2])]
    assert one.fired() == [0, 1]


def test_an_end_behind_a_stall_without_reading_waits(scene: type, plain: SimpleNamespace) -> None:
    """The end comes behind what was kept."""
    one = scene(plain, Stall("c2s", reading=False))
    frames = one.say("c2s", b"a")
    one.end("c2s")
    one.end("s2c")
    assert one.actions == [Finish("client")]
    one.do(one.core.resume("c2s", one.now))
    assert one.actions[1:] == [Resume("client"), Send("server", frames[0]), Finish("server"), Close()]


def test_stalling_twice_fires_once(scene: type, plain: SimpleNamespace) -> None:
    """A stall on top of a stall changes nothing."""
    one = scene(plain, Stall("c2s"))
    one.do(one.core.stall("c2s", one.now, reading=False))
    assert one.fired() == [0]
    assert one.actions == []


def test_stall_resume_cut_and_inject_by_hand(scene: type, plain: SimpleNamespace) -> None:
    """What a case does by hand is recorded like faults, under the number -1."""
    one = scene(plain)
    one.do(one.core.stall("c2s", one.now, reading=True))
    one.say("c2s", b"swallowed")
    one.do(one.core.inject("c2s", b"forged", one.now))
    one.do(one.core.resume("both", one.now))
    one.do(one.core.cut("reset", one.now))
    assert one.actions == [Send("server", b"forged"), Abort("server"), Abort("client"), Close()]
    assert one.fired() == [-1, -1, -1]
    assert (
        one.core.firings[1].describe()
        == "by hand: link 0 c2s: injected 6 bytes, byte 0: nothing -> 666f72676564"
    )


def test_injecting_into_a_direction_that_has_ended_does_not_fire(scene: type, plain: SimpleNamespace) -> None:
    """Nothing leaves, so nothing is claimed."""
    one = scene(plain)
    one.end("c2s")
    one.do(one.core.inject("c2s", b"late", one.now))
    assert one.to("server") == []
    assert one.fired() == []
    assert "c2s: not injected by hand, the direction has ended" in one.core.capture.remarks()


def test_cutting_a_stalled_direction_reads_again(scene: type, plain: SimpleNamespace) -> None:
    """What was kept is not delivered; the sender is read, so that it can end."""
    one = scene(plain, Stall("c2s", reading=False))
    one.say("c2s", b"kept")
    one.do(one.core.cut("fin", one.now))
    assert one.actions == [Resume("client"), Finish("server"), Finish("client")]
    assert "not forwarded: the link is cut" in str(one.core.capture.lines()[2])


def test_a_receiver_that_is_gone(scene: type, plain: SimpleNamespace) -> None:
    """Nothing more is written to it; what it said before it went is forwarded, and then everything is closed."""
    one = scene(plain, Drop(Selector("c2s", 0)))
    one.do(one.core.broken("server", one.now))
    one.say("c2s", b"lost")
    answers = one.say("s2c", b"alert")
    one.end("s2c")
    assert one.actions == [Send("client", answers[0]), Finish("client"), Close()]
    assert one.fired() == []


def test_a_receiver_that_goes_while_its_sender_is_not_read(scene: type, plain: SimpleNamespace) -> None:
    """The sender is read again, or it would never learn of anything."""
    one = scene(plain, Stall("c2s", reading=False))
    one.do(one.core.broken("server", one.now))
    assert one.actions == [Resume("client")]


def test_both_sides_reset_closes(scene: type, plain: SimpleNamespace) -> None:
    """A reset by one side leaves nothing to wait for once it is passed on."""
    one = scene(plain)
    one.end("s2c", "reset")
    assert one.others() == [Abort("client"), Close()]


def test_a_cut_link_closes_when_both_sides_have_ended(scene: type, plain: SimpleNamespace) -> None:
    """Until then their last words are captured."""
    one = scene(plain)
    one.do(one.core.cut("fin", one.now))
    one.end("c2s")
    assert Close() not in one.actions
    one.end("s2c")
    assert one.actions[-1] == Close()
    assert one.actions.count(Close()) == 1


def test_a_link_whose_server_was_taken_over_moves_nothing(scene: type, plain: SimpleNamespace) -> None:
    """The old client stays connected, and talks to nobody."""
    one = scene(plain)
    one.do(one.core.detach(one.now))
    one.say("c2s", b"anybody there?")
    assert one.actions == []
    one.end("c2s")
    assert one.actions == [Close()]

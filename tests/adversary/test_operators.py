"""Every operator in every framing: what the receiver gets, and what is recorded."""

from collections.abc import Callable
from types import SimpleNamespace

import msgspec
import pytest

from ipc_gauntlet.adversary import (
    Cut,
    Delay,
    Drop,
    Duplicate,
    Edit,
    Fault,
    Flip,
    Hold,
    Inject,
    Recorded,
    Reflect,
    Replace,
    Selector,
    Swap,
    reframe,
)
from ipc_gauntlet.adversary.actions import Abort, Finish
from ipc_gauntlet.adversary.core import CoreSetup, LinkCore
from ipc_gauntlet.adversary.frames import Frame

AT = Selector("c2s", 1)
Expected = Callable[[SimpleNamespace, list[bytes]], list[bytes]]


def flipped(frame: bytes, at: int, mask: int) -> bytes:
    return frame[:at] + bytes((frame[at] ^ mask,)) + frame[at + 1 :]


TABLE: dict[str, tuple[Fault, Expected]] = {
    "flip in the body": (Flip(AT, 2, 0x80), lambda t, f: [f[0], flipped(f[1], t.header + 2, 0x80), *f[2:]]),
    "flip from the end": (Flip(AT, -1), lambda t, f: [f[0], flipped(f[1], len(f[1]) - 1, 1), *f[2:]]),
    "flip in the header": (Flip(AT, 0, 4, header=True), lambda t, f: [f[0], flipped(f[1], 0, 4), *f[2:]]),
    "flip beyond the end is clamped": (
        Flip(AT, 9999),
        lambda t, f: [f[0], flipped(f[1], len(f[1]) - 1, 1), *f[2:]],
    ),
    "drop": (Drop(AT), lambda t, f: [f[0], *f[2:]]),
    "drop two": (Drop(AT, count=2), lambda t, f: [f[0], *f[3:]]),
    "duplicate": (Duplicate(AT), lambda t, f: [f[0], f[1], f[1], *f[2:]]),
    "duplicate thrice": (Duplicate(AT, copies=3), lambda t, f: [f[0], *[f[1]] * 4, *f[2:]]),
    "duplicate later": (Duplicate(AT, delay_frames=2), lambda t, f: [*f[:4], f[1], *f[4:]]),
    "swap": (Swap(AT), lambda t, f: [f[0], f[2], f[1], *f[3:]]),
    "delay": (Delay(AT, frames=3), lambda t, f: [f[0], *f[2:5], f[1], *f[5:]]),
    "hold": (Hold(AT), lambda t, f: [f[0], *f[2:]]),
    "inject before": (Inject(AT, b"\x00\x01"), lambda t, f: [f[0], b"\x00\x01", *f[1:]]),
    "inject behind": (Inject(AT, b"\x00\x01", before=False), lambda t, f: [*f[:2], b"\x00\x01", *f[2:]]),
    "inject framed": (
        Inject(AT, b"forged-body-forged", framed=True),
        lambda t, f: [f[0], f[1][: t.header - 1] + b"\x12" + b"forged-body-forged", *f[1:]],
    ),
    "replace": (Replace(AT, b"other"), lambda t, f: [f[0], b"other", *f[2:]]),
    "replace framed": (
        Replace(AT, b"other", framed=True),
        lambda t, f: [f[0], f[1][: t.header - 1] + b"\x05" + b"other", *f[2:]],
    ),
    "edit shortens and corrects the length": (
        Edit(AT, append=True, delete=3),
        lambda t, f: [
            f[0],
            f[1][: t.header - 1] + bytes((f[1][t.header - 1] - 3,)) + f[1][t.header : -3],
            *f[2:],
        ],
    ),
    "edit shortens and leaves the length": (
        Edit(AT, append=True, delete=3, fix_length=False),
        lambda t, f: [f[0], f[1][:-3], *f[2:]],
    ),
    "edit extends": (
        Edit(AT, append=True, insert=b"++"),
        lambda t, f: [
            f[0],
            f[1][: t.header - 1] + bytes((f[1][t.header - 1] + 2,)) + f[1][t.header :] + b"++",
            *f[2:],
        ],
    ),
    "edit overwrites": (
        Edit(AT, 1, delete=2, insert=b"##"),
        lambda t, f: [f[0], f[1][: t.header + 1] + b"##" + f[1][t.header + 3 :], *f[2:]],
    ),
    "reflect": (Reflect(AT), lambda t, f: f),
    "reflect instead": (Reflect(AT, instead=True), lambda t, f: [f[0], *f[2:]]),
    "cut before": (Cut(AT), lambda t, f: f[:1]),
    "cut after": (Cut(AT, after=True), lambda t, f: f[:2]),
    "cut inside": (Cut(AT, inside=3), lambda t, f: [f[0], f[1][:3]]),
    "cut inside, from the end": (Cut(AT, inside=-1), lambda t, f: [f[0], f[1][:-1]]),
    "cut inside is clamped": (Cut(AT, inside=9999), lambda t, f: [f[0], f[1][:-1]]),
}


@pytest.mark.parametrize("direction", ["c2s", "s2c"])
@pytest.mark.parametrize("name", TABLE)
def test_what_the_receiver_gets(scene: type, talk: SimpleNamespace, name: str, direction: str) -> None:
    """In every framing and both directions, exactly the change that the fault describes, and nothing else."""
    fault, expected = TABLE[name]
    fault = msgspec.structs.replace(fault, at=Selector(direction, 1))  # type: ignore[arg-type]
    one = scene(talk, fault)
    frames = one.say(direction, *(b"message-%d" % n for n in range(6)))
    receiver, sender = ("server", "client") if direction == "c2s" else ("client", "server")
    assert one.to(receiver) == expected(talk, frames)
    assert one.to(sender) == ([frames[1]] if isinstance(fault, Reflect) else [])
    assert set(one.fired()) == {0}
    assert {firing.direction for firing in one.core.firings} == {direction}
    assert {firing.label for firing in one.core.firings} == {talk.label}


@pytest.mark.parametrize("name", TABLE)
def test_the_other_direction_is_left_alone(scene: type, talk: SimpleNamespace, name: str) -> None:
    """A fault of one direction does nothing to the same frame of the other."""
    one = scene(talk, TABLE[name][0])
    frames = one.say("s2c", b"a-message", b"b-message", b"c-message")
    assert one.to("client") == frames
    assert one.to("server") == []
    assert one.fired() == []


def test_a_flip_is_recorded_exactly(scene: type, plain: SimpleNamespace) -> None:
    """The record names the frame, the byte, and its values before and after."""
    one = scene(plain, Flip(Selector("c2s", 1), 2, 0x81))
    one.say("c2s", b"first", b"second")
    (firing,) = one.core.firings
    assert (firing.fault_index, firing.frame_index, firing.label) == (0, 1, "frame")
    assert (firing.offset, firing.old, firing.new) == (6, b"c", bytes((ord("c") ^ 0x81,)))
    assert firing.at == one.now
    assert firing.describe() == "fault 0: link 0 c2s #1 (frame): flipped, byte 6: 63 -> e2"


def test_an_edit_is_recorded_exactly(scene: type, plain: SimpleNamespace) -> None:
    """The record has what was removed and what came instead."""
    one = scene(plain, Edit(Selector("c2s", 0), 1, delete=2, insert=b"XYZ"))
    one.say("c2s", b"first")
    (firing,) = one.core.firings
    assert (firing.offset, firing.old, firing.new) == (5, b"ir", b"XYZ")
    assert firing.detail == "edited, 9 bytes became 10, length corrected"
    assert one.to("server") == [plain.wrap(b"fXYZst")]


@pytest.mark.parametrize(
    ("fault", "note"),
    [
        (Flip(AT, 9999), "byte 9999 is not in a frame of 13 bytes, took byte 12"),
        (Flip(AT, -9999), "byte -9999 is not in a frame of 13 bytes, took byte 0"),
        (Cut(AT, inside=9999), "byte 9999 is not inside of 13 bytes, took 12"),
        (Cut(AT, inside=-9999), "byte -9999 is not inside of 13 bytes, took 0"),
        (Edit(AT, 9999, insert=b"!"), "byte 9999 is not in a frame of 13 bytes, took byte 13"),
        (Edit(AT, 2, header=True, delete=4), "no length was corrected"),
    ],
)
def test_what_was_not_as_asked_is_noted(scene: type, plain: SimpleNamespace, fault: Fault, note: str) -> None:
    """A clamped position still fires, and the trace says that it was clamped."""
    one = scene(plain, fault)
    one.say("c2s", b"message-0", b"message-1")
    assert one.fired() == [0]
    assert any(note in str(line) for line in one.core.capture.lines())


@pytest.mark.parametrize(
    "fault",
    [
        Replace(AT, b"\x00\x00\x00\x09message-1"),
        Edit(AT, 0, delete=7, insert=b"message"),
        Edit(AT),
        Inject(AT, b""),
        Replace(AT, Recorded(3, AT)),
        Inject(AT, Recorded(3, AT)),
    ],
)
def test_a_fault_that_changes_nothing_has_not_fired(
    scene: type, plain: SimpleNamespace, fault: Fault
) -> None:
    """Identical bytes, no bytes, or bytes that are not there yet are no attack."""
    one = scene(plain, fault)
    frames = one.say("c2s", b"message-0", b"message-1")
    assert one.to("server") == frames
    assert one.fired() == []


def test_flipping_an_empty_chunk_has_not_fired(scene: type, plain: SimpleNamespace) -> None:
    """After an edit took all of a frame there is no byte to flip."""
    everything = Edit(Selector("c2s", 0), 0, header=True, delete=99, fix_length=False)
    one = scene(plain, everything, Flip(Selector("c2s", 0)))
    one.say("c2s", b"x")
    assert one.fired() == [0]
    assert one.to("server") == []


def test_a_length_that_does_not_fit_is_left(scene: type) -> None:
    """A one-byte ZMTP length cannot say 300; the frame goes out inconsistent, and the trace says so."""
    zmtp = SimpleNamespace(
        framer="u16be", prelude={"c2s": [], "s2c": []}, wrap=lambda body: len(body).to_bytes(2) + body
    )
    one = scene(zmtp, Edit(Selector("c2s", 0), append=True, insert=bytes(65536)))
    (frame,) = one.say("c2s", b"x")
    assert one.to("server") == [frame + bytes(65536)]
    assert "cannot say 65537" in str(one.core.capture.lines()[-1])


def test_faults_of_one_frame_act_in_the_order_of_the_schedule(scene: type, plain: SimpleNamespace) -> None:
    """A duplicate of a flipped frame is flipped; a flip behind a drop does nothing."""
    at = Selector("c2s", 0)
    both = scene(plain, Flip(at, 0, 1), Duplicate(at), Inject(at, b"<"), Inject(at, b">", before=False))
    both.say("c2s", b"a")
    assert both.to("server") == [b"<", plain.wrap(b"`"), plain.wrap(b"`"), b">"]
    gone = scene(plain, Drop(at), Flip(at))
    gone.say("c2s", b"a")
    assert gone.fired() == [0]
    assert "flip: an earlier fault took the frame away" in str(gone.core.capture.lines()[-1])
    cut = scene(plain, Cut(at, after=True), Duplicate(at))
    assert cut.say("c2s", b"a") == cut.to("server")
    assert cut.fired() == [0]


def test_cut_ends_both_sides_and_forwards_nothing_more(scene: type, plain: SimpleNamespace) -> None:
    """What both ends still say is captured, and goes nowhere."""
    one = scene(plain, Cut(Selector("c2s", 0), after=True))
    one.say("c2s", b"last", b"lost")
    one.say("s2c", b"lost, too")
    assert one.to("server") == [plain.wrap(b"last")]
    assert one.to("client") == []
    assert one.others() == [Finish("server"), Finish("client")]
    assert [frame.data for frame in one.core.capture.received["s2c"]] == [plain.wrap(b"lost, too")]


@pytest.mark.parametrize(
    ("toward", "how", "actions"),
    [
        ("receiver", "fin", [Finish("server")]),
        ("receiver", "reset", [Abort("server")]),
        ("sender", "fin", [Finish("client")]),
        ("sender", "reset", [Abort("client")]),
        ("both", "reset", [Abort("server"), Abort("client")]),
    ],
)
def test_who_sees_a_cut(
    scene: type, plain: SimpleNamespace, toward: str, how: str, actions: list[object]
) -> None:
    """The end is shown to the sides that were named, with the end that was named."""
    one = scene(plain, Cut(Selector("c2s", 0), how=how, toward=toward))  # type: ignore[arg-type]
    one.say("c2s", b"lost", b"lost, too")
    assert one.to("server") == []
    assert one.others()[: len(actions)] == actions
    assert not [action for action in one.others()[len(actions) :] if isinstance(action, Finish | Abort)]


def test_a_half_close_leaves_the_opposite_direction(scene: type, plain: SimpleNamespace) -> None:
    """A cut toward the receiver only ends one direction."""
    one = scene(plain, Cut(Selector("c2s", 0), toward="receiver"))
    one.say("c2s", b"lost")
    frames = one.say("s2c", b"answer")
    assert one.to("client") == frames
    one.end("s2c")
    assert one.others() == [Finish("server"), Finish("client")]


def test_reflection_needs_an_open_way_back(scene: type, plain: SimpleNamespace) -> None:
    """After the server's end nothing can be sent to the client, so the fault has not fired."""
    one = scene(plain, Reflect(Selector("c2s", 0)))
    one.end("s2c")
    one.say("c2s", b"x")
    assert one.fired() == []
    assert one.to("client") == []


@pytest.mark.parametrize("fault", [Swap(AT), Delay(AT, frames=2)])
def test_a_frame_that_nothing_overtook_was_not_delayed(
    scene: type, plain: SimpleNamespace, fault: Fault
) -> None:
    """When the stream ends first, the frame is delivered in its place, and the fault has not fired."""
    one = scene(plain, fault)
    frames = one.say("c2s", b"a", b"b")
    assert one.to("server") == frames[:1]
    one.end("c2s")
    assert one.to("server") == frames
    assert one.fired() == []
    assert any("was not" in remark for remark in one.core.capture.remarks())


def test_a_delay_cut_short_by_the_end_says_by_how_much(scene: type, plain: SimpleNamespace) -> None:
    """One overtaking frame of three still changed the order."""
    one = scene(plain, Delay(AT, frames=3))
    frames = one.say("c2s", b"a", b"b", b"c")
    one.end("c2s")
    assert one.to("server") == [frames[0], frames[2], frames[1]]
    assert "at the end of the stream (1 of 3)" in one.core.firings[0].detail


def test_a_late_copy_comes_before_the_end(scene: type, plain: SimpleNamespace) -> None:
    """A duplicate whose time has not come is sent in front of the end, and has fired."""
    one = scene(plain, Duplicate(AT, delay_frames=5))
    frames = one.say("c2s", b"a", b"b")
    assert one.fired() == []
    one.end("c2s")
    assert one.to("server") == [*frames, frames[1]]
    assert one.fired() == [0]


def test_held_frames_are_released_in_order(scene: type, plain: SimpleNamespace) -> None:
    """Release sends them, counts what overtook each, and is recorded."""
    one = scene(plain, Hold(Selector("c2s", 0)), Hold(Selector("c2s", 2)))
    frames = one.say("c2s", b"a", b"b", b"c", b"d")
    assert [held.later.data for held in one.core.lanes["c2s"].held] == [frames[0], frames[2]]
    one.do(one.core.release(one.now))
    assert one.to("server") == [frames[1], frames[3], frames[0], frames[2]]
    assert [f.detail for f in one.core.firings][2:] == [
        "released after 3 later frames",
        "released after 1 later frames",
    ]
    one.do(one.core.release(one.now))
    assert len(one.to("server")) == 4


def test_frames_still_held_at_the_end_are_lost_and_noted(scene: type, plain: SimpleNamespace) -> None:
    """The end is not delayed by what is withheld, and a release afterwards sends nothing."""
    one = scene(plain, Hold(Selector("c2s", 0)))
    one.say("c2s", b"a")
    one.end("c2s")
    assert one.others() == [Finish("server")]
    assert "c2s: 1 frame(s) still withheld at the end" in one.core.capture.remarks()
    one.do(one.core.release(one.now))
    assert one.to("server") == []
    assert one.fired() == [0]


def test_a_recorded_frame_is_transplanted(plain: SimpleNamespace) -> None:
    """Data can name a frame of another link, looked up when it is needed."""
    fault = Replace(Selector("c2s", 0, since_mark=False), Recorded(1, AT))
    asked: list[Recorded] = []

    def resolve(recorded: Recorded) -> bytes:
        asked.append(recorded)
        return b"from elsewhere"

    core = LinkCore(CoreSetup(framer="u32be", faults=[(0, fault)], resolve=resolve), 0.0)
    (send,) = core.receive("c2s", plain.wrap(b"own"), 0.0)
    assert send.data == b"from elsewhere"  # type: ignore[union-attr]
    assert asked == [Recorded(1, AT)]


@pytest.mark.parametrize("offset", range(0, 30, 3))
@pytest.mark.parametrize("change", [(0, b"!"), (1, b""), (1, b"??")])
def test_edits_of_an_offer_keep_it_well_formed(
    scene: type, sipc: SimpleNamespace, offset: int, change: tuple[int, bytes]
) -> None:
    """Bytes can come and go in either part of a handshake frame; the length that counts the place follows."""
    neg, message = sipc.offer(), b"m" * 12
    parts = SimpleNamespace(framer="sipc", prelude={"c2s": [], "s2c": []}, wrap=None)
    fault = Edit(Selector("c2s", 0, since_mark=False), offset, change[0], change[1])
    one = scene(parts, fault, mark=False)
    one.hear("c2s", sipc.handshake(neg, message))
    if offset < len(neg):
        expected = sipc.handshake(neg[:offset] + change[1] + neg[offset + change[0] :], message)
    elif offset == len(neg) and change[0] == 0:
        expected = sipc.handshake(neg + change[1], message)
    elif offset >= len(neg) + 2:
        at = offset - len(neg) - 2
        expected = sipc.handshake(neg, message[:at] + change[1] + message[at + change[0] :])
    else:  # in the second length itself: nothing counts it
        raw, at = sipc.handshake(neg, message), offset + 2
        expected = raw[:at] + change[1] + raw[at + change[0] :]
    assert one.to("server") == [expected]


def test_reframe_wraps_like_the_frame(plain: SimpleNamespace) -> None:
    """A forged body gets the header of a genuine frame; without framing there is none."""
    data = plain.wrap(b"genuine")
    frame = Frame("c2s", 0, None, "frame", data, 0.0, len(data), 4, ((0, 4),))
    assert reframe(frame, b"forged") == plain.wrap(b"forged")
    assert reframe(Frame("c2s", 0, None, "chunk", data, 0.0, len(data)), b"forged") == b"forged"

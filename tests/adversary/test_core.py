"""The state machine of a link: numbering, marks, ends, bounds."""

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipc_gauntlet.adversary import (
    Cut,
    Delay,
    Drop,
    Duplicate,
    Fault,
    Flip,
    Hold,
    InjectOnOpen,
    Limits,
    Rechunk,
    Reflect,
    Selector,
    Swap,
)
from ipc_gauntlet.adversary.actions import Abort, Close, Finish, Send
from ipc_gauntlet.adversary.core import CoreSetup, LinkCore
from ipc_gauntlet.adversary.framing.reader import STUCK_S


def test_a_chunk_with_several_frames_is_not_one_frame(scene: type, talk: SimpleNamespace) -> None:
    """A handshake message and the first messages in one read are told apart: only the chosen one is held back."""
    one = scene(talk, Swap(Selector("c2s", 0, label=talk.label, since_mark=False)), mark=False)
    frames = [talk.wrap(b"first"), talk.wrap(b"second"), talk.wrap(b"third")]
    two = LinkCore(one.core._setup, 0.0)
    prelude = talk.prelude["c2s"]
    sent = [action.data for action in two.receive("c2s", b"".join([*prelude, *frames]), 0.0)]  # type: ignore[union-attr]
    assert sent == [*prelude, frames[1], frames[0], frames[2]]


def test_frames_are_numbered_from_the_start_and_from_the_mark(scene: type, talk: SimpleNamespace) -> None:
    """The mark does not restart the index; it adds a second count."""
    one = scene(talk)
    one.say("c2s", b"a", b"b")
    before = len(talk.prelude["c2s"])
    frames = one.core.capture.received["c2s"]
    assert [frame.index for frame in frames] == list(range(before + 2))
    assert [frame.since_mark for frame in frames] == [None] * before + [0, 1]


def test_without_a_mark_nothing_is_since_the_mark(scene: type, plain: SimpleNamespace) -> None:
    """A selector that counts from the mark waits for it."""
    one = scene(plain, Drop(Selector("c2s", 0)), mark=False)
    frames = one.say("c2s", b"a", b"b")
    one.do(one.core.mark(one.now))
    one.say("c2s", b"c")
    assert one.to("server") == frames
    assert one.fired() == [0]


def test_a_frame_incomplete_at_the_mark_is_behind_it(scene: type, plain: SimpleNamespace) -> None:
    """What completes after the mark counts from it."""
    one = scene(plain, Drop(Selector("c2s", 0)), mark=False)
    frame = plain.wrap(b"split")
    one.hear("c2s", frame[:3])
    one.do(one.core.mark(one.now))
    one.hear("c2s", frame[3:])
    assert one.to("server") == []


def test_a_chunk_pending_at_the_mark_is_before_it(scene: type) -> None:
    """Without framing, the mark ends the chunk."""
    opaque = SimpleNamespace(framer="opaque", prelude={"c2s": [], "s2c": []}, wrap=lambda body: body)
    one = scene(opaque, Drop(Selector("c2s", 0)), mark=False)
    one.say("c2s", b"before")
    one.do(one.core.mark(one.now))
    one.say("c2s", b"behind")
    one.wait(1)
    assert one.to("server") == [b"before"]


def test_a_later_mark_replaces_the_first(scene: type, plain: SimpleNamespace) -> None:
    """Selectors that have not matched yet count from the newest mark."""
    one = scene(plain, Drop(Selector("c2s", 1)))
    frames = one.say("c2s", b"a")
    one.do(one.core.mark(one.now))
    frames += one.say("c2s", b"b", b"c")
    assert one.to("server") == frames[:2]


@pytest.mark.parametrize(
    ("selector", "dropped"),
    [
        (Selector("c2s", 0, "record", since_mark=False), 2),
        (Selector("c2s", 1, "record", since_mark=False), 3),
        (Selector("c2s", 1, "record"), 5),
        (Selector("c2s", 1), 5),
        (Selector("c2s", 0, "offer", since_mark=False), 0),
        (Selector("c2s", 0, "handshake", since_mark=False), 1),
        (Selector("c2s", 1, None, since_mark=False), 1),
        (Selector("c2s", 0, "handshake"), None),
    ],
)
def test_selectors_count_by_label(
    scene: type, sipc: SimpleNamespace, selector: Selector, dropped: int | None
) -> None:
    """With a label only frames of this kind are counted, from the start or from the mark."""
    talk = SimpleNamespace(framer="sipc", prelude={"c2s": [], "s2c": []}, wrap=sipc.record)
    one = scene(talk, Drop(selector), mark=False)
    frames = [
        sipc.handshake(sipc.offer(), b"1"),
        sipc.handshake(b"", b"3"),
        sipc.record(b"0"),
        sipc.record(b"1"),
    ]
    for frame in frames:
        one.hear("c2s", frame)
    one.do(one.core.mark(one.now))
    frames += one.say("c2s", b"2", b"3")
    assert one.to("server") == [frame for number, frame in enumerate(frames) if number != dropped]
    assert one.fired() == ([] if dropped is None else [0])


def test_links_do_not_influence_each_other(scene: type, plain: SimpleNamespace) -> None:
    """Two links with the same schedule, interleaved, do what each would do alone."""
    schedule = (Drop(Selector("c2s", 1)), Delay(Selector("s2c", 0), frames=2))
    both = [scene(plain, *schedule), scene(plain, *schedule)]
    for number in range(4):
        for which, one in enumerate(both):
            one.say("c2s", b"c%d-%d" % (number, which))
            one.say("s2c", b"s%d-%d" % (number, which))
    for which, one in enumerate(both):
        assert one.to("server") == [plain.wrap(b"c%d-%d" % (number, which)) for number in (0, 2, 3)]
        assert one.to("client") == [plain.wrap(b"s%d-%d" % (number, which)) for number in (1, 2, 0, 3)]


def test_the_same_input_gives_the_same_actions(scene: type, talk: SimpleNamespace) -> None:
    """Nothing depends on anything but the arguments, random segmentation included."""
    schedule = (Rechunk("both", "random", seed=7), Flip(Selector("c2s", 0), 1), Duplicate(Selector("c2s", 1)))
    runs = []
    for _ in range(2):
        one = scene(talk, *schedule)
        one.say("c2s", b"a" * 50, b"b" * 90)
        one.end("c2s")
        runs.append((one.actions, one.core.firings))
    assert runs[0] == runs[1]


FAULTS: list[Fault] = [
    Flip(Selector("c2s", 1), 1),
    Drop(Selector("c2s", 0), count=2),
    Swap(Selector("c2s", 1)),
    Delay(Selector("c2s", 0), frames=2),
    Duplicate(Selector("c2s", 2), delay_frames=1),
    Reflect(Selector("s2c", 0)),
    Hold(Selector("c2s", 3)),
    Cut(Selector("s2c", 2), inside=2),
    Rechunk("c2s", (3, 1)),
]


@given(
    schedule=st.lists(st.sampled_from(FAULTS), max_size=5),
    says=st.lists(st.tuples(st.sampled_from(["c2s", "s2c"]), st.binary(max_size=8)), max_size=12),
    cuts=st.lists(st.integers(1, 9), max_size=30),
)
def test_segmentation_of_the_input_does_not_change_the_outcome(
    scene: type, plain: SimpleNamespace, schedule: list[Fault], says: list[tuple[str, bytes]], cuts: list[int]
) -> None:
    """Whole frames or shreds of them: both sides get the same bytes, and the same faults fire."""
    whole, shreds = scene(plain, *schedule), scene(plain, *schedule)
    for direction, body in says:
        data = plain.wrap(body)
        whole.hear(direction, data)
        for size in cuts:
            shreds.hear(direction, data[:size])
            data = data[size:]
        shreds.hear(direction, data)
    for side in ("client", "server"):
        assert b"".join(whole.to(side)) == b"".join(shreds.to(side))
    assert whole.fired() == shreds.fired()


@given(
    says=st.lists(st.tuples(st.sampled_from(["c2s", "s2c"]), st.binary(max_size=40)), max_size=12),
    name=st.sampled_from(["sipc", "tls", "u32be", "u16be", "mp", "zmtp", "opaque"]),
)
def test_without_faults_everything_passes_unchanged(
    scene: type, says: list[tuple[str, bytes]], name: str
) -> None:
    """Any bytes, also those that are no frames: what goes in comes out, in order, before the end."""
    talk = SimpleNamespace(framer=name, prelude={"c2s": [], "s2c": []}, wrap=lambda body: body)
    one = scene(talk, mark=False)
    for direction, data in says:
        one.hear(direction, data)
    one.end("c2s")
    one.end("s2c")
    for side, way in (("server", "c2s"), ("client", "s2c")):
        assert b"".join(one.to(side)) == b"".join(data for direction, data in says if direction == way)
    assert one.others() == [Finish("server"), Finish("client"), Close()]


def test_ends_are_passed_on_as_they_came(scene: type, plain: SimpleNamespace) -> None:
    """A regular end is a half close; a reset or an error resets the other side."""
    for kind, action in (("fin", Finish("server")), ("reset", Abort("server")), ("error", Abort("server"))):
        one = scene(plain)
        one.end("c2s", kind)
        assert one.others()[0] == action
        assert one.core.lanes["c2s"].ended == kind


def test_the_bytes_of_an_incomplete_frame_come_before_the_end(scene: type, plain: SimpleNamespace) -> None:
    """A stream that is cut inside a frame by its own sender arrives like that."""
    one = scene(plain)
    one.hear("c2s", b"\x00\x00\x00\x09half")
    one.end("c2s")
    assert one.actions == [Send("server", b"\x00\x00\x00\x09half"), Finish("server")]


def test_no_fault_acts_on_an_incomplete_frame(scene: type, plain: SimpleNamespace) -> None:
    """A frame that stays incomplete passes; its number is spent, so that later frames keep theirs."""
    one = scene(plain, Drop(Selector("c2s", 0)), Flip(Selector("c2s", 1), 0))
    one.hear("c2s", b"\x00\x00\x00\x02h")
    one.wait(STUCK_S)
    one.hear("c2s", b"i" + plain.wrap(b"a"))
    assert one.to("server") == [b"\x00\x00\x00\x02h", b"i", plain.wrap(b"`")]
    assert one.fired() == [1]


def test_a_framer_that_is_lost_is_remarked_once(scene: type) -> None:
    """The trace tells where sync was lost; bytes pass on, chunk by chunk, and selectors without label still match."""
    talk = SimpleNamespace(framer="tls", prelude={"c2s": [], "s2c": []}, wrap=lambda body: body)
    one = scene(talk, Drop(Selector("c2s", 1)))
    for text in (b"GET /", b"second", b"third"):
        one.hear("c2s", text)
        one.wait(0.02)
    assert one.to("server") == [b"GET /", b"third"]
    assert [text for text in one.core.capture.remarks() if "lost sync" in text] == [
        "framer lost sync in c2s: no TLS content type 71"
    ]


def test_inject_on_open_comes_first(scene: type, plain: SimpleNamespace) -> None:
    """Bytes of the adversary precede everything in both directions."""
    one = scene(plain, InjectOnOpen("c2s", b"banner"), InjectOnOpen("s2c", b"220"), mark=False)
    frames = one.say("c2s", b"x")
    assert one.to("server") == [b"banner", *frames]
    assert one.to("client") == [b"220"]
    assert one.fired() == [0, 1]


def test_the_capture_is_bounded(scene: type, plain: SimpleNamespace) -> None:
    """Beyond the limit frames are numbered, acted upon and forwarded, but not kept."""
    one = scene(plain, Flip(Selector("c2s", 50)), limits=Limits(capture=10_000))
    frames = one.say("c2s", *[b"%060d" % number for number in range(100)])
    assert len(one.to("server")) == 100
    assert one.to("server")[51:] == frames[51:]
    assert one.fired() == [0]
    assert not one.core.capture.complete
    assert len(one.core.capture.received["c2s"]) == 10_000 // (64 + 256)
    assert one.core.capture.remarks()[-1] == "capture limit reached, later frames are not kept"


def test_what_was_forwarded_is_captured_too(scene: type, plain: SimpleNamespace) -> None:
    """Both versions of a frame can be looked at, and injected ones have no number."""
    one = scene(plain, Flip(Selector("c2s", 0), 0), Duplicate(Selector("c2s", 1)))
    frames = one.say("c2s", b"a", b"b")
    forwarded = one.core.capture.forwarded["c2s"]
    assert [frame.data for frame in one.core.capture.received["c2s"]] == frames
    assert [(frame.index, frame.data) for frame in forwarded] == [
        (0, plain.wrap(b"`")),
        (1, frames[1]),
        (-1, frames[1]),
    ]


def test_the_trace_is_readable(scene: type, plain: SimpleNamespace) -> None:
    """A line has the time since the opening, the direction, number, kind, length, first bytes, and what was done."""
    one = scene(plain, Flip(Selector("c2s", 0), 0))
    one.say("c2s", b"a" * 20)
    one.say("s2c", b"b")
    one.do(one.core.inject("s2c", b"!", one.now))
    assert [str(line) for line in one.core.capture.lines()] == [
        "     0.00 ms  -- mark",
        f"     1.00 ms  client ──▶ server    #0 frame          24 B  00000014{'61' * 12}  [flipped, byte 4: 61 -> 60]",
        "     2.00 ms  server ──▶ client    #0 frame           5 B  0000000162",
        "     2.00 ms  server ──▶ client     + injected        1 B  21  [injected by hand]",
    ]


def test_nothing_waits_for_time_when_frames_are_complete(scene: type, talk: SimpleNamespace) -> None:
    """A framed conversation needs no timer."""
    one = scene(talk)
    one.say("c2s", b"a")
    assert one.core.deadline() is None


def test_a_core_can_be_made_for_every_framer() -> None:
    """The setup's defaults are those of a relay without faults."""
    core = LinkCore(CoreSetup(), 5.0)
    assert core.open(5.0) == []
    assert core.last_moved == 5.0

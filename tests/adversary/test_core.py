"""The state machine of a link: numbering, marks, ends, stalls, bounds."""

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
    Stall,
    Swap,
)
from ipc_gauntlet.adversary.actions import Abort, Close, Finish, Pause, Resume, Send
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


@pytest.mark.parametrize("sizes", ["bytes", (2, 3), "random"])
def test_rechunking_changes_pieces_only(scene: type, plain: SimpleNamespace, sizes: object) -> None:
    """The bytes are the same; pieces have the lengths that were asked for, and are paced."""
    one = scene(plain, Rechunk("c2s", sizes))  # type: ignore[arg-type]
    frames = one.say("c2s", b"x" * 100, b"y")
    assert b"".join(one.to("server")) == b"".join(frames)
    lengths = [len(piece) for piece in one.to("server")]
    if sizes == "bytes":
        assert set(lengths) == {1}
    elif sizes == "random":
        assert len(lengths) > 3
        assert max(lengths) <= 64
    else:
        assert lengths[:6] == [2, 3, 2, 3, 2, 3]
    assert all(action.paced for action in one.actions if isinstance(action, Send))
    assert one.fired() == [0]


def test_random_pieces_depend_on_seed_and_direction(scene: type, plain: SimpleNamespace) -> None:
    """Another seed, or the other direction, is cut elsewhere."""

    def lengths(seed: int, direction: str, side: str) -> list[int]:
        one = scene(plain, Rechunk("both", "random", seed=seed))
        one.say(direction, b"x" * 5000)
        return [len(piece) for piece in one.to(side)]

    first = lengths(1, "c2s", "server")
    assert first == lengths(1, "c2s", "server")
    assert first != lengths(2, "c2s", "server")
    assert first != lengths(1, "s2c", "client")


def test_rechunking_stops_at_its_limit(scene: type, plain: SimpleNamespace) -> None:
    """Large streams are not cut into bytes for ever."""
    one = scene(plain, Rechunk("c2s", "bytes", limit=10))
    one.say("c2s", b"x" * 20, b"y" * 20)
    assert [len(piece) for piece in one.to("server")] == [1] * 24 + [24]


def test_coalescing_joins_frames_until_it_is_quiet(scene: type, plain: SimpleNamespace) -> None:
    """One write for everything, and a firing only when something was joined."""
    one = scene(plain, Rechunk("c2s", "coalesce"))
    frames = one.say("c2s", b"a", b"b", b"c")
    assert one.actions == []
    deadline = one.core.deadline()
    assert deadline == pytest.approx(one.now + Limits().quiescence_s)
    one.wait(Limits().quiescence_s)
    assert one.to("server") == [b"".join(frames)]
    assert one.fired() == [0]
    alone = scene(plain, Rechunk("c2s", "coalesce"))
    alone.say("c2s", b"a")
    alone.wait(1)
    assert alone.fired() == []


def test_coalescing_is_bounded_and_ends_with_the_stream(scene: type, plain: SimpleNamespace) -> None:
    """Too much is not kept, and the end takes everything with it."""
    one = scene(plain, Rechunk("c2s", "coalesce"), limits=Limits(buffered=30))
    one.say("c2s", b"a" * 20, b"b" * 20)
    assert len(one.to("server")) == 1
    last = one.say("c2s", b"c")
    one.end("c2s")
    assert one.actions[1:] == [Send("server", last[0]), Finish("server")]
    joined = scene(plain, Rechunk("c2s", "coalesce"))
    frames = joined.say("c2s", b"a", b"b")
    joined.end("c2s")
    assert joined.actions == [Send("server", b"".join(frames)), Finish("server")]
    assert joined.fired() == [0]


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

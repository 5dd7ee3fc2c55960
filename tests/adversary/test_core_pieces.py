"""The state machine of a link: pieces of another size, and frames that are joined."""

from types import SimpleNamespace

import pytest

from ipc_gauntlet.adversary import (
    Limits,
    Rechunk,
)
from ipc_gauntlet.adversary.actions import Finish, Send


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

"""The faults an adversary can commit, as data.

A list of faults is a *schedule*. It says everything that will be done to the wire, including the seed of what looks
random, so that it can be printed, stored and played again byte for byte. What a fault does is in `operators`.
"""

from typing import Literal

import msgspec

from ipc_gauntlet.adversary.vocabulary import Direction, Way

How = Literal["fin", "reset"]
Segments = Literal["bytes", "random", "coalesce"] | tuple[int, ...]


class Selector(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Names one frame of a link.

    Args:
        direction: Which direction it travels in.
        nth: Its number among the frames that match, from 0.
        label: Count only frames of this kind; None counts all.
        since_mark: Count from the mark; otherwise from the start of the link.
    """

    direction: Direction
    nth: int = 0
    label: str | None = None
    since_mark: bool = True

    def __post_init__(self) -> None:
        _check(self.nth >= 0, "nth counts from 0")


class Recorded(msgspec.Struct, frozen=True, tag_field="data", tag="recorded", forbid_unknown_fields=True):
    """Bytes that are not known yet: a frame that another link of the same relay has captured.

    Args:
        link: Number of that link.
        at: Which of its frames, counted as that link counts.
    """

    link: int
    at: Selector


Data = bytes | Recorded


class FaultBase(msgspec.Struct, frozen=True, kw_only=True, tag_field="fault", forbid_unknown_fields=True):
    """What all faults have.

    Args:
        link: Number of the relay's connection that is attacked; None attacks every connection.
    """

    link: int | None = 0


class Flip(FaultBase, frozen=True, tag="flip"):
    """Inverts bits of one byte.

    Args:
        at: The frame.
        offset: Which byte, from the start of the frame's body; negative from its end. Clamped to the frame, and noted.
        mask: The bits to invert, 1 to 255.
        header: Count the offset from the start of the header instead.
    """

    at: Selector
    offset: int = 0
    mask: int = 1
    header: bool = False

    def __post_init__(self) -> None:
        _check(0 < self.mask < 256, "mask is between 1 and 255")


class Edit(FaultBase, frozen=True, tag="edit"):
    """Removes bytes from within a frame and puts others in their place; overwrites, shortens, extends.

    Args:
        at: The frame.
        offset: Where, from the start of the frame's body; negative from its end. Clamped to the frame, and noted.
        delete: How many bytes to remove.
        insert: What to put there.
        header: Count the offset from the start of the header instead.
        append: Ignore the offset and work at the frame's end: `delete` last bytes go, `insert` follows.
        fix_length: Correct the length field that counts the place of the change, so that framing survives.
    """

    at: Selector
    offset: int = 0
    delete: int = 0
    insert: bytes = b""
    header: bool = False
    append: bool = False
    fix_length: bool = True

    def __post_init__(self) -> None:
        _check(self.delete >= 0, "delete is a number of bytes")


class Replace(FaultBase, frozen=True, tag="replace"):
    """Sends something else in a frame's place.

    Args:
        at: The frame.
        data: The bytes to send, framing included.
        framed: Wrap the bytes like the frame they replace.
    """

    at: Selector
    data: Data
    framed: bool = False


class Drop(FaultBase, frozen=True, tag="drop"):
    """Removes frames.

    Args:
        at: The first one.
        count: How many matching frames in all.
    """

    at: Selector
    count: int = 1

    def __post_init__(self) -> None:
        _check(self.count >= 1, "count is at least 1")


class Duplicate(FaultBase, frozen=True, tag="duplicate"):
    """Sends a frame again.

    Args:
        at: The frame.
        delay_frames: After how many later frames the copy follows; 0 puts it right behind the original. A stream that
            ends sooner gets the copy at its end.
        copies: How many copies.
    """

    at: Selector
    delay_frames: int = 0
    copies: int = 1

    def __post_init__(self) -> None:
        _check(self.delay_frames >= 0, "delay_frames is not negative")
        _check(self.copies >= 1, "copies is at least 1")


class Swap(FaultBase, frozen=True, tag="swap"):
    """Exchanges a frame with the next one of its direction.

    Args:
        at: The first of the two.
    """

    at: Selector


class Delay(FaultBase, frozen=True, tag="delay"):
    """Lets later frames overtake a frame.

    Args:
        at: The frame.
        frames: By how many frames it is overtaken.
    """

    at: Selector
    frames: int = 1

    def __post_init__(self) -> None:
        _check(self.frames >= 1, "frames is at least 1")


class Hold(FaultBase, frozen=True, tag="hold"):
    """Withholds a frame until `Link.release()`; later ones pass.

    Args:
        at: The frame.
    """

    at: Selector


class Cut(FaultBase, frozen=True, tag="cut"):
    """Ends the connection at a frame. What the ends still say is captured and goes nowhere.

    Args:
        at: The frame; by default the end comes in its place.
        how: `fin` is a regular end of stream. `reset` is an RST on TCP; Unix sockets have none and are closed.
        inside: Let so many bytes of the frame pass, header included; negative: all but so many.
        after: Let the whole frame pass.
        toward: Who sees the end. With `receiver` the opposite direction works on (half close); with `sender` the
            receiver only sees silence.
    """

    at: Selector
    how: How = "fin"
    inside: int | None = None
    after: bool = False
    toward: Literal["both", "receiver", "sender"] = "both"

    def __post_init__(self) -> None:
        _check(self.inside is None or not self.after, "either inside or after")


class Inject(FaultBase, frozen=True, tag="inject"):
    """Sends bytes that nobody sent, before or behind a frame.

    Args:
        at: The frame.
        data: The bytes, framing included.
        before: In front of the frame; otherwise behind it.
        framed: Wrap the bytes like the frame.
    """

    at: Selector
    data: Data
    before: bool = True
    framed: bool = False


class InjectOnOpen(FaultBase, frozen=True, tag="inject-on-open"):
    """Sends bytes in front of everything else.

    Args:
        direction: Toward the server (`c2s`) or toward the client.
        data: The bytes.
    """

    direction: Direction
    data: Data


class Reflect(FaultBase, frozen=True, tag="reflect"):
    """Sends a frame back to its sender.

    Args:
        at: The frame.
        instead: Keep it from its receiver.
    """

    at: Selector
    instead: bool = False


class Rechunk(FaultBase, frozen=True, tag="rechunk"):
    """Changes the segmentation of a stream, not its bytes.

    Args:
        direction: Which stream.
        sizes: `bytes` one byte at a time; `random` pieces of 1 to 64 bytes; `coalesce` joins everything until the stream
            is quiet; or the lengths of the pieces, repeated for ever.
        seed: Seed of `random`.
        limit: Only so many first bytes are cut into pieces, the rest passes as it comes. Bounds the time.
    """

    direction: Way
    sizes: Segments = "bytes"
    seed: int = 0
    limit: int = 65536

    def __post_init__(self) -> None:
        if not isinstance(self.sizes, str):
            msgspec.structs.force_setattr(
                self, "sizes", tuple(self.sizes)
            )  # a list is as good, but not hashable
            _check(bool(self.sizes) and min(self.sizes) > 0, "sizes are lengths of pieces, at least 1")


class Stall(FaultBase, frozen=True, tag="stall"):
    """Stops forwarding while the connection stays open, until `Link.resume()`.

    Args:
        direction: What stops.
        after: Behind which frame; None from the start.
        reading: Go on reading and throw away (a black hole). Otherwise reading stops, so that the sender's own buffers
            fill up; what was read already is kept for later.
    """

    direction: Way
    after: Selector | None = None
    reading: bool = True


class Redirect(FaultBase, frozen=True, tag="redirect"):
    """Connects the client to another server.

    Args:
        address: Its address, as a driver reports it.
    """

    address: dict[str, str | int]


class Takeover(FaultBase, frozen=True, tag="takeover"):
    """Attaches a new client to the server's side of an older link, in the middle of its session.

    The old client keeps its connection, and nothing moves on it any more.

    Args:
        of: Number of the older link. `link` is the new one and cannot be None.
    """

    of: int

    def __post_init__(self) -> None:
        _check(self.link is not None and self.of < self.link, "a link takes over from an earlier one")


FrameFault = Flip | Edit | Replace | Drop | Duplicate | Swap | Delay | Hold | Cut | Inject | Reflect
"""Faults that wait for a frame."""

LinkFault = InjectOnOpen | Rechunk | Stall | Redirect | Takeover
"""Faults that concern a link as a whole."""

Fault = FrameFault | LinkFault


def _check(condition: bool, rule: str) -> None:
    if not condition:
        raise ValueError(rule)

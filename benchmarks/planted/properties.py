"""The planted parser as properties for Hypothesis and HypoFuzz, as their users would write them.

    python -m benchmarks.planted.properties bytes|structured BUG SEED      plain Hypothesis
    hypothesis fuzz --no-dashboard -n 1 -- benchmarks/planted/properties.py -k structured   HypoFuzz

The variable `PLANTED_BUG` names the bug that is looked for, `PLANTED_FOUND` the file that is written when it is found; the
other bugs count as refusals. Needs Hypothesis and the parser, and nothing of this project's harness.
"""

import os
import sys
import zlib
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from benchmarks.planted import parser

_NUMBERS = st.one_of(st.integers(0, 7), st.integers(0, (1 << 32) - 1))
_KINDS = st.sampled_from((parser.HELLO, parser.ACCEPT, parser.DATA, 4, parser.DEBUG))
_FLAGS = st.sampled_from((0, parser.REKEY, parser.LAST))
_TEXT = st.binary(max_size=8)


def _item(tag: int, value: bytes) -> bytes:
    return bytes((tag,)) + len(value).to_bytes(2, "big") + value


def _items(levels: int) -> st.SearchStrategy[bytes]:
    """Items of tag, length and value, nested so deep; now and then one says that it is longer than it is."""
    values = st.builds(_item, st.sampled_from((1, 2)), _TEXT)
    if levels:
        values |= st.builds(_item, st.sampled_from((0x80, 0x81)), _items(levels - 1))
    broken = st.builds(
        lambda tag, length: bytes((tag,)) + length.to_bytes(2, "big"),
        st.sampled_from((1, 2)),
        st.integers(0, 300),
    )
    return st.lists(values | broken, max_size=4).map(b"".join)


def _frame(kind: int, flags: int, session: int, sequence: int, body: bytes) -> bytes:
    numbers = session.to_bytes(4, "big") + sequence.to_bytes(4, "big")
    head = parser.MAGIC + bytes((parser.VERSION, kind, flags)) + numbers + len(body).to_bytes(2, "big") + body
    return head + zlib.crc32(head).to_bytes(4, "big")


_FRAME = st.builds(_frame, _KINDS, _FLAGS, _NUMBERS, _NUMBERS, _items(3))
_FRAMES = st.lists(_FRAME, max_size=6).map(b"".join)
_SETTINGS = settings(
    deadline=None,
    max_examples=10_000_000,
    phases=(Phase.generate,),
    suppress_health_check=(HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much),
)


def _check(data: bytes) -> None:
    try:
        parser.parse(data)
    except parser.Refused:
        return
    except (parser.MagicBug, parser.NestedBug, parser.SessionBug) as error:
        if type(error).__name__ == os.environ.get("PLANTED_BUG"):
            Path(os.environ["PLANTED_FOUND"]).write_bytes(data)
            os._exit(0)


@_SETTINGS
@given(st.binary())
def test_bytes(data: bytes) -> None:
    """Any bytes."""
    _check(data)


@_SETTINGS
@given(_FRAMES)
def test_structured(data: bytes) -> None:
    """Frames with right lengths and checksums."""
    _check(data)


if __name__ == "__main__":
    _mode, os.environ["PLANTED_BUG"], _seed = sys.argv[1:]
    seed(int(_seed))({"bytes": test_bytes, "structured": test_structured}[_mode])()

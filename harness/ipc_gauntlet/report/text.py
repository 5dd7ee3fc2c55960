"""Text from drivers and peers is hostile until proven otherwise: it must not reach a terminal or a file as it is."""

from __future__ import annotations

import re
import unicodedata

# Beyond control characters: what reorders or hides text on screens (bidi embeddings, zero width, line separators).
_INVISIBLE = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff\ufff9-\ufffb\ufffe\uffff]"
)
_BEYOND = re.compile(r"[\U000e0000-\U000e0fff]|[\U0001fffe\U0001ffff\U0002fffe\U0002ffff]")


def visible(text: str) -> str:
    """Show everything that is not printable as an escape, except for line breaks and tabs.

    Args:
        text: Any text, also with lone surrogates.

    Returns:
        Text that can be put on a terminal, and into XML 1.0 after the usual escaping.
    """
    return _BEYOND.sub(_escape, _INVISIBLE.sub(_escape, text))


def one_line(text: str, width: int = 0) -> str:
    """Make any text one visible line, cut to a width if one is given."""
    line = " ".join(visible(text).split())
    return line if not width or len(line) <= width else line[: width - 1] + "…"


def columns(text: str) -> int:
    """Columns a text takes on a terminal: wide characters count twice, combining ones not at all."""
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1
        for char in text
    )


def _escape(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"

"""Command lines as people write them: split into words, and put together from them again.

On POSIX a shell's rules hold, as `shlex` has them. On Windows a backslash is part of a path, so nothing is escaped: both
kinds of quotes group, and quotes of one kind protect those of the other. What one system writes is read on that system.
"""

import re
import shlex
import sys
from collections.abc import Iterable

_PLAIN = re.compile(r"[\w@%+=:,./\\~{}*?\[\]()-]+", re.ASCII)


def split(text: str, *, windows: bool = sys.platform == "win32") -> list[str]:
    """Split a command line; nothing is expanded.

    Args:
        text: For example `"my driver" --flag="a b"`.
        windows: By whose rules.

    Raises:
        ValueError: A quotation is not closed.
    """
    if not windows:
        return shlex.split(text)
    words = shlex.shlex(text, posix=True, punctuation_chars=False)
    words.whitespace_split = True
    words.commenters = words.escape = ""
    return list(words)


def join(words: Iterable[str], *, windows: bool = sys.platform == "win32") -> str:
    """Write words so that `split` gives them back, and a shell of the system too, as far as it has rules."""
    return " ".join(quote(word, windows=windows) for word in words)


def quote(word: str, *, windows: bool = sys.platform == "win32") -> str:
    """Write one word so that it stays one."""
    if not windows:
        return shlex.quote(word)
    if _PLAIN.fullmatch(word):
        return word
    if '"' not in word:
        return f'"{word}"'
    # Each double quote between single ones, everything else between double ones.
    return "".join(
        f"'{piece}'" if '"' in piece else f'"{piece}"' for piece in re.split('("+)', word) if piece
    )

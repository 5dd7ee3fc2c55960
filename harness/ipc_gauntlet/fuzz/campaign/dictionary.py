r"""Dictionaries as AFL and libFuzzer have them: a line for each token, which mutations then put into inputs.

A line is `"token"` or `name="token"`, with `\xNN` for a byte; a level after the name (`name@2`) is read over, and lines
that begin with `#` are remarks.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from pathlib import Path

from ipc_gauntlet.errors import UsageError

LONGEST = 64
"""A token is no longer, in bytes: libFuzzer takes no longer ones."""

MOST = 10_000
"""Tokens of all dictionaries together: each slice is told all of them."""

_LINE = re.compile(rb'(?:[^"=@]+(?:@\d+)?\s*=\s*)?"(.*)"')
# Whatever has no meaning stands for itself in neither of the two: such a line is wrong.
_PIECE = re.compile(rb'\\x([0-9a-fA-F]{2})|\\([\\"])|([^\\"\x00-\x1f\x7f])')


def read_dictionaries(paths: Iterable[Path]) -> tuple[str, ...]:
    """The tokens of some files in base64, in their order, each once.

    Raises:
        UsageError: A file cannot be read, or a line of it is no token, or a token is empty or too long.
    """
    found: dict[str, None] = {}
    for path in paths:
        try:
            lines = path.read_bytes().splitlines()
        except OSError as error:
            raise UsageError(f"cannot read the dictionary {path}: {error.strerror or error}") from error
        for number, line in enumerate(lines, 1):
            stripped = line.strip()
            if not stripped or stripped.startswith(b"#"):
                continue
            try:
                found[base64.b64encode(token_of(stripped)).decode()] = None
            except UsageError as error:
                raise UsageError(f"{path}:{number}: {error}") from error
    if len(found) > MOST:
        raise UsageError(f"{len(found)} tokens are too many for one campaign: {MOST} at most")
    return tuple(found)


def token_of(line: bytes) -> bytes:
    """The token of a line of a dictionary.

    Raises:
        UsageError: It is none.
    """
    found = _LINE.fullmatch(line)
    if found is None:
        raise UsageError('no token: write "text" or name="text", with \\xNN for a byte')
    quoted, token, at = found[1], bytearray(), 0
    while at < len(quoted):
        piece = _PIECE.match(quoted, at)
        if piece is None:
            shown = quoted[at : at + 4].decode("utf-8", "backslashreplace")
            raise UsageError(f'{shown!r} means nothing: escapes are \\\\, \\" and \\xNN')
        token += bytes.fromhex(piece[1].decode()) if piece[1] else piece[2] or piece[3]
        at = piece.end()
    if not 0 < len(token) <= LONGEST:
        raise UsageError(f"a token has between 1 and {LONGEST} bytes, not {len(token)}")
    return bytes(token)

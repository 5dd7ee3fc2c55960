"""What a driver says when the library it drives is not installed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator


@contextlib.contextmanager
def explained(library: str, project: str) -> Iterator[None]:
    """Turn the failed import of a library into a message that says how to install it.

    Args:
        library: Top-level name that is imported.
        project: Name under which it is installed.

    Raises:
        SystemExit: The library is missing; the message goes to stderr, the exit status is 1.
    """
    try:
        yield
    except ModuleNotFoundError as missing:
        if missing.name is None or missing.name.partition(".")[0] != library:
            raise
        raise SystemExit(f'{project} is not installed: pip install "ipc-gauntlet[drivers]"') from missing

"""Names of peers: SPIFFE IDs in their one canonical spelling (SPIFFE-ID section 2).

Rule of this file: a name is compared byte for byte, so only one spelling of it may exist. What could be spelt
otherwise (upper-case trust domain, percent-encoding, empty or dot segments, trailing slash, query) is no name.
"""

from __future__ import annotations

import re

from sipc.errors import MalformedError

MAX_LENGTH = 2048
_SEGMENT = r"(?!\.{1,2}(?:/|\Z))[A-Za-z0-9._-]+"
_SPIFFE_ID = re.compile(rf"spiffe://[a-z0-9._-]{{1,255}}(?:/{_SEGMENT})+", re.ASCII)


def is_canonical(name: str) -> bool:
    """Whether a text is a SPIFFE ID with a path, in canonical spelling."""
    return len(name) <= MAX_LENGTH and _SPIFFE_ID.fullmatch(name) is not None


def canonical(name: str) -> str:
    """Return the name.

    Raises:
        MalformedError: It is no canonical SPIFFE ID.
    """
    if not is_canonical(name):
        raise MalformedError("not a canonical SPIFFE ID", stage="handshake")
    return name

"""Just enough DER to put another signature into a certificate."""

from __future__ import annotations

from collections.abc import Callable

from ipc_gauntlet.errors import HarnessError

_SEQUENCE = 0x30
_BIT_STRING = 0x03
_LONG_FORM = 0x80


def with_signature(certificate: bytes, make: Callable[[bytes], bytes]) -> bytes:
    """Return a certificate (RFC 5280, section 4.1) with another value of its signature, of any length.

    Args:
        certificate: DER.
        make: Takes the signature's bytes and returns those that take their place.

    Raises:
        HarnessError: It is no certificate.
    """
    tag, body, rest = _split(certificate)
    if tag != _SEQUENCE or rest:
        raise HarnessError("a certificate is one DER sequence")
    signed, body = _whole(body)
    algorithm, body = _whole(body)
    tag, value, rest = _split(body)
    if tag != _BIT_STRING or rest or value[:1] != b"\0":
        raise HarnessError("a certificate ends with its signature")
    return _wrap(_SEQUENCE, signed + algorithm + _wrap(_BIT_STRING, b"\0" + make(value[1:])))


def _split(data: bytes) -> tuple[int, bytes, bytes]:
    """Tag and content of the first value, and what follows it."""
    length, start = data[1], 2
    if length & _LONG_FORM:
        start += length & ~_LONG_FORM
        length = int.from_bytes(data[2:start])
    return data[0], data[start : start + length], data[start + length :]


def _whole(data: bytes) -> tuple[bytes, bytes]:
    """The first value with its head, and what follows it."""
    _, _, rest = _split(data)
    return data[: len(data) - len(rest)], rest


def _wrap(tag: int, content: bytes) -> bytes:
    if len(content) < _LONG_FORM:
        return bytes([tag, len(content)]) + content
    length = len(content).to_bytes((len(content).bit_length() + 7) // 8)
    return bytes([tag, _LONG_FORM | len(length)]) + length + content

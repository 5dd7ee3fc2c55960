"""Items of CBOR made longer, shorter, larger or smaller where they stand, found without knowing where the CBOR begins.

A limit on a field's length is hit by chance only if head and content change together. Any byte may be a head; where the
argument is the number that a parser compared, the item behind it is given another length or value.
"""

from __future__ import annotations

from collections.abc import Iterator

from ipc_gauntlet.fuzz.mutate.cbor_items import ARRAY, BYTES, NINT, TEXT, UINT, argument_of, head

_MOST_PLACES = 6
_DEEPEST = 24


def resized(data: bytes, old: int, new: int) -> Iterator[bytes]:
    """Inputs in which one item with this argument has another one.

    Args:
        data: The input.
        old: What was compared: a length, a count, a number.
        new: What it is to be.
    """
    if old < 0 or new < 0 or new >= 1 << 64:
        return
    places = 0
    for at in range(len(data)):
        major = data[at] >> 5
        if major not in (UINT, NINT, BYTES, TEXT, ARRAY):
            continue
        argument, width = argument_of(data[at : at + 9])
        if argument != old:
            continue
        made = _other(data, at + width, major, old, new)
        if made is not None:
            yield data[:at] + made
            places += 1
            if places >= _MOST_PLACES:
                return


def _other(data: bytes, begin: int, major: int, old: int, new: int) -> bytes | None:
    """A new item, from its head to the input's end."""
    if major in (UINT, NINT):
        return head(major, new) + data[begin:]
    if new > 1 << 16:
        return None
    if major in (BYTES, TEXT):
        content = data[begin : begin + old]
        if len(content) < old:
            return None
        # Letters: what is a text stays one, and a name stays a name as long as it began as one.
        return head(major, new) + content[:new] + b"a" * (new - old) + data[begin + old :]
    ends = [begin]
    for _ in range(old):
        end = _end(data, ends[-1], 0)
        if end is None:
            return None
        ends.append(end)
    if new <= old:
        return head(major, new) + data[begin : ends[new]] + data[ends[-1] :]
    more = data[ends[-2] : ends[-1]] if old else b"\0"
    counted = b"".join(_counted(more, number) for number in range(new - old))
    return head(major, new) + data[begin : ends[-1]] + counted + data[ends[-1] :]


def _counted(item: bytes, number: int) -> bytes:
    """The item again; a small number becomes another one each time, because lists may have to be free of duplicates."""
    if len(item) == 1 and item[0] < 24:
        return head(UINT, 24 + number)
    return item


def _end(data: bytes, at: int, depth: int) -> int | None:
    """Where the item that begins here ends; None if it is none."""
    if at >= len(data) or depth > _DEEPEST:
        return None
    major = data[at] >> 5
    argument, width = argument_of(data[at : at + 9])
    if argument < 0:
        return None
    end = at + width
    if major in (BYTES, TEXT):
        return end + argument if end + argument <= len(data) else None
    for _ in range({4: argument, 5: 2 * argument, 6: 1}.get(major, 0)):
        found = _end(data, end, depth + 1)
        if found is None:
            return None
        end = found
    return end

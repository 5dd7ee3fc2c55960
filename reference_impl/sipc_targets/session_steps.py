"""The steps of a session.

What the other side sends beneath the encryption, what it breaks in the key schedule, and what this side's own program
does meanwhile.
"""

from __future__ import annotations

from ipc_gauntlet.fuzz.mutate.schema import Bytes, Int, Span
from ipc_gauntlet.fuzz.mutate.sequence import Sequence, Step
from sipc_targets import wire

_SIZE = Int("size", 2, samples=(0, 1, 2, 7, 16))
_NUMBER = Int("number", 2, samples=(0, 1, 2, 3))
_MILLISECONDS = Int("ms", 2, samples=(1, 1000, 10_000, 60_000))

HONEST = (
    Step("ready"),
    Step("body", (wire.RECORD,), often=4),
    Step("plaintext", (Span("", wire.PLAINTEXT),)),
    Step("message", (Int("numbered", samples=(1, 1, 1, 0)), wire.MESSAGE), often=6),
    Step("fragments", (_SIZE, wire.MESSAGE), often=2),
    Step("respond_to", (_NUMBER,)),
    Step("ping", (Bytes("bytes", size=8),)),
    Step("pong"),
    Step("rekey"),
    Step("close"),
    Step("error", (wire.ERROR,)),
)
"""What an honest peer may send, and dishonest content under honest keys."""

FAULTS = (
    Step("old_key"),
    Step("reused_nonce", (_NUMBER,)),
    Step("skipped_nonce", (_NUMBER,)),
    Step("swapped_key"),
    Step("unannounced_rekey"),
    Step("skipped_rekey"),
    Step("replayed_record", (_NUMBER,)),
    Step("reflected_record", (_NUMBER,)),
    Step("replayed_handshake"),
    Step("flipped_bit", (Int("bit", 2),)),
    Step("short_tag", (Int("bytes", high=15),)),
    Step("associated_data", (Bytes("data", low=1, high=8),)),
)
"""What must end a session of records at once, in silence; in profile D it is dropped."""

LOCAL = (
    Step("raw", (Bytes("bytes", high=40),)),
    Step("pieces", (_SIZE,)),
    Step("wait", (_MILLISECONDS,)),
    Step("due"),
    Step("send_event", (Bytes("body", high=20),)),
    Step("send_request", (_MILLISECONDS, Bytes("body", high=20)), often=2),
    Step("answer", (Int("status", samples=(0, 0, 4)), Bytes("body", high=20)), often=2),
    Step("cancel", (_NUMBER,)),
    Step("rekey_here"),
    Step("close_here"),
    Step("abort_here"),
    Step("expel_here"),
    Step("end_of_stream"),
    Step("blocked", (_MILLISECONDS,)),
    Step("set_counter", (Int("below", 2, samples=(1, 2, 3)), Int("sending"))),
)
"""Bytes that are no records, and what happens on this side."""

LARGE = (
    Step("large", (Int("size", 2, samples=(16_383, 16_384, 65_000)),)),
    Step("send_large", (Int("size", 2),)),
)
"""Messages that are longer than an input may be: one of the other side, one of ours."""

# New steps go to the end: the numbers of the others stand in regression cases.
SESSION = Sequence(
    (*HONEST, *FAULTS, *LOCAL, *LARGE),
    most=40,
    prefix=(Int("suite", high=4), Int("settings", samples=(0, 1, 2, 4, 8, 16, 24))),
)
FAULT_NAMES = frozenset(step.name for step in FAULTS)

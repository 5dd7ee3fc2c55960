"""What a dead process left behind becomes a finding with a stack."""

from __future__ import annotations

import signal

import pytest

from ipc_gauntlet.fuzz.child.deaths import death, stack, status_word, tail
from ipc_gauntlet.fuzz.spec import Exit

DUMP = """Fatal Python error: Segmentation fault

Thread 0x00007f (most recent call first):
  File "/usr/lib/python3.11/threading.py", line 320 in wait

Current thread 0x00007e (most recent call first):
  File "/usr/lib/python3.11/ctypes/__init__.py", line 9 in string_at
  File "C:\\\\src\\\\lib\\\\pkg\\\\inner\\\\reader.py", line 12 in Reader.read
  File "/src/lib/pkg/outer.py", line 7 in parse
  File "/src/harness/execute.py", line 70 in execute
"""


def test_the_stack_is_that_of_the_thread_in_measured_code() -> None:
    frames = stack(DUMP.replace("\\\\", "\\"), ("pkg.inner", "pkg.outer"))
    assert [(frame.file, frame.line, frame.function) for frame in frames] == [
        ("pkg/outer.py", 7, "parse"),
        ("pkg/inner/reader.py", 12, "Reader.read"),
    ]
    assert stack(DUMP, ("elsewhere",)) == ()
    assert stack("", ("pkg",)) == ()


@pytest.mark.parametrize(
    ("status", "word"),
    [
        (-signal.SIGABRT, "SIGABRT"),
        (-250, "signal 250"),
        (3, "exit 3"),
        (0xC0000005, "access violation"),
        (-1073741819, "access violation"),
    ],
)
def test_endings_have_stable_words(status: int, word: str) -> None:
    assert status_word(status) == word


@pytest.mark.parametrize(
    ("status", "stderr", "kind", "error"),
    [
        (Exit.HANG, "", "hang", ""),
        (1, "Timeout (0:00:00.500000)!\nThread 0x1 (most recent call first):\n", "hang", ""),
        (1, "Traceback", "native", "exit 1"),
        (Exit.MEMORY, "", "memory", ""),
        (0, "", "native", "exit 0"),
    ],
)
def test_kinds(status: int, stderr: str, kind: str, error: str) -> None:
    found = death("t", ("pkg",), b"x", status, stderr)
    assert (found.kind, found.error, found.data) == (kind, error, b"x")


def test_one_cause_is_one_signature_whatever_the_line() -> None:
    one = death("t", ("pkg.outer",), b"a", -11, DUMP)
    other = death("t", ("pkg.outer",), b"b", -11, DUMP.replace("line 7", "line 99"))
    assert one.signature == other.signature
    assert one.signature != death("t", ("pkg.outer",), b"a", -6, DUMP).signature
    assert "in parse (pkg/outer.py:7)" in one.message


def test_the_end_of_what_was_said() -> None:
    assert tail(b"a\nb\nc\n", 2) == "b\nc"
    assert tail(b"\xff") == "\N{REPLACEMENT CHARACTER}"

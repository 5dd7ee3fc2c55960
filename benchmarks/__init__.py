"""Measurements of the reference implementation beside other stacks, and of the harness.

Not part of the wheel, and for POSIX systems only: every stack is measured over a Unix socket.
"""

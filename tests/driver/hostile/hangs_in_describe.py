"""Reads its input, and never answers anything."""

import sys

sys.stdin.read()

"""Greets the user on standard output."""

import sys

sys.stdout.write("Hello! This driver is ready.\n")
sys.stdout.flush()
sys.stdin.read()

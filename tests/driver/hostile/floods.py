"""Writes as fast as it can, without ever ending a line."""

import os

while True:
    os.write(1, b"y" * 65536)

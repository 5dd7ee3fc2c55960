"""Exits at once, with an explanation on standard error."""

import sys

sys.stderr.write("cannot open /etc/my-ipc.conf\n")
sys.exit(3)

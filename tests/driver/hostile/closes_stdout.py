"""Closes its standard output at once, and lives on."""

import os
import time

os.close(1)
time.sleep(600)

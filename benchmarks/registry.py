"""The stacks that can be measured, by name; each is imported only when it is asked for."""

import importlib

from benchmarks.stack import Stack

BASELINE = "ssl"
STACKS = {
    "sipc-chacha": "benchmarks.sipc:ChaCha",
    "sipc-aesgcm": "benchmarks.sipc:AesGcm",
    "core-chacha": "benchmarks.sipc_core:CoreChaCha",
    "core-aesgcm": "benchmarks.sipc_core:CoreAesGcm",
    "ssl": "benchmarks.tls:Tls",
    "multiprocessing": "benchmarks.connection:MultiprocessingConnection",
    "zmq-curve": "benchmarks.curve:CurveZmq",
}


def load(name: str) -> Stack:
    """Make the stack with this name.

    Raises:
        ModuleNotFoundError: If a package that it needs is not installed.
    """
    module, _, attribute = STACKS[name].partition(":")
    stack: Stack = getattr(importlib.import_module(module), attribute)()
    return stack

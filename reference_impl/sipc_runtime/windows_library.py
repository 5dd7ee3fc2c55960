"""Functions of Windows' libraries, with their types. Elsewhere there are none, and whoever asks for one is told so."""

import ctypes
import sys
from collections.abc import Callable, Mapping
from typing import Any

Functions = dict[str, Callable[..., Any]]
"""By name."""

if sys.platform == "win32":

    def declared(library: str, calls: Mapping[str, tuple[Any, ...]]) -> Functions:
        """Look up functions.

        Args:
            library: Its name, of a library that Windows has loaded into every process.
            calls: What each function returns, and its parameters.
        """
        loaded = ctypes.WinDLL(library, use_last_error=True)
        functions: Functions = {}
        for name, (result, *parameters) in calls.items():
            function = getattr(loaded, name)
            function.restype, function.argtypes = result, parameters
            functions[name] = function
        return functions

    def last_error() -> int:
        """The error of this thread's last call."""
        return ctypes.get_last_error()

else:

    def declared(library: str, calls: Mapping[str, tuple[Any, ...]]) -> Functions:
        """There is nothing to look up.

        Raises:
            OSError: Always.
        """
        raise OSError(
            f"{library}, which has {next(iter(calls))}, is a library of Windows, and this is {sys.platform}"
        )

    def last_error() -> int:
        """No call has failed here."""
        return 0

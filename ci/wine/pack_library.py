"""Pack a standard library with its compiled form: opening many small files is what Wine is slow at.

`python pack_library.py LIBRARY TARGET`, run by the Python whose library it is: only that one compiles for itself.
"""

import os
import py_compile
import sys
import tempfile
import zipfile
from pathlib import Path

# Parts that nobody runs here, most of them large.
LEFT_OUT = {
    *("site-packages", "__pycache__", "test", "tests", "lib-dynload", "idlelib", "lib2to3", "turtledemo"),
    *("tkinter", "ensurepip", "pydoc_data"),
}


def pack(library: Path, target: Path) -> None:
    """Write a zip file of modules, each with its source.

    Args:
        library: The folder of a standard library.
        target: The file to write.
    """
    with zipfile.ZipFile(target, "w") as archive, tempfile.TemporaryDirectory() as temporary:
        compiled = os.fspath(Path(temporary, "module.pyc"))
        for path in sorted(library.rglob("*.py")):
            relative = path.relative_to(library)
            if LEFT_OUT.intersection(relative.parts) or relative.parts[0].startswith("config-"):
                continue
            archive.write(path, relative.as_posix())
            py_compile.compile(
                str(path),
                compiled,
                dfile=str(relative),
                doraise=True,
                invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
            )
            archive.write(compiled, relative.as_posix() + "c")


if __name__ == "__main__":
    pack(Path(sys.argv[1]), Path(sys.argv[2]))

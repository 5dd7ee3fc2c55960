"""One worker of HypoFuzz on the planted parser: `python -m benchmarks.planted.hypofuzz_run bytes|structured`.

`hypothesis fuzz` starts such a worker in a process of its own, and looks once a minute whether it has ended. Here it is the
process, so that its CPU time is that of what is measured. Run it in an empty folder: its database goes there.
"""

import sys
from importlib import import_module
from pathlib import Path

_PROPERTIES = Path(__file__).with_name("properties.py")


def main(mode: str) -> None:
    """Fuzz until the process ends itself."""
    here = ["-p", "no:cacheprovider", "-c", "/dev/null", f"--rootdir={Path.cwd()}"]
    arguments = (*here, str(_PROPERTIES), "-k", mode)
    # It is no dependency, so no checker of types knows it.
    collection, fuzzing = import_module("hypofuzz.collection"), import_module("hypofuzz.hypofuzz")
    names = {target.nodeid for target in collection.collect_tests(arguments).fuzz_targets}
    state = {"hub_state": {"nodeids": names}, "worker_state": {"nodeids": {}}}
    fuzzing.FuzzWorker(pytest_args=arguments, shared_state=state).start()


if __name__ == "__main__":
    main(sys.argv[1])

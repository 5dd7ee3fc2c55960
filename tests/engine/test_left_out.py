"""Cases that are left out while a session runs, as a hunt does when enough is known."""

import os
import subprocess
import sys
from pathlib import Path

from systems import STACK_TRANSPORT, import_path

from ipc_gauntlet import quoting

SCRIPT = """
import sys
from pathlib import Path

from ipc_gauntlet.engine.implementations import Target
from ipc_gauntlet.engine.links import RunLink
from ipc_gauntlet.engine.prepare import Wish, settings_for
from ipc_gauntlet.engine.sessions import find_cases, run_cases
from ipc_gauntlet.requirements import load_catalogue

plain, workdir, place = sys.argv[1:]
packages = ("toy_suites",)
settings = settings_for(Wish(target=Target(driver=plain), seed=7, packages=packages), Path(workdir))
found = {case.id: case for case in find_cases(settings, packages, load_catalogue())}
first, left_out, last = (
    next(case for name, case in found.items() if name.startswith(start))
    for start in (f"replay/records/good/{place}", f"replay/records/bad/{place}", f"ordering/plain/many/{place}")
)
link = RunLink(settings, [first, left_out, last], lambda case: None, lambda one: print(one.id, one.verdict.value, one.message))
link.as_given = True
link.wants = lambda case: case is not left_out
run_cases(link, packages, 0, lambda: None)
"""


def test_what_follows_a_case_that_is_left_out_is_run_all_the_same(checkout: Path, tmp_path: Path) -> None:
    """Also where it lies in another file: what the case before had set up must have been torn down."""
    plain = quoting.join([sys.executable, str(checkout / "tests" / "fixtures" / "plain_driver.py")])
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT, plain, str(tmp_path), STACK_TRANSPORT],
        env=os.environ | {"PYTHONPATH": import_path(checkout / "tests" / "engine" / "toy")},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    told = [line.split(maxsplit=2) for line in ended.stdout.splitlines()]
    assert [one[1] for one in told] == ["pass", "pass"], ended.stdout
    assert [one[0].partition("/")[0] for one in told] == ["replay", "ordering"]

"""Runs a campaign on a small disk until that is full, then again when there is room; tells what came of it as JSON."""

import json
import sys
from pathlib import Path

from fuzz_campaigns import Campaign

from ipc_gauntlet.errors import GauntletError
from ipc_gauntlet.fuzz.campaign import status, supervisor
from ipc_gauntlet.fuzz.corpus.store import Store
from ipc_gauntlet.fuzz.work import digest


def _names(*folders: Path) -> set[str]:
    return {path.name for folder in folders for path in folder.iterdir() if not path.name.startswith(".")}


def main(disk: Path) -> None:
    """Fill it, make room, go on."""
    supervisor.LEAST_FREE = 0  # the point is what happens when the last byte is gone
    store = Store(disk / "store")
    filler = disk / "filler"
    filler.write_bytes(bytes(2 << 20))
    run = Campaign(store, seconds=100.0, canary=False, slice_seconds=2.0)
    said = ""
    try:
        run.run()
    except GauntletError as error:
        said = str(error)
    seen = _names(*(run.folder / "slices").glob("*/inputs"))
    corpus = store.folder("small.right")
    kept = _names(corpus) if corpus.is_dir() else set()
    whole = all(digest((corpus / name).read_bytes()) == name for name in kept)
    filler.unlink()
    after = Campaign(store, seconds=1.0, canary=False).run()
    told = {
        "said": said,
        "kept": len(kept | seen),
        "whole": whole,
        "lost": len((kept | seen) - _names(corpus)),
        "after": after.exit_status,
        "phase": status.read(run.folder).phase,
    }
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main(Path(sys.argv[1]))

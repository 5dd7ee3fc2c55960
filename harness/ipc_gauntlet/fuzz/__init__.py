"""Coverage-guided fuzzing of message parsers. What is exported here is for authors of targets: see docs/fuzzing.md."""

from ipc_gauntlet.fuzz.target import LAYERS, Part, Structure, Target, Verdict

__all__ = ["LAYERS", "Part", "Structure", "Target", "Verdict"]

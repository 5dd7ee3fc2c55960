"""Answers `configure` as if everything had been done."""

from spoiled import run

run('"reset": reset,', '"reset": reset, "configure": lambda _: {},')

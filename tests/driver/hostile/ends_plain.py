"""Takes the end of its input for a failure."""

from spoiled import run

run(
    '"shutdown"\' in command:\n        break\n',
    '"shutdown"\' in command:\n        break\nelse:\n    sys.exit(1)\n',
)

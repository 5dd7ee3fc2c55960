"""Does not leave on `shutdown`, but is ended by a signal; on Windows, where there are none, with status 3."""

from spoiled import run

run('"shutdown": reset,', '"shutdown": lambda _: __import__("signal").raise_signal(15),')

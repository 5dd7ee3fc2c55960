"""Which record numbers have been accepted: a sliding window over 64-bit numbers (RFC 6479).

Rule of this file: `accepts` changes nothing and is asked before decryption; `mark` is called only for a record that
has been authenticated. The window is a ring of words in which the highest number's word is the newest; moving it
forward clears the words it moves over, at most all of them, so a jump costs the same however far it goes.
"""

WORD = 64
WINDOW = 1024
MAX_NUMBER = 2**64 - 2
"""The highest number a record can have; the one above is never used for data."""

# One word more than the window is wide: the word of the highest number is only partly filled.
_WORDS = WINDOW // WORD + 1


class ReplayWindow:
    """The numbers that have been accepted under a direction's keys.

    Attributes:
        highest: The highest number accepted so far; -1 before the first.
    """

    __slots__ = ("_words", "highest")

    def __init__(self) -> None:
        self._words = [0] * _WORDS
        self.highest = -1

    def accepts(self, number: int) -> bool:
        """Whether a record of this number may still be accepted: it was not, and it is not too old."""
        if not 0 <= number <= MAX_NUMBER or number <= self.highest - WINDOW:
            return False
        if number > self.highest:
            return True
        return not self._words[number // WORD % _WORDS] >> number % WORD & 1

    def mark(self, number: int) -> None:
        """An authentic record of this number has been accepted."""
        if number > self.highest:
            newest, word = max(self.highest, 0) // WORD, number // WORD
            for passed in range(min(word - newest, _WORDS)):
                self._words[(word - passed) % _WORDS] = 0
            self.highest = number
        self._words[number // WORD % _WORDS] |= 1 << number % WORD

    def move_to(self, number: int) -> None:
        """Go on as if everything below `number` had been accepted or given up; for tests near a limit."""
        self._words = [2**WORD - 1] * _WORDS
        self.highest = number - 1
        if number > 0:
            # Bits above the highest number in its word belong to numbers that have not come.
            self._words[self.highest // WORD % _WORDS] = (2 << self.highest % WORD) - 1
        else:
            self._words = [0] * _WORDS

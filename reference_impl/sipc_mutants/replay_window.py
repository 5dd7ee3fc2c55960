"""Defects in replay windows: which of the records that may come in any order are taken."""

from sipc_mutants.model import Mutant, Patch

MUTANTS: tuple[Mutant, ...] = (
    Mutant(
        id="REPL-05.m1",
        defect="window off by one",
        patches=(
            Patch(
                module="sipc.replay_window",
                old="or number <= self.highest - WINDOW:",
                new="or number < self.highest - WINDOW:",
            ),
        ),
    ),
    Mutant(
        id="REPL-05.m2",
        defect="window not slid",
        patches=(
            Patch(
                module="sipc.replay_window",
                old="                self._words[(word - passed) % _WORDS] = 0\n",
                new="                self._words[(word - passed) % _WORDS] |= 0\n",
            ),
        ),
    ),
    Mutant(
        id="REPL-05.m3",
        defect="n truncated to 32 bit",
        patches=(
            Patch(
                module="sipc.datagram",
                old="        if not self._window.accepts(number):\n",
                new="        if not self._window.accepts(number & 0xFFFFFFFF):\n",
            ),
            Patch(
                module="sipc.datagram",
                old="        self._window.mark(number)\n",
                new="        self._window.mark(number & 0xFFFFFFFF)\n",
            ),
        ),
    ),
    Mutant(
        id="REPL-05.m4",
        defect="a record that is ahead of the window does not become its highest one when the gap is one word or more",
        patches=(
            Patch(
                module="sipc.replay_window",
                old="            self.highest = number\n",
                new="            self.highest = number if word - newest <= 1 else self.highest\n",
            ),
        ),
    ),
    Mutant(
        id="REPL-05.m5",
        defect="a record that comes late is not marked as taken",
        patches=(
            Patch(
                module="sipc.replay_window",
                old="        self._words[number // WORD % _WORDS] |= 1 << number % WORD\n",
                new=(
                    "        if number == self.highest:\n"
                    "            self._words[number // WORD % _WORDS] |= 1 << number % WORD\n"
                ),
            ),
        ),
    ),
    Mutant(
        id="REPL-05.m6",
        defect="records behind the window are taken for new ones",
        patches=(
            Patch(
                module="sipc.replay_window",
                old="or number <= self.highest - WINDOW:\n            return False\n",
                new="or number == self.highest - WINDOW:\n            return False\n",
            ),
        ),
    ),
    Mutant(
        id="REPL-12.m1",
        defect="bitmap shifted by the raw jump (here at most 4 million steps)",
        patches=(
            Patch(
                module="sipc.replay_window",
                old="            for passed in range(min(word - newest, _WORDS)):\n",
                new="            for passed in range(min(word - newest, 1 << 22)):\n",
            ),
        ),
    ),
    Mutant(
        id="REPL-12.m2",
        defect="set of all seen n never pruned",
        patches=(
            Patch(
                module="sipc.replay_window",
                old="        if number > self.highest:\n            newest",
                new="        SEEN.add(number)\n        if number > self.highest:\n            newest",
            ),
            Patch(
                module="sipc.replay_window",
                old="class ReplayWindow:\n",
                new="SEEN: set[int] = set()\n\n\nclass ReplayWindow:\n",
            ),
        ),
    ),
    Mutant(
        id="REPL-12.m3",
        defect="memory is taken for the numbers that were passed over (here at most 16 million)",
        patches=(
            Patch(
                module="sipc.replay_window",
                old="            self.highest = number\n",
                new=(
                    '            PASSED.append(b"x" * min(number - max(self.highest, 0), 1 << 24))\n'
                    "            self.highest = number\n"
                ),
            ),
            Patch(
                module="sipc.replay_window",
                old="class ReplayWindow:\n",
                new="PASSED: list[bytes] = []\n\n\nclass ReplayWindow:\n",
            ),
        ),
    ),
)

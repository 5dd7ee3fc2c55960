"""What an input must not do beyond crashing: cost more than its length is worth, leave something behind, be refused wrongly.

| oracle | finding | module |
|---|---|---|
| time grows faster than the input | `slow` | `costly`, `growth`, `families` |
| memory grows faster than the input, or is far larger | `greedy` | the same |
| memory kept after rejections | `residue` | `leak` |
| another class of error than is right | `wrong-answer` | `answers` |

Hangs, residue that the target names, and inputs that are accepted but not canonical need one execution; the engines look
for those all the time (`ipc_gauntlet.fuzz.execute`).
"""

"""Runs inputs in a process of its own, one after another, and survives what they do to it.

Triage, the oracles and the care of corpora need the same thing: hand inputs to a target, learn what each did, and go on
when one of them hangs, eats all memory or kills the interpreter. `handle.Child` is that process as an object;
`program` is what runs in it; `messages` are the lines between the two.
"""

"""State machines: rules that make schedules, a model that says what may follow, back ends that carry them out.

A rule set knows no implementation. It talks to a back end, which is either a pair of drivers behind the adversary
(package `drivers`, for every implementation) or an implementation in memory.
"""

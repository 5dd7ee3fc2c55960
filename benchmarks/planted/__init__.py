"""A parser with three planted bugs, to measure how long it takes to find them."""

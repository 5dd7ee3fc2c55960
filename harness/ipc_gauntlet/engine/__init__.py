"""How a run is done: choose cases, run them under pytest, turn what happens into events."""

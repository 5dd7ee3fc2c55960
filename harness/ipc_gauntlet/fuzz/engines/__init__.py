"""Engines: ways to choose the next input. One module each, behind `Engine`."""

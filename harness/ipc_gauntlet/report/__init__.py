"""Consumers of the event stream that write files, and the texts they share."""

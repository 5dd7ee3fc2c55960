"""One campaign on many machines: parts as files, or tasks of a cluster."""

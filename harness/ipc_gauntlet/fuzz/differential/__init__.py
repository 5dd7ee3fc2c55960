"""Two implementations, one input: what they judge differently is a finding."""

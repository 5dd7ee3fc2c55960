"""Schema, versioning, encoding: what parsers accept and what they must not."""

"""Ways to change an input: bytes, dictionary tokens, and structures that know the fields."""

"""Package sipc."""

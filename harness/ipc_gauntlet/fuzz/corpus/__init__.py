"""Inputs that are worth keeping: where they lie, how they are brought together, thinned out, exchanged and looked at."""

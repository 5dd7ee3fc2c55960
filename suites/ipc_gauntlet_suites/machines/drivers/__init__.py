"""Back ends for a pair of drivers with the adversary between them, and the cases' way to use them."""

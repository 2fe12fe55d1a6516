"""Which layers of a reduced graph cost plates, and the fewest that higher precision has to keep."""

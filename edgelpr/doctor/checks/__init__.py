"""The checks: one function each, from the surroundings to a finding."""

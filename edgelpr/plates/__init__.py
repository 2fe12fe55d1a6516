"""Plate formats: which characters a plate has, how many, in how many rows."""

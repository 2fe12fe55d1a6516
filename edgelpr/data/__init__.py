"""Readers of labelled plates, drawing of readings, and rendering of synthetic plates."""

"""Plates with Latin letters: their lettering, and their layouts by part of the world."""

"""Tracks: several captures of one plate, each with its own damage and a score of how legible it left the plate."""

"""Training and evaluation: targets, losses, loop, statistics."""

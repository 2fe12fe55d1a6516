"""What this machine can do and what stands in the way, each with its remedy."""

"""Networks in PyTorch, their variants, checkpoints, and importing other people's."""

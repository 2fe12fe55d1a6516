"""PyTorch on the CPU: the reference; imported only when it is asked for."""

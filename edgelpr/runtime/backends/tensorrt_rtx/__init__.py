"""TensorRT-RTX: engines for GeForce and RTX GPUs, which may be built elsewhere."""

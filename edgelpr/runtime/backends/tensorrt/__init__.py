"""TensorRT: engines built on the GPU that runs them, on Jetson and elsewhere."""

"""Running an engine that was built for a GPU: what TensorRT and TensorRT-RTX share."""

"""Stand-ins for what a machine without a GPU lacks: the CUDA driver and TensorRT, as strict as the real ones."""

"""From a bundle's graph to a TensorRT engine: building, the record of what it was built for, the store."""

"""From a PyTorch network to a bundle: wrapping, exact rewrites, ONNX, simplifying, parity."""

"""ONNX Runtime: the default; CPU, or CUDA where the installed package has it."""

"""Reading tracks: several frames of one plate, weighted by their quality; needs neither torch nor onnx."""

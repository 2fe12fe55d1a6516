"""Reading plates: backends, decoding and the recogniser; needs neither torch nor onnx."""

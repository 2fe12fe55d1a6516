"""Inference engines behind one protocol, in one package each, with the same file names."""

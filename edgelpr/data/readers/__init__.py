"""One reader a layout of labelled plates."""

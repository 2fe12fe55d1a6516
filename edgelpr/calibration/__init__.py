"""Calibration: ranges from real images, the calibration record, and the INT8 graphs made from them."""

"""Crop to network input: one definition for training, export, calibration and runtime."""

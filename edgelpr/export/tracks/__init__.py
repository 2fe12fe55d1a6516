"""IQ-STAN to a bundle that reads tracks."""

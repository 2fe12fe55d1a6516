"""Training of IQ-STAN on tracks: rendered ones, and ones made from real crops."""

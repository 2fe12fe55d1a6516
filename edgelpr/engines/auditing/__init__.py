"""What was built: which precision every layer computes in, and whether that is what was asked for."""

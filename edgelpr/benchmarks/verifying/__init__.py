"""Every precision of a bundle against fp32 and against labels, and the gate that approves it."""

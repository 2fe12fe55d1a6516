"""The papers' speed beside ours: the same protocol, the honest one, and what the device could do at most."""

"""Speed and size beside the published figures."""

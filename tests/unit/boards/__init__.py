"""File trees of boards and desktops, in the forms in which NVIDIA's systems and Linux publish them."""

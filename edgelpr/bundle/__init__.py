"""The bundle: a folder with all that a board needs, hashed, and nothing in it that runs code when it is opened."""

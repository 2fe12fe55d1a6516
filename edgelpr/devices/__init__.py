"""What machine this is: the board and its system, read from files."""

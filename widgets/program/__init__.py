"""The desktop program: from the command line to the window and back."""

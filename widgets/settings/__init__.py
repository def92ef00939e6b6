"""What the user may choose, and where keys are tested and kept."""

"""The parts of the connection monitor dock."""

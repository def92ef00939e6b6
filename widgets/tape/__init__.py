"""The trades of one market as they happen."""

"""The only Qt in the package."""

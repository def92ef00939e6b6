"""Bytes to events and wishes to requests; no I/O."""

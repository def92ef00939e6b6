"""Puts the rooms together: one manager holds the lines and serves every component; no Qt."""

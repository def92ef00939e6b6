"""A recording's time: a track to seek on, marks to jump to, and what says that nothing of it is of now."""

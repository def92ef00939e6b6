"""Alarms on what markets do: rules, when they fire, and the files that keep them; without Qt and without a network."""

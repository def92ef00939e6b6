"""Alarms on what markets do: who watches for them, how they are told, and the panel in which they are set."""

"""The main window: docks, arrangements, and what surrounds the panels."""

"""Indicators and signals, chosen, plotted and listed."""

"""The whole market at once: map, movers, screener, and what a coin costs by way of other currencies."""

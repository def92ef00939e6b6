"""One market at a glance: name, price, change, range, volume, spread, warnings."""

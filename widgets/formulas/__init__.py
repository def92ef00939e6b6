"""What is reckoned from candles: averages, bands, oscillators; numbers alone, without Qt and I/O."""

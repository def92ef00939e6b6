"""The simulated market behind the embedded exchange: pure, seeded, without I/O."""

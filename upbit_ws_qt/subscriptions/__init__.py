"""What is wanted, and what is therefore asked for."""

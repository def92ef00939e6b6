"""Order flow: what was traded at which price and by whose wish, and what rests in the book; exact, then drawn."""

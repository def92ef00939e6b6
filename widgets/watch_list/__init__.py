"""All markets of a currency, live."""

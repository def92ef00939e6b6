"""The life of one line to one endpoint."""

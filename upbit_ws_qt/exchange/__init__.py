"""An Upbit of our own on loopback; shares no code with the client."""

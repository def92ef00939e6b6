"""The candles of one market: history and the live stream in one."""

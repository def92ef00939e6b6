"""Which exchange somebody wants to see; no Qt, so that the command line can answer at once."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["ExchangeChoice"]


class ExchangeChoice(StrEnum):
    """What was chosen on the first page, or nothing yet."""

    ASK = "ask"
    """Nothing yet: the first page is shown."""
    EMBEDDED = "embedded"
    """The one that comes with the program, to try things out."""
    LIVE = "live"
    """The real one without a key: what everybody may see."""
    LIVE_WITH_KEY = "live_with_key"
    """The real one with the key of the keyring or of the environment, where there is one."""

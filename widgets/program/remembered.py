"""Which exchange was chosen last time, read before Qt is loaded; a guess that spares time, never the last word."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from ..base.exchange_choice import ExchangeChoice

__all__ = ["likely_exchange"]

_LARGEST = 65_536  # bytes; the program writes no larger file


def likely_exchange() -> ExchangeChoice:
    """Return what the file of settings says where it usually is; ASK where there is none, or it cannot be told here.

    Where it is, Qt decides (see Store.of_user); on other systems than Linux that is not known without it.
    """
    if not sys.platform.startswith("linux"):
        return ExchangeChoice.ASK
    folder = os.environ.get("XDG_CONFIG_HOME") or os.path.join(os.path.expanduser("~"), ".config")
    try:
        with Path(folder, "upbit_ws_qt", "settings.json").open("rb") as file:
            plain = json.loads(file.read(_LARGEST))
        return ExchangeChoice(plain["exchange"])
    except (OSError, ValueError, KeyError, TypeError):
        return ExchangeChoice.ASK

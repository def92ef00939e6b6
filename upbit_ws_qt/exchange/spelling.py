"""JSON whose numbers keep their spelling: Decimals are written digit for digit."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any


def spell(value: Any) -> str:
    """Return `value` as compact JSON; a Decimal as it spells itself, everything else as `json` does it."""
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(str(name))}:{spell(item)}" for name, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(spell, value)) + "]"
    return json.dumps(value, ensure_ascii=False)

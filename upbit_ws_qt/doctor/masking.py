"""Frames that may be handed on: what belongs to an account keeps its spelling and loses its content."""

from __future__ import annotations

import json
import re
from typing import Any

__all__ = ["mask_private", "mask_secrets"]

# What may stay as it is in a private message: names of kinds and states, which say nothing about anybody.
_OPEN_KEYS = frozenset(
    ("type", "ty", "stream_type", "st", "ask_bid", "ab", "order_type", "ot", "state", "s", "time_in_force", "tif",
     "smp_type", "smpt")
)  # fmt: skip
_CONTROL_KEYS = frozenset(("error", "status", "method", "mthd"))
_PART = re.compile(r'"(?P<key>(?:[^"\\]|\\.)*)"(?=\s*:)|"(?P<text>(?:[^"\\]|\\.)*)"|(?P<number>-?\d[\d.eE+-]*)')
_ESCAPE = re.compile(r"\\u[0-9a-fA-F]{4}|\\.")
_TOKEN = re.compile(r"[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,}")


def mask_private(text: str) -> str:
    """Return a message of the private endpoint with every amount, market, time and id masked.

    Digits become 0 and letters x, so that lengths and spellings stay to be seen. Announcements, errors, status and
    lists of subscriptions are public and stay. What is no JSON is masked whole.
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return _masked(text)
    if _is_public(value):
        return text
    key = ""

    def replace(part: re.Match[str]) -> str:
        nonlocal key
        if part["key"] is not None:
            key = part["key"]
            return part[0]
        return part[0] if key in _OPEN_KEYS else _masked(part[0])

    return _PART.sub(replace, text)


def mask_secrets(text: str, *secrets: str) -> str:
    """Return `text` without any of `secrets` and without tokens, which an exchange might repeat in an error."""
    for secret in secrets:
        text = text.replace(secret, "***")
    return _TOKEN.sub("***", text)


def _is_public(value: Any) -> bool:
    if isinstance(value, list):
        return all(map(_is_public, value))
    if not isinstance(value, dict):
        return False
    kind = value.get("type", value.get("ty"))
    return kind == "announcement" or (kind is None and not _CONTROL_KEYS.isdisjoint(value))


def _masked(text: str) -> str:
    # An escape counts as one letter: its own letters and digits would become another one.
    return re.sub(r"\d", "0", re.sub(r"[^\W\d_]", "x", _ESCAPE.sub("x", text)))

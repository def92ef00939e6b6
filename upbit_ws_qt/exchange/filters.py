"""Faults that change what a client gets: each filter turns one outgoing message into none, one or several."""

from __future__ import annotations

from collections.abc import Callable

# (wire type, code, stream type, message) -> what is sent instead
Filter = Callable[[str, str, str, bytes], list[bytes]]

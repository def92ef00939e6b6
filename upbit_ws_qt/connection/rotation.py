"""When a line that serves is to be replaced by another one: because somebody asks, or because its token gets old."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Rotation"]

RETRY = 10.0


class Rotation:
    """What is due.

    Args:
        token_due_at: returns when the token of the line gets too old, loop clock; None where it never does.
    """

    def __init__(self, token_due_at: Callable[[], float | None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._token_due_at = token_due_at
        self._asked: str | None = None
        self._not_before = 0.0

    def ask(self, cause: str) -> None:
        """Have the line replaced at once."""
        self._asked = cause

    def over(self) -> None:
        """Note that there is a new line, or none to replace."""
        self._asked = None

    def failed(self) -> None:
        """Note that the new line came to nothing; a token that is due is not tried again at once."""
        self._asked = None
        self._not_before = self._loop.time() + RETRY

    def wait(self) -> float | None:
        """Return the seconds until the token is due, None where none is."""
        due = self._token_due_at()
        return None if due is None else max(0.0, max(due, self._not_before) - self._loop.time())

    def due(self) -> str | None:
        """Return the cause for which the line is to be replaced now, None for none."""
        if self._asked is not None:
            return self._asked
        wait = self.wait()
        return "the token is due" if wait is not None and wait <= 0 else None

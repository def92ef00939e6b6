"""The streams of a subscription one by one: which of them is out of date, for tables that dim rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from upbit_ws_qt.silence import SilenceDetector

if TYPE_CHECKING:
    from collections.abc import Callable

    from upbit_ws_qt.events import BaseWebSocketEvent
    from upbit_ws_qt.streams import StreamKey

__all__ = ["StaleRow"]


class StaleRow:
    """One stream, by the rules of a channel's staleness; who shows it is told each change.

    Attributes:
        stream: which one.
        is_stale: whether what was received last may not be the present state.
    """

    def __init__(
        self,
        stream: StreamKey,
        newest: Callable[[StreamKey], BaseWebSocketEvent | None],
        tell: Callable[[str, bool], None],
        on_stop: Callable[[StaleRow], None],
    ) -> None:
        self.stream = stream
        self.is_stale = False
        self._told = False
        self._newest = newest
        self._tell = tell
        self._on_stop = on_stop
        self._silence = SilenceDetector()
        self._last: object = None  # what was newest when it became stale
        self._fresh_from = 0  # epoch

    def stop(self) -> None:
        """Be told nothing more; nobody shows it."""
        self._on_stop(self)

    def has_fallen_silent(self) -> bool:
        """Look whether something came since the last look; return whether a busy stream has fallen silent."""
        return self._silence.look(self._newest(self.stream))

    def has_news(self) -> bool:
        """Whether it is stale, and something has come since."""
        if not self.is_stale:
            return False
        newest = self._newest(self.stream)
        return newest is not None and newest is not self._last and newest.epoch >= self._fresh_from

    def note_stale(self, stale: bool, fresh_from: int = 0) -> None:
        """Know it, and say so with `tell_stale`; nothing of an epoch before `fresh_from` is news."""
        self._fresh_from = max(self._fresh_from, fresh_from)
        if stale and not self.is_stale:
            self._last = self._newest(self.stream)
        self.is_stale = stale

    def tell_stale(self) -> None:
        """Say what was noted, where it is not what was said last."""
        if self.is_stale is not self._told:
            self._told = self.is_stale
            self._tell(self.stream.symbol, self.is_stale)

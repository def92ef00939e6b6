"""The status of every stream: told once per change, outside all tasks, and to those who wait for it."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from upbit_ws_qt.errors import SubscriptionError

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Collection, Iterable

    from upbit_ws_qt.streams import StreamKey
    from upbit_ws_qt.subscriptions.status import StreamStatus

__all__ = ["StatusBoard", "names_of"]


class StatusBoard:
    """Remembers what was told and tells what differs.

    Args:
        loop: whose callbacks carry the news, so that none is told from inside a Task.
        streams: returns all streams that anybody wants.
        status: returns how it stands with a stream now.
        tell: is told each change.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        *,
        streams: Callable[[], Collection[StreamKey]],
        status: Callable[[StreamKey], StreamStatus],
        tell: Callable[[StreamKey, StreamStatus], None],
    ) -> None:
        self._loop = loop
        self._streams = streams
        self._status = status
        self._tell = tell
        self._told: dict[StreamKey, StreamStatus] = {}
        self._news: deque[tuple[StreamKey, StreamStatus]] = deque()
        self._is_telling = False
        self._is_refreshing = False
        self._waiters: list[tuple[frozenset[StreamKey], asyncio.Future[None]]] = []
        self._closed: Exception | None = None

    def served(self) -> list[StreamKey]:
        """Return the streams that were last told to be served."""
        return [stream for stream, status in self._told.items() if status.is_served]

    def changed(self, streams: Iterable[StreamKey]) -> None:
        """Look at some streams now."""
        for stream in streams:
            if stream in self._told:
                self._note(stream)
        self._answer_waiters()

    def refresh_soon(self) -> None:
        """Look at all streams in the loop's next turn."""
        if not self._is_refreshing and self._closed is None:
            self._is_refreshing = True
            self._loop.call_soon(self._refresh)

    async def wait_served(self, streams: Iterable[StreamKey]) -> None:
        """Return when all are served; SubscriptionError names those that are failed or wanted by nobody."""
        waiter = (frozenset(streams), self._loop.create_future())
        self._waiters.append(waiter)
        try:
            if self._closed is not None:
                raise self._closed
            self._answer_waiters()
            await waiter[1]
        finally:
            self._waiters.remove(waiter)

    def close(self, error: Exception) -> None:
        """Tell nothing more; those who wait get `error`."""
        self._closed = error
        for _, future in self._waiters:
            if not future.done():
                future.set_exception(error)

    def _refresh(self) -> None:
        self._is_refreshing = False
        if self._closed is not None:
            return
        streams = self._streams()
        for stream in [stream for stream in self._told if stream not in streams]:
            del self._told[stream]
        for stream in streams:
            self._note(stream)
        self._answer_waiters()

    def _note(self, stream: StreamKey) -> None:
        status = self._status(stream)
        if self._told.get(stream) is not status:
            self._told[stream] = status
            self._news.append((stream, status))
            if not self._is_telling:
                self._is_telling = True
                self._loop.call_soon(self._tell_all)

    def _tell_all(self) -> None:
        self._is_telling = False
        while self._news and self._closed is None:
            self._tell(*self._news.popleft())

    def _answer_waiters(self) -> None:
        if not self._waiters:
            return
        wanted = self._streams()
        for streams, future in self._waiters:
            if not future.done():
                self._answer(streams, future, wanted)

    def _answer(
        self, streams: Collection[StreamKey], future: asyncio.Future[None], wanted: Collection[StreamKey]
    ) -> None:
        failed: list[StreamKey] = []
        for stream in streams:
            status = self._status(stream)
            if status.is_failed or stream not in wanted:
                failed.append(stream)
            elif not status.is_served:
                return
        if failed:
            codes = tuple(stream.symbol for stream in failed)
            future.set_exception(SubscriptionError(f"the exchange does not serve {names_of(failed)}", codes=codes))
        else:
            future.set_result(None)


def names_of(streams: Collection[StreamKey]) -> str:
    """Return the names of streams for people, ten at most."""
    names = [str(stream) for stream in sorted(streams)]
    return ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")

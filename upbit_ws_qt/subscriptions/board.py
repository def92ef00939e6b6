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


class _Waiter:
    """Somebody who waits until some streams are served: those not decided yet, and those decided against."""

    def __init__(self, streams: Iterable[StreamKey], answer: asyncio.Future[None]) -> None:
        self.streams = frozenset(streams)
        self.open = set(self.streams)
        self.failed: dict[StreamKey, SubscriptionError | None] = {}
        self.answer = answer

    def note(self, stream: StreamKey, status: StreamStatus | None, error: SubscriptionError | None) -> None:
        """Take in how it stands with a stream and why; None where nobody wants it any more."""
        self.failed.pop(stream, None)
        self.open.discard(stream)
        if status is None or status.is_failed:
            self.failed[stream] = error
        elif not status.is_served:
            self.open.add(stream)

    def decide(self) -> None:
        """Answer once it is known of every stream whether it is served."""
        if self.open or self.answer.done():
            return
        if self.failed:
            self.answer.set_exception(self._error())
        else:
            self.answer.set_result(None)

    def _error(self) -> SubscriptionError:
        """Return what they are all failed for, in the words in which everybody else is told."""
        errors = {id(error): error for error in self.failed.values()}
        only = next(iter(errors.values()))
        if len(errors) == 1 and only is not None:
            return only.copy(only.component_id)
        codes = tuple(stream.symbol for stream in sorted(self.failed))
        return SubscriptionError(f"the exchange does not serve {names_of(self.failed)}", codes=codes)


class StatusBoard:
    """Remembers what was told and tells what differs.

    Args:
        loop: whose callbacks carry the news, so that none is told from inside a Task.
        streams: returns all streams that anybody wants.
        wants: returns whether anybody wants a stream.
        status: returns how it stands with a stream now.
        why: returns what is wrong with a stream of that status, None for nothing.
        tell: is told each change, with what is wrong.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        *,
        streams: Callable[[], Collection[StreamKey]],
        wants: Callable[[StreamKey], bool],
        status: Callable[[StreamKey], StreamStatus],
        why: Callable[[StreamKey, StreamStatus], SubscriptionError | None],
        tell: Callable[[StreamKey, StreamStatus, SubscriptionError | None], None],
    ) -> None:
        self._loop = loop
        self._streams = streams
        self._wants = wants
        self._status = status
        self._why = why
        self._tell = tell
        self._told: dict[StreamKey, StreamStatus] = {}
        self._news: deque[tuple[StreamKey, StreamStatus, SubscriptionError | None]] = deque()
        self._is_telling = False
        self._is_refreshing = False
        self._waiters: dict[_Waiter, None] = {}
        self._waiting_for: dict[StreamKey, dict[_Waiter, None]] = {}
        self._closed: Exception | None = None

    def served(self) -> list[StreamKey]:
        """Return the streams that were last told to be served."""
        return [stream for stream, status in self._told.items() if status.is_served]

    def changed(self, streams: Iterable[StreamKey]) -> None:
        """Look at some streams now."""
        for stream in streams:
            if stream in self._told:
                self._note(stream)
            waiters = tuple(self._waiting_for.get(stream, ()))
            self._inform(waiters, stream)
            for waiter in waiters:
                waiter.decide()

    def refresh_soon(self) -> None:
        """Look at all streams in the loop's next turn."""
        if not self._is_refreshing and self._closed is None:
            self._is_refreshing = True
            self._loop.call_soon(self._refresh)

    async def wait_served(self, streams: Iterable[StreamKey]) -> None:
        """Return when all are served; SubscriptionError names those that are failed or wanted by nobody."""
        if self._closed is not None:
            raise self._closed
        waiter = _Waiter(streams, self._loop.create_future())
        self._waiters[waiter] = None
        for stream in waiter.streams:
            self._waiting_for.setdefault(stream, {})[waiter] = None
            self._inform((waiter,), stream)
        waiter.decide()
        try:
            await waiter.answer
        finally:
            del self._waiters[waiter]
            for stream in waiter.streams:
                others = self._waiting_for[stream]
                del others[waiter]
                if not others:
                    del self._waiting_for[stream]

    def close(self, error: Exception) -> None:
        """Tell nothing more; those who wait get `error`."""
        self._closed = error
        for waiter in self._waiters:
            if not waiter.answer.done():
                waiter.answer.set_exception(error)

    def _refresh(self) -> None:
        self._is_refreshing = False
        if self._closed is not None:
            return
        streams = self._streams()
        for stream in [stream for stream in self._told if stream not in streams]:
            del self._told[stream]
        for stream in streams:
            self._note(stream)
        for stream, waiters in self._waiting_for.items():
            self._inform(waiters, stream)
        for waiter in self._waiters:
            waiter.decide()

    def _inform(self, waiters: Iterable[_Waiter], stream: StreamKey) -> None:
        if waiters:
            status = self._status(stream) if self._wants(stream) else None
            error = None if status is None else self._why(stream, status)
            for waiter in waiters:
                waiter.note(stream, status, error)

    def _note(self, stream: StreamKey) -> None:
        status = self._status(stream)
        if self._told.get(stream) is not status:
            self._told[stream] = status
            self._news.append((stream, status, self._why(stream, status)))
            if not self._is_telling:
                self._is_telling = True
                self._loop.call_soon(self._tell_all)

    def _tell_all(self) -> None:
        self._is_telling = False
        while self._news and self._closed is None:
            self._tell(*self._news.popleft())


def names_of(streams: Collection[StreamKey]) -> str:
    """Return the names of streams for people, ten at most."""
    names = [str(stream) for stream in sorted(streams)]
    return ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")

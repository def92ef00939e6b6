"""What stands before the guard of a stream after a change of line, and notes what comes first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from upbit_ws_qt.connection import StreamGap
from upbit_ws_qt.events import TradeEvent
from upbit_ws_qt.routing.ordering import Verdict

if TYPE_CHECKING:
    from collections.abc import Callable

    from upbit_ws_qt.events import BaseWebSocketEvent
    from upbit_ws_qt.routing.fanout import Topic

__all__ = ["StreamGate", "exchange_place"]


def exchange_place(event: BaseWebSocketEvent) -> tuple[int, int | None]:
    """Return (exchange's milliseconds, sequential_id) of an event, in the terms in which the past can be asked for.

    Of a trade it is when it was traded: its `timestamp` is a little later, and history does not know that one.
    """
    if isinstance(event, TradeEvent):
        return event.trade_timestamp, event.sequential_id
    return event.timestamp, None


class StreamGate:
    """Takes the place of a topic's guard until the first event of a new epoch was judged.

    Nothing on the hot path knows of it: it is called instead of the guard, and puts the guard back.

    Attributes:
        gap: the ends of the gap so far.
        first: what came first on the new line; None until it came.
        first_was_known: whether that had been handed on before.
    """

    def __init__(self, topic: Topic, gap: StreamGap, epoch: int, on_first: Callable[[StreamGate], None]) -> None:
        self.gap = gap
        self.first: BaseWebSocketEvent | None = None
        self.first_was_known = False
        self._topic = topic
        self._epoch = epoch
        self._on_first = on_first
        topic.judge = self.judge

    def judge(self, event: BaseWebSocketEvent) -> Verdict:
        """Decide about one event as the guard does."""
        verdict = self._topic.order.judge(event)
        if event.epoch == self._epoch:
            self._came_first(event, verdict)
        return verdict

    def close(self) -> None:
        """Put the guard back; nothing where another gate has taken its place."""
        if self._topic.judge == self.judge:
            self._topic.judge = self._topic.order.judge

    def _came_first(self, event: BaseWebSocketEvent, verdict: Verdict) -> None:
        timestamp, sequential_id = exchange_place(event)
        before = self.gap
        self.gap = StreamGap(before.stream, before.last_timestamp, before.last_id, timestamp, sequential_id)
        self.first = event
        self.first_was_known = verdict is Verdict.DUPLICATE
        self.close()
        self._on_first(self)

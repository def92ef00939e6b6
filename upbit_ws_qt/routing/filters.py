"""What one consumer sees of a shared stream: which events are for it, and how much of each."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING

from msgspec.structs import replace

from upbit_ws_qt.events import AnnouncementEvent, OrderbookEvent
from upbit_ws_qt.streams import key_of_event
from upbit_ws_qt.types import FULL_DEPTH, DataType

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from upbit_ws_qt.events import BaseWebSocketEvent
    from upbit_ws_qt.specs import SubscriptionSpec

__all__ = ["EventFilter", "ViewCache", "filter_of", "key_function"]


class ViewCache:
    """Cuts a book to a depth, or takes the text off an announcement, once for all consumers that want it so."""

    __slots__ = ("_source", "_view")

    def __init__(self) -> None:
        self._source: BaseWebSocketEvent | None = None
        self._view: BaseWebSocketEvent | None = None

    def cut(self, event: BaseWebSocketEvent, depth: int) -> BaseWebSocketEvent:
        """Return the book with at most `depth` units; the same object where it has no more."""
        if not isinstance(event, OrderbookEvent) or len(event.orderbook_units) <= depth:
            return event
        if self._source is not event or self._view is None:
            self._view = replace(event, orderbook_units=event.orderbook_units[:depth])
            self._source = event
        return self._view

    def strip(self, event: BaseWebSocketEvent) -> BaseWebSocketEvent:
        """Return the announcement without its text; the same object where it has none."""
        if not isinstance(event, AnnouncementEvent) or event.body is None:
            return event
        if self._source is not event or self._view is None:
            self._view = replace(event, body=None)
            self._source = event
        return self._view


class EventFilter:
    """Turns an event of a shared stream into what one wish is about: the event, a view of it, or nothing."""

    __slots__ = ("_depth", "_given", "_spec", "_views")

    def __init__(self, spec: SubscriptionSpec, views: ViewCache, before: EventFilter | None = None) -> None:
        self._spec = spec
        self._views = views
        self._depth = spec.depth if spec.data_type is DataType.ORDERBOOK else FULL_DEPTH
        # Keys whose one snapshot was handed out.
        self._given: set[Hashable] = set() if before is None else before._given

    def __call__(self, event: BaseWebSocketEvent) -> BaseWebSocketEvent | None:
        """Return what the consumer is handed, None where the event is not for it."""
        spec = self._spec
        if spec.only_realtime and event.is_snapshot:
            return None
        if spec.only_snapshot:
            if not event.is_snapshot or event.code in self._given:
                return None
            self._given.add(event.code)
        if isinstance(event, AnnouncementEvent):
            if spec.categories and event.category not in spec.categories:
                return None
            return event if spec.include_body else self._views.strip(event)
        return event if self._depth >= FULL_DEPTH else self._views.cut(event, self._depth)


def filter_of(
    spec: SubscriptionSpec, views: dict[object, ViewCache], *, before: EventFilter | None = None
) -> EventFilter | None:
    """Return the filter that a wish needs, None where every event of its streams is for it as it is.

    Args:
        spec: the wish.
        views: the caches that consumers with the same view share; one is added where it is the first.
        before: the filter in whose place it comes; which snapshots were handed out is taken over.
    """
    view: object = None
    if spec.data_type is DataType.ORDERBOOK and spec.depth < FULL_DEPTH:
        view = spec.depth
    elif spec.data_type is DataType.ANNOUNCEMENT:
        view = "stripped"
    elif not (spec.only_snapshot or spec.only_realtime):
        return None
    return EventFilter(spec, views.setdefault(view, ViewCache()), before)


def key_function(data_type: DataType) -> Callable[[BaseWebSocketEvent], Hashable]:
    """Return what tells apart the things of which a consumer of one wish may be handed the newest only.

    The market for most, the order or announcement itself where each has a life of its own, and for indicators the
    whole stream.
    """
    if data_type in (DataType.MY_ORDER, DataType.ANNOUNCEMENT):
        return attrgetter("uuid")
    if data_type is DataType.MY_ASSET:
        return attrgetter("asset_uuid")
    if data_type.is_indicator:
        return key_of_event
    return attrgetter("code")

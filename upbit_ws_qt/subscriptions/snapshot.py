"""A picture of who wants what and what is served, to put back or to compare with."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from upbit_ws_qt.errors import SubscriptionError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from upbit_ws_qt.errors import WebSocketError
    from upbit_ws_qt.specs import SubscriptionSpec
    from upbit_ws_qt.streams import StreamKey
    from upbit_ws_qt.subscriptions.state import SubscriptionStateManager

__all__ = ["RestoreResult", "SnapshotData", "SnapshotDifference", "SubscriptionStateSnapshot"]


@dataclass(frozen=True, slots=True)
class SnapshotDifference:
    """What changed from one picture to another.

    Attributes:
        components_gone: components that have no wishes any more.
        components_new: components that had none.
        components_changed: components whose wishes differ.
        streams_gone: streams that were served and are not.
        streams_new: streams that are served and were not.
    """

    components_gone: tuple[str, ...]
    components_new: tuple[str, ...]
    components_changed: tuple[str, ...]
    streams_gone: frozenset[StreamKey]
    streams_new: frozenset[StreamKey]

    def __bool__(self) -> bool:
        return bool(
            self.components_gone
            or self.components_new
            or self.components_changed
            or self.streams_gone
            or self.streams_new
        )


@dataclass(frozen=True, slots=True)
class SnapshotData:
    """The wishes of all components at one time, and the streams that were served then.

    Attributes:
        components: wishes by component.
        served: streams that were proved.
        taken_at: loop time, seconds.
    """

    components: Mapping[str, tuple[SubscriptionSpec, ...]]
    served: frozenset[StreamKey]
    taken_at: float

    def compare(self, later: SnapshotData) -> SnapshotDifference:
        """Return what changed from this picture to a later one."""
        old, new = self.components, later.components
        return SnapshotDifference(
            components_gone=tuple(sorted(old.keys() - new.keys())),
            components_new=tuple(sorted(new.keys() - old.keys())),
            components_changed=tuple(
                sorted(name for name in old.keys() & new.keys() if Counter(old[name]) != Counter(new[name]))
            ),
            streams_gone=self.served - later.served,
            streams_new=later.served - self.served,
        )


@dataclass(frozen=True, slots=True)
class RestoreResult:
    """What came of putting a picture back; true where nothing failed.

    Attributes:
        restored: components that have the wishes of the picture again.
        unchanged: components that had them anyway.
        removed: components that are not in the picture and have lost their wishes.
        failed: components that keep what they had, since one of their wishes is refused now; with the reason.
    """

    restored: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    failed: Mapping[str, WebSocketError] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return not self.failed


class SubscriptionStateSnapshot:
    """Takes pictures of who wants what, and puts them back."""

    def __init__(self, state: SubscriptionStateManager) -> None:
        self._state = state

    def capture_state(self, *, served: Iterable[StreamKey] = (), now: float = 0.0) -> SnapshotData:
        """Return a picture of all wishes; `served` and `now` (loop time) are kept in it."""
        return SnapshotData(components=self._state.components(), served=frozenset(served), taken_at=now)

    def restore_state(self, snapshot: SnapshotData) -> RestoreResult:
        """Make the wishes those of the picture; components that are not in it lose theirs.

        Each component gets back all of its wishes or keeps what it has: where the exchange has refused one of them in
        the meantime, the component is in `failed` and the others are restored.
        """
        before = self._state.components()
        removed = tuple(sorted(before.keys() - snapshot.components.keys()))
        # First, so that the INFO line's limit of combinations has room for what comes back.
        for name in removed:
            self._state.replace(name, ())
        restored: list[str] = []
        unchanged: list[str] = []
        failed: dict[str, WebSocketError] = {}
        for name, specs in snapshot.components.items():
            # Counted, not compared as they stand: two equal wishes of a component are two, in whatever order they came.
            if Counter(before.get(name, ())) == Counter(specs):
                unchanged.append(name)
                continue
            try:
                self._state.replace(name, specs)
            except SubscriptionError as error:
                failed[name] = error
            else:
                restored.append(name)
        return RestoreResult(tuple(restored), tuple(unchanged), removed, failed)

"""A picture of who wants what and what is served, to put back or to compare with."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from upbit_ws_qt.errors import SubscriptionError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from upbit_ws_qt.streams import StreamKey
    from upbit_ws_qt.subscriptions.state import SubscriptionStateManager
    from upbit_ws_qt.types import SubscriptionSpec

__all__ = ["SnapshotDifference", "SubscriptionStateSnapshot"]


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
class SubscriptionStateSnapshot:
    """The wishes of all components at one time, and the streams that were served then.

    Attributes:
        components: wishes by component.
        served: streams that were proved.
        taken_at: loop time, seconds.
    """

    components: Mapping[str, tuple[SubscriptionSpec, ...]]
    served: frozenset[StreamKey]
    taken_at: float

    @classmethod
    def capture_state(
        cls, state: SubscriptionStateManager, *, served: Iterable[StreamKey] = (), now: float = 0.0
    ) -> Self:
        """Take a picture."""
        return cls(components=state.components(), served=frozenset(served), taken_at=now)

    def restore_state(self, state: SubscriptionStateManager) -> None:
        """Make the wishes of `state` those of the picture; components that are not in it lose theirs.

        If the exchange refused one of the wishes in the meantime, SubscriptionError is raised and `state` is as before.
        """
        before = state.components()
        done: list[str] = []
        try:
            for name in before.keys() - self.components.keys():
                done.append(name)
                state.replace(name, ())
            for name, specs in self.components.items():
                state.replace(name, specs)
                done.append(name)
        except SubscriptionError:
            for name in done:
                state.replace(name, before.get(name, ()))
            raise

    def compare(self, later: SubscriptionStateSnapshot) -> SnapshotDifference:
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

"""Who owns what: a subscription ends with its owner, and with the object whose method or signal it calls."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Protocol
from weakref import ref

from PyQt6 import sip
from PyQt6.QtCore import QObject, pyqtBoundSignal, pyqtSlot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from upbit_ws_qt.manager import EventStream
    from upbit_ws_qt.specs import SubscriptionSpec

__all__ = ["Closeable", "Lifetime", "StreamEnd", "receiver_of", "signal_of"]


class Closeable(Protocol):
    """Something that is wanted and can be ended, at any time and more than once."""

    @property
    def specs(self) -> tuple[SubscriptionSpec, ...]:
        """What is wanted by it."""

    def close(self) -> None:
        """End it."""


class Lifetime(QObject):
    """Holds what belongs to an owner, and closes it when the owner is destroyed or when `end` is called.

    It is a child of the service and not of the owner. When `destroyed` is emitted, the owner's own methods do not run
    any more, and lambdas and partials may be gone already; a bound method of another QObject that lives on always runs.

    Args:
        owner: whose things these are; None for things that last until `end` is called.
        parent: of this QObject: the service.
    """

    def __init__(self, owner: QObject | None, parent: QObject) -> None:
        super().__init__(parent)
        self._members: dict[Closeable, None] = {}  # a set that keeps the order in which they came
        self._ended = False
        self._owner = None if owner is None else _reference(owner)
        if owner is not None:
            owner.destroyed.connect(self.end)

    @property
    def ended(self) -> bool:
        """Whether `end` was called, by the owner's death or by anybody."""
        return self._ended

    @property
    def owner(self) -> QObject | None:
        """The owner; None where there never was one, or where it is gone."""
        return None if self._owner is None else self._owner()

    def is_alive(self) -> bool:
        """Whether it has not ended and the owner, where there is one, still lives.

        Unlike `ended` it also notices an owner that died while its signals were blocked or disconnected: nobody is
        notified of that.
        """
        if self._ended or self._owner is None:
            return not self._ended
        owner = self._owner()
        return owner is not None and not sip.isdeleted(owner)

    @property
    def specs(self) -> tuple[SubscriptionSpec, ...]:
        """What is wanted by all that it holds, oldest first."""
        return tuple(spec for member in tuple(self._members) for spec in member.specs)

    def belongs_to(self, owner: QObject) -> bool:
        """Whether it is an object's, or one's within it; of a deleted object only what was its own is known."""
        found = self.owner
        if found is owner:
            return True
        if found is None or sip.isdeleted(found) or sip.isdeleted(owner):
            return False
        while (found := found.parent()) is not None:
            if found is owner:
                return True
        return False

    def __len__(self) -> int:
        return len(self._members)

    def __iter__(self) -> Iterator[Closeable]:
        return iter(tuple(self._members))

    def add(self, member: Closeable) -> None:
        """Close `member` at the end; at once where the end has passed."""
        if self._ended:
            member.close()
        else:
            self._members[member] = None

    def discard(self, member: Closeable) -> None:
        """Forget a member that was closed before the end."""
        self._members.pop(member, None)

    @pyqtSlot()
    def end(self) -> None:
        """Close everything, oldest first; a second call does nothing."""
        if self._ended:
            return
        self._ended = True
        for member in tuple(self._members):  # closing one removes it from the members
            member.close()
        self._members.clear()
        if not sip.isdeleted(self):
            self.deleteLater()


class StreamEnd:
    """Ends what is iterated with its owner, and keeps it from nobody: a loop that is broken off lets go of it."""

    def __init__(self, stream: EventStream[Any], on_gone: Callable[[Closeable], None]) -> None:
        self._stream = ref(stream, lambda _: on_gone(self))

    @property
    def specs(self) -> tuple[SubscriptionSpec, ...]:
        """What is wanted by it; nothing before it is iterated."""
        stream = self._stream()
        return () if stream is None or not stream.begun else (stream.spec,)

    def close(self) -> None:
        """End it."""
        stream = self._stream()
        if stream is not None:
            stream.close()


def receiver_of(callback: object) -> QObject | None:
    """Return the QObject whose bound method the callback is, or is a partial of; None for anything else."""
    while isinstance(callback, partial):
        callback = callback.func
    receiver = getattr(callback, "__self__", None)
    return receiver if isinstance(receiver, QObject) else None


def signal_of(callback: object) -> pyqtBoundSignal | None:
    """Return the signal where the callback is one, or is the `emit` of one; None for anything else.

    A signal has to be connected as a signal: Qt then knows when its object is deleted, whereas calling the `emit` of a
    deleted object crashes the interpreter.
    """
    if isinstance(callback, pyqtBoundSignal):
        return callback
    sender = getattr(callback, "__self__", None)
    return sender if isinstance(sender, pyqtBoundSignal) else None


def _reference(owner: QObject) -> Callable[[], QObject | None]:
    """Return what finds an owner without keeping it alive.

    An owner that was made in Python is referred to weakly: it dies with its last reference, and `destroyed` is emitted.
    Of an object that Qt made itself (the tab bar of a QTabWidget, say) Python has only a wrapper, which is made and
    thrown away as it is needed while the object lives on. A weak reference to it would die at once; a strong one keeps
    nothing alive but the wrapper.
    """
    return ref(owner) if sip.ispycreated(owner) else lambda: owner

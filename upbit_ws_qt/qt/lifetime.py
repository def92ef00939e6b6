"""What ends when a widget dies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol
from weakref import ref

from PyQt6 import sip
from PyQt6.QtCore import QObject, pyqtSlot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Closeable", "Lifetime"]


class Closeable(Protocol):
    """Something that can be ended, at any time and more than once."""

    def close(self) -> None:
        """End it."""


class Lifetime(QObject):
    """Holds what belongs to an owner and closes it when the owner is destroyed, or when told.

    It is a child of the service and not of the owner: of a dying object only the bound methods of another QObject
    that lives on are sure to run.
    """

    def __init__(self, owner: QObject | None, parent: QObject) -> None:
        super().__init__(parent)
        self._members: dict[Closeable, None] = {}
        self._ended = False
        self._owner = None if owner is None else _reference(owner)
        if owner is not None:
            owner.destroyed.connect(self.end)

    @property
    def ended(self) -> bool:
        """Whether it is over."""
        return self._ended

    @property
    def owner(self) -> QObject | None:
        """Whose it is; None where it has no owner, or the owner is gone."""
        return None if self._owner is None else self._owner()

    def is_alive(self) -> bool:
        """Whether it goes on; also tells of an owner whose end was not announced."""
        if self._ended or self._owner is None:
            return not self._ended
        owner = self._owner()
        return owner is not None and not sip.isdeleted(owner)

    def __len__(self) -> int:
        return len(self._members)

    def __iter__(self) -> Iterator[Closeable]:
        return iter(tuple(self._members))

    def add(self, member: Closeable) -> None:
        """Close `member` at the end; at once where it is over already."""
        if self._ended:
            member.close()
        else:
            self._members[member] = None

    def discard(self, member: Closeable) -> None:
        """Forget a member that was closed before."""
        self._members.pop(member, None)

    @pyqtSlot()
    def end(self) -> None:
        """Close everything, oldest first; a second call does nothing."""
        if self._ended:
            return
        self._ended = True
        for member in tuple(self._members):
            member.close()
        self._members.clear()
        if not sip.isdeleted(self):
            self.deleteLater()


def _reference(owner: QObject) -> Callable[[], QObject | None]:
    """Return what finds an owner and does not keep it.

    Weak for one that was made in Python, so that it can go with its last reference; `destroyed` does the rest. Of one
    that Qt made itself (the tab bar of a QTabWidget, say) only the Python half would be held: it comes and goes while
    the owner lives, and holding it keeps nothing else.
    """
    return ref(owner) if sip.ispycreated(owner) else lambda: owner

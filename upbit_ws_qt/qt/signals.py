"""Signals as type checkers see them, so that an editor completes what a slot is handed; at run time they are PyQt's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

__all__ = ["SignalOf", "SignalOfTwo"]

_A = TypeVar("_A")
_B = TypeVar("_B")

if TYPE_CHECKING:
    from collections.abc import Callable

    from PyQt6.QtCore import QMetaObject, Qt, pyqtBoundSignal

    class SignalOf(pyqtBoundSignal, Generic[_A]):
        """A signal with one argument; a slot may do without it."""

        def connect(
            self,
            slot: Callable[[_A], object] | Callable[[], object] | pyqtBoundSignal,
            type: Qt.ConnectionType = ...,
            no_receiver_check: bool = ...,
        ) -> QMetaObject.Connection:
            """Have a slot called; see PyQt."""

        def emit(self, value: _A, /) -> None:
            """Call all slots."""

    class SignalOfTwo(pyqtBoundSignal, Generic[_A, _B]):
        """A signal with two arguments; a slot may do without the second, or both."""

        def connect(
            self,
            slot: Callable[[_A, _B], object] | Callable[[_A], object] | Callable[[], object] | pyqtBoundSignal,
            type: Qt.ConnectionType = ...,
            no_receiver_check: bool = ...,
        ) -> QMetaObject.Connection:
            """Have a slot called; see PyQt."""

        def emit(self, first: _A, second: _B, /) -> None:
            """Call all slots."""

else:

    class SignalOf(Generic[_A]):
        """Stands in annotations only."""

    class SignalOfTwo(Generic[_A, _B]):
        """Stands in annotations only."""

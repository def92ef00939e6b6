"""Whose a callback is: the QObject of a bound method, or a signal."""

from __future__ import annotations

from functools import partial

from PyQt6.QtCore import QObject, pyqtBoundSignal

__all__ = ["receiver_of", "signal_of"]


def receiver_of(callback: object) -> QObject | None:
    """Return the QObject whose bound method the callback is, or is a partial of; None for anything else."""
    while isinstance(callback, partial):
        callback = callback.func
    receiver = getattr(callback, "__self__", None)
    return receiver if isinstance(receiver, QObject) else None


def signal_of(callback: object) -> pyqtBoundSignal | None:
    """Return the signal where the callback is one, or its emit.

    A signal has to be connected as a signal: calling the emit of a deleted object crashes the interpreter.
    """
    if isinstance(callback, pyqtBoundSignal):
        return callback
    sender = getattr(callback, "__self__", None)
    return sender if isinstance(sender, pyqtBoundSignal) else None

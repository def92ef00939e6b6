"""Keeps a program alive when a slot raises, and reports each distinct error once; PyQt would abort the program."""

from __future__ import annotations

import logging
import sys
import threading
import traceback
from collections import OrderedDict
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PyQt6 import sip
from PyQt6.QtCore import QCoreApplication, QObject

from upbit_ws_qt.text import safe_text

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

__all__ = ["ExceptHook", "SlotError", "install_excepthook"]

_log = logging.getLogger(__name__)

# Distinct errors that are remembered. Beyond it the oldest is forgotten, and is reported anew should it happen again.
_MAX_ERRORS = 1000


@dataclass(frozen=True, slots=True)
class SlotError:
    """One distinct unexpected exception.

    Attributes:
        error: the exception, as it was raised the first time.
        receiver: the slot: its object's class and name and the method, or the name of the function.
        place: where it was raised: file, line and function.
        text: the traceback, for a "Copy" button: at most 200 lines, with control characters escaped.
        count: how often it has been raised so far.
    """

    error: BaseException
    receiver: str
    place: str
    text: str
    count: int = 1

    def __str__(self) -> str:
        message = safe_text(str(self.error))
        return f"{type(self.error).__name__} in {self.receiver} at {self.place}: {message}"


class ExceptHook:
    """Takes the place of `sys.excepthook`.

    PyQt hands it each exception that a slot, an event handler or another method called by Qt did not catch. Errors of
    one type and place count as one: it is logged with its traceback and handed to `report` the first time, and counted
    from then on. A hook that the program had before (of a crash reporter, say) is called with each exception too.
    Ctrl+C quits the Qt application instead.

    Args:
        report: called with each distinct error, in the thread in which it was raised.
    """

    def __init__(self, report: Callable[[SlotError], object] | None = None) -> None:
        self._report = report
        self._errors: OrderedDict[tuple[type[BaseException], str], SlotError] = OrderedDict()
        self._lock = threading.Lock()  # slots may raise in several threads at once
        self._previous: Callable[..., Any] | None = None
        self._programs: Callable[..., Any] | None = None

    @property
    def errors(self) -> tuple[SlotError, ...]:
        """The distinct errors so far, each with its count; the latest 1,000 of them."""
        with self._lock:
            return tuple(self._errors.values())

    @property
    def installed(self) -> bool:
        """Whether `sys.excepthook` is this hook."""
        return sys.excepthook == self._hook

    def install(self) -> None:
        """Become `sys.excepthook`; a second call changes nothing."""
        if not self.installed:
            self._previous = sys.excepthook
            self._programs = _hook_of_the_program(sys.excepthook) or self._programs
            sys.excepthook = self._hook

    def uninstall(self) -> None:
        """Put the hook back that was there before; nothing changes where another one was installed since."""
        if self.installed and self._previous is not None:
            sys.excepthook = self._previous

    def _hook(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            QCoreApplication.quit()
            return
        try:
            self._note(kind, error, trace)
        finally:
            self._pass_on(kind, error, trace)

    def _note(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        key = (kind, _place(trace))
        with self._lock:
            known = self._errors.get(key)
            if known is not None:
                self._errors[key] = replace(known, count=known.count + 1)
                return
            found = SlotError(error, _receiver(trace), key[1], _traceback_text(kind, error, trace))
            self._errors[key] = found
            if len(self._errors) > _MAX_ERRORS:
                self._errors.popitem(last=False)
        _log.error("unexpected error: %s\n%s", found, found.text)
        self._tell(found)

    def _pass_on(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        """Call the hook that the program had before any of ours."""
        if self._programs is None:
            return
        try:
            self._programs(kind, error, trace)
        except Exception:  # noqa: BLE001 - the guarded boundary of callbacks; PyQt aborts where a hook itself raises
            _log.exception("the program's own excepthook failed")

    def _tell(self, found: SlotError) -> None:
        if self._report is None:
            return
        try:
            self._report(found)
        except Exception:  # noqa: BLE001 - the guarded boundary of callbacks; PyQt aborts where a hook itself raises
            _log.exception("the report of an unexpected error failed")


def install_excepthook(report: Callable[[SlotError], object] | None = None) -> ExceptHook:
    """Keep the program alive when a slot raises, and say so once for each distinct error.

    Args:
        report: called with each distinct error, in the thread in which it was raised; it is logged in any case, and a
            hook that was there before is called too.

    Returns:
        The installed hook, with `errors` and `uninstall()`.
    """
    hook = ExceptHook(report)
    hook.install()
    return hook


def _hook_of_the_program(hook: Callable[..., Any]) -> Callable[..., Any] | None:
    """Return a hook that is neither ours nor Python's own, which prints what has been logged already."""
    holder = getattr(hook, "__self__", None)
    if isinstance(holder, ExceptHook):
        return holder._programs
    return None if hook is sys.__excepthook__ else hook


def _receiver(trace: TracebackType | None) -> str:
    """Return which slot raised: the outermost frame of the traceback is the slot's own, since Qt called it."""
    if trace is None:
        return "unknown"
    frame = trace.tb_frame
    code = frame.f_code
    function: str = code.co_qualname
    receiver = frame.f_locals.get("self")
    if not isinstance(receiver, QObject):
        return function
    name = "" if sip.isdeleted(receiver) else receiver.objectName()
    return f"{type(receiver).__name__}{f' {safe_text(name)!r}' if name else ''}.{code.co_name}"


def _place(trace: TracebackType | None) -> str:
    summary = traceback.extract_tb(trace)
    if not summary:
        return "unknown"
    last = summary[-1]
    return f"{Path(last.filename).name}:{last.lineno} in {last.name}"


def _traceback_text(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> str:
    lines = "".join(traceback.format_exception(kind, error, trace, limit=-50)).splitlines()
    return "\n".join(safe_text(line) for line in lines[:200])

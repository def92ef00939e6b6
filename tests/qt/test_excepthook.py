from __future__ import annotations

import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest
from PyQt6.QtCore import QCoreApplication, QObject, Qt, QTimer, pyqtSignal, pyqtSlot

from upbit_ws_qt.qt.excepthook import ExceptHook, SlotError, install_excepthook

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Panel(QObject):
    poked = pyqtSignal(str)

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []
        self.poked.connect(self.on_poked)
        self.poked.connect(self.on_also_poked)

    @pyqtSlot(str)
    def on_poked(self, text: str) -> None:
        raise ValueError(f"bad {text}")

    @pyqtSlot(str)
    def on_also_poked(self, text: str) -> None:
        self.seen.append(text)


@pytest.fixture
def no_other_hook(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take away pytest-qt's, which would be called too and fail the test."""
    monkeypatch.setattr(sys, "excepthook", sys.__excepthook__)


@pytest.fixture
def hooked(qapp: QCoreApplication, no_other_hook: None) -> Iterator[tuple[ExceptHook, list[SlotError]]]:
    reports: list[SlotError] = []
    hook = install_excepthook(reports.append)
    yield hook, reports
    hook.uninstall()


Hooked = tuple[ExceptHook, list[SlotError]]


def test_a_raising_slot_is_one_report_with_receiver_and_place_and_the_others_run(hooked: Hooked) -> None:
    _, reports = hooked
    panel = Panel()
    panel.setObjectName("left")
    panel.poked.emit("one")
    assert panel.seen == ["one"]
    (report,) = reports
    assert report.receiver == "Panel 'left'.on_poked"
    assert report.place.startswith("test_excepthook.py:")
    assert report.place.endswith("in on_poked")
    assert isinstance(report.error, ValueError)
    assert "bad one" in report.text


def test_repeats_are_counted_not_reported(hooked: Hooked) -> None:
    hook, reports = hooked
    panel = Panel()
    for text in "abc":
        panel.poked.emit(text)
    assert len(reports) == 1
    assert [error.count for error in hook.errors] == [3]


def test_two_places_are_two_reports(hooked: Hooked) -> None:
    _, reports = hooked
    panel = Panel()
    panel.poked.connect(_raise_key_error)
    panel.poked.emit("one")
    assert [type(report.error) for report in reports] == [ValueError, KeyError]
    assert reports[1].receiver == "_raise_key_error"


def test_hostile_text_in_an_error_cannot_reach_a_terminal(hooked: Hooked) -> None:
    _, reports = hooked
    panel = Panel()
    panel.poked.emit("\x1b[2J")
    assert "\x1b" not in str(reports[0]) + reports[0].text


@pytest.mark.usefixtures("qapp", "no_other_hook")
def test_a_report_that_raises_does_not_end_the_program() -> None:
    def report(_: SlotError) -> None:
        raise RuntimeError("the reporter is broken")

    hook = install_excepthook(report)
    try:
        panel = Panel()
        panel.poked.emit("one")
        assert panel.seen == ["one"]
        assert len(hook.errors) == 1
    finally:
        hook.uninstall()


def test_a_slot_of_another_thread_is_reported_too(hooked: Hooked) -> None:
    _, reports = hooked
    panel = Panel()
    panel.poked.disconnect()
    direct = Qt.ConnectionType.DirectConnection
    panel.poked.connect(_raise_key_error, type=direct)  # type: ignore[call-arg]  # unknown to the stubs
    thread = threading.Thread(target=panel.poked.emit, args=("x",))
    thread.start()
    thread.join()
    assert [report.receiver for report in reports] == ["_raise_key_error"]


def test_uninstall_gives_the_hook_back_unless_somebody_else_took_it(qapp: QCoreApplication) -> None:
    before = sys.excepthook
    hook = install_excepthook()
    hook.install()
    assert hook.installed
    hook.uninstall()
    assert sys.excepthook is before
    hook.install()
    other: Callable[..., None] = lambda *_: None  # noqa: E731
    sys.excepthook = other
    hook.uninstall()
    taken, sys.excepthook = sys.excepthook, before
    assert taken is other


Error = tuple[type[BaseException], BaseException, object]


@pytest.mark.usefixtures("qapp")
def test_a_hook_of_the_programs_own_is_told_of_each_error_whatever_is_installed_over_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told: list[Error] = []
    monkeypatch.setattr(sys, "excepthook", lambda *error: told.append(error))
    first, second = ExceptHook(), ExceptHook()
    for hook in (first, second, first):  # as a program does that shows errors in a window of its own, under run()
        hook.install()
    panel = Panel()
    panel.poked.emit("one")
    panel.poked.emit("two")
    assert [str(error[1]) for error in told] == ["bad one", "bad two"]
    assert [error.count for error in first.errors] == [2]
    assert second.errors == ()


@pytest.mark.usefixtures("qapp")
def test_a_hook_of_the_programs_own_that_raises_does_not_end_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("the program's own hook is broken")

    monkeypatch.setattr(sys, "excepthook", broken)
    hook = install_excepthook()
    panel = Panel()  # kept, because PyQt crashes where a signal of a deleted object is used
    panel.poked.emit("one")
    assert len(hook.errors) == 1


def test_ctrl_c_ends_the_application(qapp: QCoreApplication, hooked: Hooked) -> None:
    _, reports = hooked

    def interrupt() -> None:
        raise KeyboardInterrupt

    QTimer.singleShot(0, interrupt)
    guard = QTimer()
    guard.setSingleShot(True)
    guard.timeout.connect(lambda: qapp.exit(99))
    guard.start(5000)
    assert qapp.exec() == 0
    assert reports == []


@pytest.mark.parametrize(("hook", "survives"), [("", False), ("install_excepthook()", True)])
def test_without_the_hook_the_program_would_abort(hook: str, survives: bool) -> None:
    program = f"""
from PyQt6.QtCore import QCoreApplication, QTimer
from upbit_ws_qt.qt.excepthook import install_excepthook
app = QCoreApplication([])
{hook}
QTimer.singleShot(0, lambda: 1 / 0)
QTimer.singleShot(50, lambda: app.exit(7))
raise SystemExit(app.exec())
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=500, check=False)
    assert (done.returncode == 7) is survives
    assert "ZeroDivisionError" in done.stderr


def _raise_key_error(_: object) -> None:
    raise KeyError("x")

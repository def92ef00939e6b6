"""The log dock."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

import pytest
from PyQt6 import sip
from PyQt6.QtGui import QGuiApplication
from PyQt6.QtTest import QAbstractItemModelTester
from PyQt6.QtWidgets import QApplication

from widgets.window.log_dock import LONGEST, MOST_LINES, LogBook, LogWidget

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def book(qapp: object) -> Iterator[LogBook]:
    del qapp
    made = LogBook()
    made.install()
    yield made
    made.uninstall()
    sip.delete(made)


@pytest.fixture
def widget(book: LogBook) -> Iterator[LogWidget]:
    made = LogWidget(book)
    QAbstractItemModelTester(made.model, QAbstractItemModelTester.FailureReportingMode.Warning, made.model)
    made.show()
    yield made
    sip.delete(made)


def messages(widget: LogWidget) -> list[str]:
    widget.model.update()
    return [line.message for line in widget.model.shown]


def test_level_and_search(book: LogBook, widget: LogWidget) -> None:
    for level, text in ((logging.INFO, "hello one"), (logging.WARNING, "hello two"), (logging.ERROR, "bye")):
        logging.getLogger("upbit_ws_qt.somewhere").log(level, text)
    assert messages(widget) == ["hello one", "hello two", "bye"]
    widget.levels.setCurrentIndex(2)
    assert messages(widget) == ["hello two", "bye"]
    widget.search.setText("HELLO")
    assert messages(widget) == ["hello two"]
    assert book.errors == 1


def test_copy_takes_what_is_shown(widget: LogWidget) -> None:
    logging.getLogger("upbit_ws_qt.somewhere").warning("keep this")
    assert messages(widget) == ["keep this"]
    widget.copy.click()
    clipboard = QGuiApplication.clipboard()
    assert clipboard is not None
    assert clipboard.text().endswith("WARNING somewhere: keep this")


def test_it_is_bounded_in_lines_and_length_and_escapes_what_could_mislead(book: LogBook, widget: LogWidget) -> None:
    log = logging.getLogger("upbit_ws_qt.flood")
    for number in range(MOST_LINES + 50):
        log.info("line %d", number)
    assert len(messages(widget)) == len(book.lines) == MOST_LINES
    log.info("evil \x1b[31m \u202e %s", "x" * 10_000)
    last = messages(widget)[-1]
    assert "\x1b" not in last
    assert "\u202e" not in last
    assert len(last) < LONGEST + 50
    assert messages(widget)[0] == "line 51"


def test_another_thread_may_log(book: LogBook) -> None:
    thread = threading.Thread(target=lambda: logging.getLogger("upbit_ws_qt.thread").info("from afar"))
    thread.start()
    thread.join()
    QApplication.processEvents()
    assert book.lines[-1].message == "from afar"


def test_a_record_that_cannot_be_formatted_is_kept_as_it_is(book: LogBook) -> None:
    record = logging.LogRecord("upbit_ws_qt.odd", logging.WARNING, __file__, 1, "only %d", ("text",), None)
    (handler,) = (each for each in logging.getLogger().handlers if type(each).__module__ == LogBook.__module__)
    handler.handle(record)
    assert book.lines[-1].message == "only %d"


def test_the_newest_line_stays_in_sight_whatever_the_height_until_somebody_scrolls(widget: LogWidget) -> None:
    log, bar = logging.getLogger("upbit_ws_qt.somewhere"), widget.table.verticalScrollBar()
    assert bar is not None
    for number in range(100):
        log.info("line %d", number)
    messages(widget)
    for height in (500, 200, 350):
        widget.resize(400, height)
        QApplication.processEvents()
        assert bar.value() == bar.maximum() > 0
    bar.setValue(10)
    log.info("one more")
    messages(widget)
    widget.resize(400, 200)
    QApplication.processEvents()
    assert bar.value() == 10

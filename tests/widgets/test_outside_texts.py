"""What somebody outside has written can be long, without a space, or turned round: it never moves a window."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PyQt6 import sip
from PyQt6.QtWidgets import QApplication, QComboBox, QLabel, QMessageBox, QVBoxLayout, QWidget

from tests.rest.peers import nobody
from tests.waiting import until
from tests.widgets.desk import desk, turn, window_of
from tests.widgets.settings_desk import LIVE, open_settings, panel
from tests.widgets.showing import shown
from upbit_ws_qt import ConnectionLostError, RestMarket
from widgets.announcements.panel import AnnouncementsWidget
from widgets.base.labels import PlainLabel, breakable, contained, plain_label, tip_text
from widgets.base.market_catalog import MarketCatalog
from widgets.base.panel import Panel
from widgets.window.error_dialog import ErrorReporter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from widgets.window.main_window import MainWindow

OUTSIDE = {
    "no space": "W" * 10_000,
    "hangul": "가나다라마바사아자차카타파하" * 700,
    "many words": "word " * 2_000,
    "many lines": "line\n" * 2_000,
    "turned round": "\u202e" + "abc" * 3_000 + "\u202c \u2066숨은\u2069",
    "right to left": "שלום" * 2_500,
    "markup": "<img src='file:///etc/passwd' width=99999>" * 200,
    "wide": "\u2e3b" * 3_000 + "👨\u200d👩\u200d👧" * 500,
}


@pytest.fixture
def place(qapp: QApplication) -> Iterator[QWidget]:
    del qapp
    made = QWidget()
    QVBoxLayout(made)
    made.resize(500, 400)
    yield made
    sip.delete(made)


@pytest.mark.parametrize("text", OUTSIDE.values(), ids=OUTSIDE)
@pytest.mark.parametrize("wraps", [False, True])
def test_no_text_asks_for_more_width_than_a_line_of_ours(place: QWidget, text: str, *, wraps: bool) -> None:
    label = plain_label(text)
    label.setWordWrap(wraps)
    layout = place.layout()
    assert layout is not None
    layout.addWidget(label)
    place.show()
    assert place.minimumSizeHint().width() < 300
    assert place.sizeHint().width() < 1000
    assert (place.width(), place.height()) == (500, 400)
    most = label.most_lines * label.fontMetrics().lineSpacing()
    assert max(label.sizeHint().height(), label.heightForWidth(40)) <= most
    assert label.is_cut()
    assert label.shown_lines()[-1].endswith("…")
    place.grab()


def test_a_text_that_fits_is_shown_whole(place: QWidget) -> None:
    layout = place.layout()
    assert layout is not None
    short, long = plain_label("Access key"), plain_label("a sentence of several words that goes on " * 3)
    long.setWordWrap(True)
    for label in (short, long):
        layout.addWidget(label)
    place.show()
    assert short.shown_lines() == ["Access key"]
    assert short.minimumSizeHint().width() >= short.fontMetrics().horizontalAdvance("Access key")
    assert not short.is_cut()
    assert not long.is_cut()
    assert "".join(long.shown_lines()) == long.text()


def test_what_was_cut_is_told_beside_the_mouse_as_plain_text_that_fits_on_a_screen() -> None:
    for text in OUTSIDE.values():
        told = tip_text(text)
        assert len(told.splitlines()) <= 13
        assert max(map(len, told.splitlines())) < 700, "markup that was made harmless is longer"
        assert "<img" not in told
    assert tip_text("short") == "short"
    assert tip_text("") == ""


def test_a_combo_box_of_outside_texts_is_as_wide_as_its_place(place: QWidget) -> None:
    box = contained(QComboBox())
    box.addItems(["W" * 10_000, "가" * 10_000])
    layout = place.layout()
    assert layout is not None
    layout.addWidget(box)
    place.show()
    assert place.minimumSizeHint().width() < 300


async def _announced(window: MainWindow, exchange: object, title: str) -> None:
    announcements = panel(window, AnnouncementsWidget)
    before = len(announcements.announcements)
    exchange.publish_announcement(title, category=title[:200], body=title)  # type: ignore[attr-defined]
    await until(lambda: len(announcements.announcements) > before)
    window.show_panel("announcements")
    announcements.table.selectRow(0)
    await turn()


@pytest.mark.qasync_loop
@pytest.mark.usefixtures("let_go")
async def test_whatever_is_announced_alerted_or_goes_wrong_the_window_stays_as_it_is() -> None:
    async with desk() as (program, exchange):
        window = window_of(program)
        await until(lambda: exchange.subscribed("private"))
        await turn()
        size, least = window.size(), window.minimumSizeHint()
        for text in OUTSIDE.values():
            await _announced(window, exchange, text)
            window.toasts.show_note(text, level="warn")
            for each in window.panels.values():
                if isinstance(each, Panel):
                    each.show_error(ConnectionLostError("public", text))
            window.needs.log.add(0.0, 40, text, text)
            window.bar.showMessage(text)
            await turn()
            assert window.size() == size, text[:20]
            hint = window.minimumSizeHint()
            assert hint.width() <= max(least.width(), window.width()), text[:20]
            assert hint.height() <= window.height()
            for note in window.toasts.notes:
                assert window.rect().contains(note.geometry()), text[:20]
            window.bar.clearMessage()


@pytest.mark.qasync_loop
@pytest.mark.usefixtures("let_go")
async def test_a_long_answer_about_a_key_leaves_the_fields_as_high_as_they_were() -> None:
    async with desk(options=LIVE, credentials=None) as (program, _):
        dialog = open_settings(window_of(program))
        dialog.show_keys()
        await turn()
        size, height = dialog.size(), dialog.keys.access.height()
        for text in OUTSIDE.values():
            dialog.keys.tell_refused(text)
            await turn()
            assert dialog.size() == size
            assert dialog.keys.access.height() == height
            assert dialog.keys.state.height() >= dialog.keys.state.fontMetrics().lineSpacing() * 2
        dialog.reject()


async def _message_boxes() -> list[QMessageBox]:
    await turn()
    return [box for box in QApplication.topLevelWidgets() if isinstance(box, QMessageBox) and box.isVisible()]


class _Report:
    """An error as install_excepthook() hands it over."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __str__(self) -> str:
        return self.text


@pytest.mark.qasync_loop
@pytest.mark.parametrize("text", OUTSIDE.values(), ids=OUTSIDE)
async def test_the_dialog_of_an_error_fits_on_a_screen(text: str) -> None:
    async with shown(QWidget()) as parent:
        reporter = ErrorReporter(parent)
        reporter.report(_Report(text))
        (box,) = await _message_boxes()
        size = box.sizeHint()
        box.close()
        await turn()
    assert (size.width() < 1280, size.height() < 720) == (True, True), size
    assert max(map(len, breakable(text).replace("\u200b", " ").split())) <= 60


@pytest.mark.qasync_loop
async def test_a_market_whose_code_or_name_is_no_code_or_name_changes_nothing() -> None:
    async with shown(QWidget()) as parent:
        catalog = MarketCatalog(nobody(), None, parent)
        code, name = "KRW-" + "A" * 10_000, "\u202e" + "W" * 10_000
        catalog._on_done((RestMarket(code, "x", "x"), RestMarket("KRW-LONG", name, name)))
        assert [market.code for market in catalog.markets] == ["KRW-LONG"]
        assert len(catalog.get("KRW-LONG").name) <= 61
        assert "\u202e" not in catalog.get("KRW-LONG").name


def test_every_label_of_the_program_is_one_that_gives_way(qapp: QApplication) -> None:
    """A QLabel made directly, instead of by plain_label, would widen its window again."""
    del qapp
    import ast
    from pathlib import Path

    import widgets

    found = [
        f"{path.name}:{node.lineno}"
        for path in Path(widgets.__path__[0]).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "QLabel"
    ]
    assert not found
    assert issubclass(PlainLabel, QLabel)

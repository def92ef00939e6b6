"""Everything that can be operated has a name that a screen reader can say, in both languages."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QApplication,
    QComboBox,
    QDialog,
    QLabel,
    QLineEdit,
    QMenu,
    QMessageBox,
    QPlainTextEdit,
    QTabBar,
    QTabWidget,
    QWidget,
)

from tests.waiting import until
from tests.widgets.desk import desk, turn, window_of
from widgets.announcements.panel import AnnouncementsWidget
from widgets.base.focus import in_reading_order
from widgets.base.panel import Panel, PanelState
from widgets.base.text import Language, set_language
from widgets.program.main_menu import MainMenu
from widgets.settings.dialog import SettingsDialog
from widgets.window.error_dialog import ErrorReporter

if TYPE_CHECKING:
    from widgets.window.main_window import MainWindow

pytestmark = [pytest.mark.qasync_loop, pytest.mark.usefixtures("let_go")]

CONTROLS = (QAbstractButton, QComboBox, QLineEdit, QAbstractItemView, QPlainTextEdit, QTabBar)
LANGUAGES = pytest.mark.parametrize("language", [Language.KOREAN, Language.ENGLISH])


def named(widget: QWidget) -> str:
    """Return what a screen reader calls a control."""
    parent = widget.parentWidget()
    if isinstance(parent, QTabWidget) and isinstance(widget, QTabBar):
        return parent.accessibleName()
    if widget.accessibleName():
        return widget.accessibleName()
    if isinstance(widget, QAbstractButton):
        return widget.text().replace("&", "")
    labels = [label for label in widget.window().findChildren(QLabel) if label.buddy() is widget]  # type: ignore[union-attr]  # it has one
    return labels[0].text().replace("&", "") if labels else ""


def is_qts_own(widget: QWidget, root: QWidget) -> bool:
    """Whether it is a part of a control, made and named by Qt: the list in a box, the cross in a line."""
    parent = widget.parentWidget()
    while parent is not None and parent is not root:
        if isinstance(parent, (*CONTROLS, QMenu)) or "Private" in type(parent).__name__:
            return True
        parent = parent.parentWidget()
    meta = widget.metaObject()
    return meta is not None and meta.className() in {"QDockWidgetTitleButton", "QMenuBarExtension"}


def nameless(root: QWidget) -> list[str]:
    """Return the controls below a widget, and whatever else Tab stops at, that no letter names."""
    found = []
    for widget in root.findChildren(QWidget):
        stops = bool(widget.focusPolicy() & Qt.FocusPolicy.TabFocus) and widget.focusProxy() is None
        unused = widget.isHidden()  # by itself, not with the panel it is in: nothing to choose, or another state
        if not (isinstance(widget, CONTROLS) or stops) or unused or is_qts_own(widget, root):
            continue
        if not any(letter.isalpha() for letter in named(widget)):
            meta = widget.metaObject()
            found.append(f"{'' if meta is None else meta.className()} {widget.objectName()} in {_where(widget)}")
    return found


def _where(widget: QWidget) -> str:
    names = []
    parent: QWidget | None = widget
    while parent is not None:
        names.append(type(parent).__name__)
        parent = parent.parentWidget()
    return " < ".join(names)


def menu_of(window: MainWindow) -> MainMenu:
    menu = window.findChild(MainMenu)
    assert menu is not None
    return menu


@LANGUAGES
async def test_every_control_of_every_panel_has_a_name(language: Language) -> None:
    async with desk() as (program, _):
        window = window_of(program)
        set_language(language)
        for perspective in ("trading", "market", "account", "monitor"):
            menu_of(window).choose(perspective)
            await turn()
            assert nameless(window) == []
        names = {named(bar) for bar in window.findChildren(QTabBar) if bar.isVisible()}
        assert "패널" in names or "Panels" in names


@LANGUAGES
async def test_every_menu_says_something(language: Language) -> None:
    async with desk() as (program, _):
        window = window_of(program)
        set_language(language)
        await turn()
        for menu in window.findChildren(QMenu):
            for action in menu.actions():
                assert action.isSeparator() or any(letter.isalpha() for letter in action.text()), menu.title()


@LANGUAGES
async def test_every_control_of_every_dialog_has_a_name(language: Language) -> None:
    async with desk() as (program, _):
        window = window_of(program)
        set_language(language)
        menu = menu_of(window)
        menu.settingsRequested.emit()
        menu.search()
        for name in ("_on_save_as", "_on_keyboard", "_on_about"):
            getattr(menu, name)()
        reporter = ErrorReporter(window)

        class Report:
            text = "Traceback"

        reporter.report(Report())
        await turn()
        dialogs = window.findChildren(QDialog)
        dialogs += [box for box in QApplication.topLevelWidgets() if isinstance(box, QDialog) and box not in dialogs]
        assert len(dialogs) >= 6
        settings = window.findChild(SettingsDialog)
        assert settings is not None
        for place in range(settings.tabs.count()):
            settings.tabs.setCurrentIndex(place)
            await turn()
            assert nameless(settings) == []
        for dialog in dialogs:
            assert nameless(dialog) == []
            assert dialog.windowTitle()
            if isinstance(dialog, QMessageBox):
                assert dialog.textFormat() is Qt.TextFormat.PlainText
            dialog.close()


@LANGUAGES
async def test_the_question_before_a_link_has_names(language: Language) -> None:
    async with desk() as (program, exchange):
        window = window_of(program)
        set_language(language)
        window.show_panel("announcements")
        panel = window.panels["announcements"]
        assert isinstance(panel, AnnouncementsWidget)
        await until(lambda: panel.state is PanelState.EMPTY)
        exchange.publish_announcement("title", url="https://upbit.com/service_center/notice?id=1")
        await until(lambda: panel.model.rowCount() == 1)
        panel.table.selectRow(0)
        panel.link.click()
        question = panel.findChild(QMessageBox)
        assert question is not None
        assert nameless(question) == []
        question.close()


@LANGUAGES
async def test_a_panel_says_its_state_to_a_screen_reader(language: Language) -> None:
    async with desk(credentials=None) as (program, _):
        window = window_of(program)
        set_language(language)
        window.show_panel("my_orders")
        panel = window.panels["my_orders"]
        assert isinstance(panel, Panel)
        await until(lambda: panel.state is PanelState.NO_KEY)
        await turn()
        said = [named(stop) for stop in in_reading_order(panel) if stop.isVisible()]
        words = ("API 키가 필요", "키 입력") if language is Language.KOREAN else ("An API key is needed", "Enter a key")
        for word in words:
            assert any(word in each for each in said), said

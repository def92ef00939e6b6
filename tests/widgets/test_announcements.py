from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from PyQt6.QtCore import Qt, QUrl
from PyQt6.QtWidgets import QMessageBox

from tests.hostile_notices import HOSTILE_NOTICES
from tests.qt.serving import served
from tests.waiting import until
from tests.widgets.showing import press, shown
from upbit_ws_qt.events import AnnouncementEvent
from upbit_ws_qt.exchange import FaultName
from widgets.announcements.links import safe_link
from widgets.announcements.model import LONGEST_BODY, LONGEST_TITLE, MOST_KEPT, Announcement, AnnouncementBook, Column
from widgets.announcements.panel import AnnouncementsWidget
from widgets.base.panel import PanelState

if TYPE_CHECKING:
    from upbit_ws_qt.exchange import EmbeddedExchange
    from upbit_ws_qt.qt import WebSocketService


def announcement(uuid: str = "a", **changes: Any) -> AnnouncementEvent:
    usual: dict[str, Any] = {
        "type": "announcement", "timestamp": 1_700_000_000_000, "event_type": "CREATED", "uuid": uuid, "title": "t",
        "category": "notice", "url": "https://upbit.com/notice", "first_listed_at": "", "listed_at": "",
    }  # fmt: skip
    return AnnouncementEvent(**{**usual, **changes})


def titles(widget: AnnouncementsWidget) -> list[str]:
    return [str(widget.model.index(row, Column.TITLE).data()) for row in range(widget.model.rowCount())]


def dialogs(widget: AnnouncementsWidget) -> list[QMessageBox]:
    return [each for each in widget.findChildren(QMessageBox) if each.isVisible()]


async def listening(exchange: EmbeddedExchange, widget: AnnouncementsWidget) -> None:
    await until(lambda: exchange.subscribed("private") and widget.state is not PanelState.LOADING)


@pytest.mark.parametrize(
    "text",
    [
        "https://upbit.com", "https://upbit.com/service_center/notice?id=1", "https://www.upbit.com/a#b",
        "https://sg-api.upbit.com:443/x", "HTTPS://UPBIT.COM/x",
    ],
)  # fmt: skip
def test_links_to_the_exchange_may_be_opened(text: str) -> None:
    url = safe_link(text)
    assert url is not None
    assert url.scheme() == "https"
    assert url.host().endswith("upbit.com")


@pytest.mark.parametrize(
    "text",
    [
        "", "upbit.com", "http://upbit.com", "ftp://upbit.com", "file:///etc/passwd", "javascript:alert(1)",
        "data:text/html,x", "https://upbit.com.example.net/", "https://notupbit.com", "https://upbit.com@192.0.2.1/",
        "https://user:password@upbit.com/", "https://upbit.com:8443/", "https://upbit.com:x/",
        "https://example.net/upbit.com",
        "https://upbit.com\\@example.net", "https:\\\\upbit.com", "https://upbit.com\n.example.net",
        "https://upbit.com/ x",
        "https://xn--pbit-0ra.com", "https://üpbit.com", "https://upbit。com", "https://example.net#@upbit.com",
        "https://example.net?.upbit.com", "https:upbit.com", "//upbit.com", "https://[::1]/",
        "https://upbit.com%00.example.net/",
        "https://" + "a" * 3000 + ".upbit.com",
    ],
)  # fmt: skip
def test_nothing_else_may_be_opened(text: str) -> None:
    assert safe_link(text) is None


def test_text_from_outside_is_bounded_and_escaped() -> None:
    made = Announcement.of(
        announcement(
            title="\u202e\x1b[31m" + "x" * 1000, body="one\ntwo\u2066\r\nthree" + "y" * 10**6, category="z" * 99
        )
    )
    assert made.title.startswith("\\u202e\\x1b[31m")
    assert len(made.title) <= LONGEST_TITLE + 1
    assert made.body.splitlines()[:2] == ["one", "two\\u2066"]
    assert len(made.body) < LONGEST_BODY + 20
    assert len(made.category) <= 41


def test_a_changed_announcement_moves_to_the_top_and_the_oldest_are_forgotten() -> None:
    book = AnnouncementBook()
    book.take(announcement("first"))
    book.take(announcement("second"))
    book.take(announcement("first", event_type="UPDATED", title="new"))
    assert [(each.uuid, each.updated) for each in book] == [("first", True), ("second", False)]
    for number in range(MOST_KEPT):
        book.take(announcement(f"{number}"))
    assert len(book) == MOST_KEPT
    assert next(iter(book)).uuid == f"{MOST_KEPT - 1}"


@served(credentials=None)
async def test_without_a_key_it_says_what_the_key_is_for(service: WebSocketService) -> None:
    async with shown(AnnouncementsWidget(service)) as widget:
        assert widget.state is PanelState.NO_KEY
        assert "needs no rights" in widget.no_key_text()


@served()
async def test_hostile_announcements_are_shown_as_plain_text(
    exchange: EmbeddedExchange, service: WebSocketService
) -> None:
    async with shown(AnnouncementsWidget(service)) as widget:
        await until(lambda: widget.state is PanelState.EMPTY)
        for title, category, body in HOSTILE_NOTICES:
            exchange.publish_announcement(title, category, body=body)
        await until(lambda: widget.model.rowCount() == len(HOSTILE_NOTICES))
        widget.table.selectRow(0)
        for row in range(len(HOSTILE_NOTICES)):
            press(widget.table, *[Qt.Key.Key_Down] * (row > 0))
            assert widget.table.currentIndex().row() == row
            title = titles(widget)[row].removeprefix("⚠ ")
            assert widget.title.text() == title
            assert widget.title.textFormat() is Qt.TextFormat.PlainText
            assert "\u202e" not in title + widget.text.toPlainText()
            assert not widget.grab().isNull()
        assert any("<img src=x" in title for title in titles(widget))


@served()
async def test_maintenance_stands_out_and_is_told(exchange: EmbeddedExchange, service: WebSocketService) -> None:
    told: list[AnnouncementEvent] = []
    async with shown(AnnouncementsWidget(service)) as widget:
        widget.maintenanceAnnounced.connect(told.append)
        await listening(exchange, widget)
        exchange.publish_announcement("a notice", "notice")
        exchange.publish_announcement("servers rest", "maintenance")
        await until(lambda: titles(widget) == ["⚠ servers rest", "a notice"])
        fonts = [widget.model.index(row, Column.TITLE).data(Qt.ItemDataRole.FontRole) for row in range(2)]
        assert [font.bold() for font in fonts] == [True, False]
        assert [event.title for event in told] == ["servers rest"]
        press(widget.category, Qt.Key.Key_Down, Qt.Key.Key_Down)
        assert titles(widget) == ["⚠ servers rest"]


@served()
async def test_a_change_replaces_what_is_being_read(exchange: EmbeddedExchange, service: WebSocketService) -> None:
    async with shown(AnnouncementsWidget(service)) as widget:
        await listening(exchange, widget)
        uuid = exchange.publish_announcement("first wording", body="old")[0].uuid
        exchange.publish_announcement("another")
        await until(lambda: widget.model.rowCount() == 2)
        widget.table.selectRow(1)
        assert widget.text.toPlainText() == "old"
        exchange.update_announcement(uuid, title="second wording", body="new")
        await until(lambda: widget.text.toPlainText() == "new")
        assert titles(widget) == ["(changed) second wording", "another"]
        assert widget.table.currentIndex().row() == 0


@served()
async def test_a_link_opens_only_when_confirmed(exchange: EmbeddedExchange, service: WebSocketService) -> None:
    opened: list[QUrl] = []
    async with shown(AnnouncementsWidget(service, open_url=opened.append)) as widget:
        await listening(exchange, widget)
        assert not widget.link.isEnabled()
        exchange.publish_announcement("bad", url="https://upbit.com.example.net/")
        exchange.publish_announcement("good", url="https://upbit.com/notice?id=7")
        await until(lambda: widget.model.rowCount() == 2)
        widget.table.selectRow(1)
        assert not widget.link.isEnabled()
        assert "not opened" in widget.link.toolTip()
        widget.table.selectRow(0)
        press(widget.link, Qt.Key.Key_Space)
        (question,) = dialogs(widget)
        assert question.informativeText() == "https://upbit.com/notice?id=7"
        assert question.textFormat() is Qt.TextFormat.PlainText
        press(question, Qt.Key.Key_Escape)
        assert opened == []
        press(widget.link, Qt.Key.Key_Space)
        await until(lambda: len(dialogs(widget)) == 1)
        press(dialogs(widget)[0].button(QMessageBox.StandardButton.Open), Qt.Key.Key_Space)
        assert [url.toString() for url in opened] == ["https://upbit.com/notice?id=7"]


@served()
async def test_a_cut_line_is_told_and_what_was_read_stays(
    exchange: EmbeddedExchange, service: WebSocketService
) -> None:
    async with shown(AnnouncementsWidget(service)) as widget:
        await listening(exchange, widget)
        exchange.publish_announcement("one")
        await until(lambda: widget.state is PanelState.LIVE)
        refused = exchange.faults.inject(FaultName.REFUSE, "private")
        exchange.faults.inject(FaultName.DROP, "private")
        await until(lambda: widget.state is PanelState.STALE)
        assert titles(widget) == ["one"]
        refused.clear()
        await until(lambda: widget.state is PanelState.LIVE)

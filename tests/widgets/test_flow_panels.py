"""Ladder, depth chart, footprint and map of the book: what they show, by mouse and keyboard, live and recorded."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

import pytest
from PyQt6.QtCore import QPoint, QPointF, Qt

from tests.qt.serving import served
from tests.waiting import until
from tests.widgets.desk import window_of
from tests.widgets.replay_desk import bar_of, record, replay_desk, settled
from tests.widgets.showing import click, double_click, move_mouse, press, shown
from widgets.base.panel import PanelState
from widgets.base.text import Language, set_language
from widgets.flow.book_map import BookMapWidget
from widgets.flow.depth import DepthWidget
from widgets.flow.footprint import FootprintWidget
from widgets.flow.ladder import LadderWidget

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from upbit_ws_qt import TradeEvent, WebSocketService
    from upbit_ws_qt.exchange import EmbeddedExchange

pytestmark = pytest.mark.qasync_loop


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    yield
    set_language(Language.ENGLISH)


@served(credentials=None)
async def test_a_footprint_holds_every_trade_that_came_and_that_rest_has(service: WebSocketService) -> None:
    heard: dict[int, TradeEvent] = {}
    service.trade("KRW-BTC").received.connect(lambda event: heard.setdefault(event.sequential_id, event))
    async with shown(FootprintWidget(service, "KRW-BTC"), 900, 500) as panel:
        await until(lambda: panel.state is PanelState.LIVE)
        await until(lambda: panel.feed.trades.asked > 0 and not panel.feed.is_asking)
        await until(lambda: len(panel.feed.trades) - panel.feed.trades.asked >= 5)
        trades, canvas = panel.feed.trades, panel.canvas
        assert set(heard) <= {trade.key for trade in trades.all}
        bought = sum(Fraction(each.volume) for each in trades.all if each.is_buy)
        sold = sum(Fraction(each.volume) for each in trades.all if not each.is_buy)
        whole = canvas.profile.whole
        assert (Fraction(whole.bought), Fraction(whole.sold)) == (bought, sold)
        assert sum(Fraction(bar.whole.bought) for bar in canvas.footprints.bars) == bought
        assert f"{trades.asked} from REST" in panel.note.text()
        before = len(trades)
        if not panel.feed.is_complete:
            click(panel.earlier)
            await until(lambda: len(panel.feed.trades) > before or panel.feed.is_complete)
        panel.set_unit("5m")
        assert sum(Fraction(bar.whole.sold) for bar in canvas.footprints.bars) == sum(
            Fraction(each.volume) for each in trades.all if not each.is_buy
        )
        with pytest.raises(ValueError, match="unit must be one of"):
            panel.set_unit("2m")


@served(credentials=None)
async def test_a_footprint_by_mouse_and_keyboard(service: WebSocketService) -> None:
    async with shown(FootprintWidget(service, "KRW-BTC"), 900, 500) as panel:
        await until(lambda: panel.feed.trades.asked > 0 and not panel.feed.is_asking)
        canvas = panel.canvas
        layout = canvas.layout_now()
        assert layout is not None
        number, bar = layout.bars[-1]
        row = bar.rows(layout.step)[0]
        x = layout.left + (len(layout.bars) - 0.5) * canvas._column
        canvas.point_at(QPointF(x, layout.y_of(row.price) - layout.row / 2))
        assert "×" in panel.note.text()
        assert "delta" in canvas.accessibleDescription()
        move_mouse(canvas, QPoint(1, 1))
        canvas.leaveEvent(None)
        assert "Since" in panel.note.text()
        count = len(canvas.footprints.bars)
        press(canvas, Qt.Key.Key_Left)
        assert canvas.back == min(1, count - 1)
        press(canvas, Qt.Key.Key_Home)
        assert canvas.back == 0
        shown_before = len(layout.bars)
        press(canvas, "-", "-", "-")
        wider = canvas.layout_now()
        assert wider is not None
        assert len(wider.bars) >= shown_before
        panel.steps.setCurrentIndex(panel.steps.count() - 1)
        panel.steps.activated.emit(panel.steps.currentIndex())
        coarse = canvas.layout_now()
        assert coarse is not None
        assert coarse.step > layout.step
        panel.range.setCurrentIndex(1)
        panel.range.activated.emit(1)
        assert canvas.shown_profile(coarse) is canvas.profile
        assert number >= 0
        set_language(Language.KOREAN)
        await until(lambda: panel.accessibleName() == "풋프린트")
        assert not panel.grab().isNull()


@served(credentials=None)
async def test_a_depth_chart_tells_what_rests_up_to_a_price(service: WebSocketService) -> None:
    async with shown(DepthWidget(service, "KRW-BTC")) as panel:
        await until(lambda: panel.state is PanelState.LIVE and panel.canvas.sides is not None)
        canvas = panel.canvas
        assert canvas.sides is not None
        assert "%" in panel.sums.text()
        press(canvas, Qt.Key.Key_Left)  # the best bid
        assert "wanted" in panel.note.text()
        press(canvas, Qt.Key.Key_Right)
        assert "offered" in panel.note.text()
        press(canvas, Qt.Key.Key_Escape)
        assert panel.note.text() == ""
        move_mouse(canvas, QPoint(3, 50))
        canvas.point_at(QPointF(3, 50))
        assert "Down to" in panel.note.text()
        panel.set_symbol("KRW-ETH")
        await until(lambda: canvas._code == "KRW-ETH")


@served()
async def test_a_ladder_stands_still_scrolls_and_takes_a_price(
    service: WebSocketService, exchange: EmbeddedExchange
) -> None:
    taken: list[Decimal] = []
    async with shown(LadderWidget(service, "KRW-BTC"), 640, 480) as panel:
        panel.priceActivated.connect(taken.append)
        await until(lambda: panel.state is PanelState.LIVE and panel.canvas.shown())
        canvas = panel.canvas
        panel.follow.setChecked(False)
        top = canvas.shown()[0].price
        press(canvas, Qt.Key.Key_Up, Qt.Key.Key_Up)
        assert canvas.shown()[0].price == top + 2 * canvas.ladder.step
        press(canvas, Qt.Key.Key_PageDown)
        assert canvas.shown()[0].price == top - 8 * canvas.ladder.step
        press(canvas, Qt.Key.Key_Home)
        press(canvas, Qt.Key.Key_Return)
        assert taken == [canvas.ladder.middle]
        double_click(canvas, QPoint(10, canvas.row_height * 2))
        assert taken[1] == canvas.shown()[1].price
        best = next(row for row in canvas.shown() if row.bid)
        exchange.order("KRW-BTC", "BID", price=str(best.price), volume="0.05")
        await until(lambda: any(row.own_bid == Decimal("0.05") for row in canvas.shown()))
        await until(lambda: any(any(row.traded) for row in canvas.ladder.rows(999, {}, canvas._traded)))
        await until(lambda: panel.grouping.count() > 1)
        panel.grouping.setCurrentIndex(1)
        panel.grouping.activated.emit(1)
        level = panel.level
        assert level > 0
        await until(lambda: canvas.ladder.step == level and canvas.shown())
        click(panel.centre)
        assert not panel.grab().isNull()


@served(credentials=None)
async def test_the_map_of_the_book_grows_and_tells(service: WebSocketService) -> None:
    async with shown(BookMapWidget(service, "KRW-BTC"), 700, 420) as panel:
        canvas = panel.canvas
        await until(lambda: panel.state is PanelState.LIVE and len(canvas.history) > 3)
        view = canvas.view()
        assert view is not None
        begin, end, low, step = view
        assert end - begin == 60
        await until(lambda: panel.note.text().startswith("Books since"))
        area = canvas._area()
        book = canvas._book
        assert book is not None
        price = float(low + (book.bids[0][0] - low) // step * step + step / 2)  # the middle of the best bid's row
        canvas.point_at(QPointF(area.right() - 1, canvas._y_of(area, price, float(low), float(step))))
        assert "wanted" in panel.note.text() or "offered" in panel.note.text()
        canvas.point_at(QPointF(1, 1))
        assert panel.note.text().endswith("not known")
        press(canvas, "-")
        assert canvas.seconds == 300
        press(canvas, "+")
        press(canvas, Qt.Key.Key_Left)
        follows = [canvas.follows]
        press(canvas, Qt.Key.Key_Home)
        assert [*follows, canvas.follows] == [False, True]
        assert not panel.grab().isNull()


async def test_in_a_replay_all_of_them_show_the_moment(tmp_path: Path) -> None:
    path = await record(tmp_path / "r")
    async with replay_desk(path, perspective="order_flow") as program:
        window, clock = window_of(program), bar_of(program).clock
        await settled(program, "ladder", "footprint", "book_map", "depth")
        clock.pause()
        footprint, ladder = window.panels["footprint"], window.panels["ladder"]
        assert isinstance(footprint, FootprintWidget)
        assert isinstance(ladder, LadderWidget)
        for share in (0.8, 0.4):
            clock.seek(clock.begins + share * (clock.ends - clock.begins))
            await settled(program, "ladder", "footprint", "book_map", "depth")
            rest = service_trades = await window.needs.service.rest.trade_page("KRW-BTC")
            want = {each.sequential_id for each in rest}
            assert service_trades
            await until(lambda want=want: {each.key for each in footprint.feed.trades.all} == want)  # type: ignore[misc]
            total = sum((Fraction(each.trade_volume) for each in rest), Fraction(0))
            assert Fraction(footprint.canvas.profile.whole.total) == total
            assert "from the recording" in footprint.note.text()

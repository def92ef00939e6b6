"""Prices that are stale, chosen or flashing can be read in both themes: 4.5 : 1, of what is painted."""

from __future__ import annotations

import time
from collections import Counter
from decimal import Decimal
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from PyQt6 import sip
from PyQt6.QtCore import QRect
from PyQt6.QtGui import QColor, QFont, QImage
from PyQt6.QtWidgets import QApplication, QWidget

from tests.widgets.made import book, market, ticker, trade
from widgets.base.look import LEAST_CONTRAST, blend, contrast, legible, look, market_colours_of
from widgets.base.tables import dim_colour, fit_columns, plain_table
from widgets.base.theme import DARK, LIGHT, Colours, MarketScheme, ThemeMode, apply_theme, colours_of, market_colours
from widgets.base.tokens import BAR_WEIGHT, FLASH_WEIGHT, STRIP_WEIGHT, TINT_WEIGHT
from widgets.order_book.model import OrderBookModel
from widgets.order_book.view import OrderBookView
from widgets.tape.delegate import TapeDelegate
from widgets.tape.model import TapeModel
from widgets.tape.panel import _GIVE_UP, _SAMPLES
from widgets.watch_list.model import Column, WatchListModel
from widgets.watch_list.table import WatchListTable

if TYPE_CHECKING:
    from collections.abc import Iterator

THEMES = [ThemeMode.LIGHT, ThemeMode.DARK]
SCHEMES = list(MarketScheme)
INKS = ("text", "muted", "accent", "good", "warn", "bad", "idle", "live", "embedded", "replay")


@pytest.fixture
def holder(qapp: QApplication) -> Iterator[QWidget]:
    made = QWidget()
    made.resize(900, 500)
    made.show()
    yield made
    sip.delete(made)
    apply_theme(qapp, ThemeMode.LIGHT)
    look().choose(scheme=MarketScheme.KOREAN)


def choose_look(app: QApplication, theme: ThemeMode, scheme: MarketScheme) -> None:
    """Put the program into a theme; widgets that are there already hear of it in the next turn."""
    apply_theme(app, theme)
    look().choose(scheme=scheme)
    app.processEvents()


def painted_contrast(picture: QImage, area: QRect) -> float:
    """Return the contrast of the ink of a text with its ground: of the ground's colour and the one unlike it most."""
    pixels = Counter(
        picture.pixel(x, y) for x in range(area.left(), area.right() + 1) for y in range(area.top(), area.bottom() + 1)
    )
    ground = QColor.fromRgb(pixels.most_common(1)[0][0])
    return max(contrast(QColor.fromRgb(each), ground) for each in pixels)


def large(widget: QWidget) -> None:
    """Have strokes so broad that their middle is painted in the full colour of the pen."""
    font = QFont(widget.font())
    font.setPointSize(28)
    widget.setFont(font)


def panel_like(holder: QWidget, *, dimmed: bool) -> Any:
    colours = colours_of(holder.palette())
    return SimpleNamespace(colours=colours, market_colours=market_colours_of(holder.palette()), dimmed=dimmed)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("chosen", [False, True])
@pytest.mark.parametrize("how", ["live", "stale row", "stale panel", "flashing"])
def test_the_watch_list_can_be_read(
    qapp: QApplication, holder: QWidget, theme: ThemeMode, scheme: MarketScheme, how: str, chosen: bool
) -> None:
    choose_look(qapp, theme, scheme)
    model = WatchListModel(holder)
    codes = ("KRW-A", "KRW-B", "KRW-C", "KRW-D")
    model.set_markets([market(code, "Name") for code in codes])
    for number, code in enumerate(codes):
        rate = Decimal("0.01") if number < 2 else Decimal("-0.01")
        now = time.monotonic()
        model.take(ticker(code, "1000", str(100 - number), signed_change_rate=rate, received_at=now))
        if how == "flashing":
            price = "1001" if number % 2 else "999"
            model.take(ticker(code, price, str(100 - number), signed_change_rate=rate, received_at=now))
            model.row(model.row_of(code)).flashed_at = now + 60
    if how == "stale row":
        model.set_stale(codes)
    table = WatchListTable(model, holder)
    large(table)
    rows = table.verticalHeader()
    assert rows is not None
    rows.setDefaultSectionSize(60)
    table.resize(880, 400)
    table.restyle(panel_like(holder, dimmed=how == "stale panel"))
    table.show()
    if chosen:
        table.choose(codes)
    for _ in range(4):
        table.grab()
        qapp.processEvents()
    viewport = table.viewport()
    assert viewport is not None
    picture = viewport.grab().toImage()
    for row in range(len(codes)):
        for column in (Column.NAME, Column.PRICE, Column.CHANGE):
            if not table.isColumnHidden(column):
                area = table.visualRect(model.index(row, column)).intersected(viewport.rect())
                assert painted_contrast(picture, area) >= LEAST_CONTRAST, (row, column)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("chosen", [False, True])
@pytest.mark.parametrize("stale", [False, True])
def test_the_tape_can_be_read(
    qapp: QApplication, holder: QWidget, theme: ThemeMode, scheme: MarketScheme, stale: bool, chosen: bool
) -> None:
    choose_look(qapp, theme, scheme)
    colours, prices = colours_of(holder.palette()), market_colours_of(holder.palette())
    model = TapeModel(holder)
    model.take(trade("KRW-BTC", 1, ask_bid="BID", change="RISE"))
    model.take(trade("KRW-BTC", 2, ask_bid="ASK", change="FALL"))
    model.flush()
    up, down = (legible(each, colours.text, colours.base) for each in (prices.up, prices.down))
    model.set_colours(up, down, QColor(colours.muted))
    model.set_dim(dim_colour(colours, dimmed=stale))
    table = plain_table(model, holder)
    delegate = TapeDelegate(model, table)
    delegate.take_colours(table.palette())
    table.setItemDelegate(delegate)
    large(table)
    rows = table.verticalHeader()
    assert rows is not None
    rows.setDefaultSectionSize(60)
    fit_columns(table, _SAMPLES, _GIVE_UP)
    table.resize(880, 300)
    table.show()
    if chosen:
        table.selectAll()
    for _ in range(4):
        table.grab()
        qapp.processEvents()
    viewport = table.viewport()
    assert viewport is not None
    picture = viewport.grab().toImage()
    for row in range(2):
        for column in range(4):
            area = table.visualRect(model.index(row, column)).intersected(viewport.rect())
            assert painted_contrast(picture, area) >= LEAST_CONTRAST, (row, column)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("stale", [False, True])
def test_the_order_book_can_be_read(
    qapp: QApplication, holder: QWidget, theme: ThemeMode, scheme: MarketScheme, stale: bool
) -> None:
    choose_look(qapp, theme, scheme)
    model = OrderBookModel("KRW-BTC")
    model.set_book(book("KRW-BTC", "1000000", "1000", ("0.5", "0.25")))
    model.set_reference(Decimal(1_000_500), Decimal(1))
    view = OrderBookView(model, holder)
    large(view)
    view.set_look(colours_of(holder.palette()), market_colours_of(holder.palette()), dimmed=stale)
    view.resize(540, 480)
    view.show()
    view.grab()
    viewport = view.viewport()
    assert viewport is not None
    picture = viewport.grab().toImage()
    mark, price, _ = view._widths
    for is_bid in (False, True):
        for place in range(2):
            row = view.row_rect(is_bid=is_bid, place=place)
            prices = QRect(row.left() + mark, row.top() + 2, price, row.height() - 4)
            sizes = QRect(row.right() - 90, row.top() + 2, 88, row.height() - 4)
            for area in (prices, sizes):
                assert painted_contrast(picture, area.intersected(viewport.rect())) >= LEAST_CONTRAST, (is_bid, place)


def test_what_is_stale_is_in_italics_too(qapp: QApplication, holder: QWidget) -> None:
    apply_theme(qapp, ThemeMode.LIGHT)
    model = TapeModel(holder)
    assert not model.is_stale
    model.set_dim(dim_colour(colours_of(holder.palette()), dimmed=True))
    assert model.is_stale


def test_a_row_that_is_out_of_date_shows_its_age(qapp: QApplication, holder: QWidget) -> None:
    """Its name has less room then, and what is painted there grows older."""
    del qapp
    model = WatchListModel(holder)
    model.set_markets([market("KRW-A", "Name")])
    model.visible = lambda: (0, 0)
    model.take(ticker("KRW-A", received_at=time.monotonic() - 5))
    model.flush()
    told: list[int] = []
    model.dataChanged.connect(lambda first, _last, _roles: told.append(first.column()))
    model.set_stale(["KRW-A"])
    model.flush()
    row = model.row(0)
    assert row.stale_age == 5
    assert row.stale_since is not None
    row.stale_since -= 10  # later
    model.flush()
    assert len(told) == 2
    assert row.stale_age == 15


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_every_colour_of_a_text_can_be_read_on_every_ground_of_its_theme(theme: Colours) -> None:
    """Also where a row is chosen, a control is disabled, or nothing is judged."""
    inks = {name: getattr(theme, name) for name in INKS} | {line.name: colour for line, colour in theme.lines.items()}
    for name, ink in inks.items():
        for ground in (theme.window, theme.base, theme.alternate, theme.chosen):
            assert contrast(QColor(ink), QColor(ground)) >= LEAST_CONTRAST, (name, ink, ground)
    for ground in (theme.accent, theme.live):  # what is chosen in a menu, and the badge of the real exchange
        assert contrast(QColor(theme.base), QColor(ground)) >= LEAST_CONTRAST
    assert contrast(QColor(theme.text), blend(theme.warn, theme.base, STRIP_WEIGHT)) >= LEAST_CONTRAST


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_figures_can_be_read_on_bars_tints_and_flashes(theme: Colours, scheme: MarketScheme) -> None:
    market = market_colours(scheme, dark=theme.dark)
    for colour in (market.up, market.down):
        for weight in (BAR_WEIGHT, TINT_WEIGHT, FLASH_WEIGHT):
            assert contrast(QColor(theme.text), blend(colour, theme.base, weight)) >= LEAST_CONTRAST

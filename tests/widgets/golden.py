"""Panels in made-up but fixed states, drawn in the bundled typeface, and how their pictures are compared.

Nothing here asks a clock, an exchange or the computer's fonts: a picture is the same on every machine with the same Qt.
"""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec.structs import replace
from PyQt6.QtCore import QEvent, QPoint, Qt, qVersion
from PyQt6.QtGui import QFont, QImage, QPainter
from PyQt6.QtWidgets import QApplication, QLineEdit, QWidget

from tests.frames import DEFAULT_FRAMES
from tests.rest.peers import peer
from tests.widgets.made import book, ticker, trade
from upbit_ws_qt import Credentials, ServiceConfig, WebSocketService
from upbit_ws_qt.events import AnnouncementEvent, MyAssetEvent, MyAssetItem, MyOrderEvent
from upbit_ws_qt.wire import decode
from widgets.account.my_assets import MyAssetsWidget
from widgets.account.my_orders import MyOrdersWidget
from widgets.alarm_rules.rules import (
    Alarm,
    Crossing,
    DataSilent,
    IndicatorLevel,
    PriceLevel,
    Repeat,
    VolumeSpike,
)
from widgets.alarm_rules.seen import Basis
from widgets.alarm_rules.watch import Firing
from widgets.alarms.keeper import AlarmKeeper
from widgets.alarms.panel import AlarmsWidget
from widgets.announcements.panel import AnnouncementsWidget
from widgets.base.look import look
from widgets.base.market_catalog import MarketCatalog
from widgets.base.text import Language, set_language
from widgets.base.theme import ThemeMode, apply_theme
from widgets.base.tokens import Density, space
from widgets.base.typeface import load_typeface, use_typeface
from widgets.order_book.panel import OrderBookWidget
from widgets.tape.panel import TapeWidget
from widgets.watch_list.panel import WatchListWidget
from widgets.window.log_dock import LogBook, LogWidget

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from widgets.base.panel import Panel

__all__ = [
    "FOLDER", "SCENES", "SIGN_OF_TIME", "VARIANTS", "Scene", "Variant", "difference", "draw", "dressed",
    "fill_my_orders", "fill_order_book", "fill_tape", "fill_watch_list", "same_qt", "save",
]  # fmt: skip

FOLDER = Path(__file__).parent / "golden"
QT = FOLDER / "QT_VERSION"
_BLOCK = 8  # pixels: what moves by less than a stroke is the same picture
_MOST_OF_A_BLOCK = 20.0  # of 255; a digit that became another one has 30
_MOST_IN_ALL = 1.0
_MOST_OF_COLOURS = 0.12  # share of the pixels that have another colour, with another Qt
SIGN_OF_TIME = 1_764_500_000.0  # seconds: 2025-11-30 19:53:20 in Korea
_MARKETS = 18
_BODY = "안녕하세요.\n서버 점검으로 12월 1일 02:00부터 04:00까지 이용이 제한됩니다."
_POINTS = 9.0
_COMMON, _COLOURS = 96, 256


@dataclass(frozen=True)
class Variant:
    """One look of the program."""

    language: Language
    theme: ThemeMode
    density: Density
    scale: int

    @property
    def name(self) -> str:
        """Part of the names of its pictures."""
        return f"{self.language}-{self.theme}-{self.density}-{self.scale}x"


# Each value of each choice, and most pairs: all 24 would say no more, and be five times as large.
VARIANTS = (
    Variant(Language.KOREAN, ThemeMode.LIGHT, Density.NORMAL, 1),
    Variant(Language.ENGLISH, ThemeMode.DARK, Density.NORMAL, 1),
    Variant(Language.KOREAN, ThemeMode.DARK, Density.COMPACT, 2),
    Variant(Language.ENGLISH, ThemeMode.LIGHT, Density.COMPACT, 1),
    Variant(Language.ENGLISH, ThemeMode.LIGHT, Density.ROOMY, 2),
    Variant(Language.KOREAN, ThemeMode.DARK, Density.ROOMY, 1),
)


# -- scenes ------------------------------------------------------------------------------------------------------------
def _watch_list(service: WebSocketService) -> WatchListWidget:
    panel = WatchListWidget(service, MarketCatalog(service.rest, None, service))
    fill_watch_list(panel)
    return panel


def fill_watch_list(panel: WatchListWidget) -> None:
    """Have it show 18 markets."""
    markets = [market.code for market in panel._catalog.markets if market.quote == "KRW"][:_MARKETS]
    panel.set_favourites(markets[:2])
    for place, code in enumerate(markets):
        price = Decimal(f"{151_234_000 / 3**place:.8f}").quantize(Decimal("1") if place < 9 else Decimal("0.001"))
        rate = Decimal((place * 37) % 101 - 50) / 1000
        panel._on_ticker(
            ticker(
                code, str(price), str(373_000_000_000 // (place + 1) ** 2),
                signed_change_rate=rate, opening_price=price * (1 - rate),
                high_price=price * Decimal("1.04"), low_price=price * Decimal("0.95"),
                market_warning="CAUTION" if place == 4 else "NONE", received_at=_now(),
            )
        )  # fmt: skip
    panel.set_symbol(markets[0])
    panel.model.flush()
    panel.model.rearrange()


def _order_book(service: WebSocketService) -> OrderBookWidget:
    panel = OrderBookWidget(service, "KRW-BTC")
    fill_order_book(panel)
    return panel


def fill_order_book(panel: OrderBookWidget) -> None:
    """Have it show 30 prices on each side."""
    sizes = tuple(f"{0.02 + (place * 29 % 17) / 40:.6f}" for place in range(30))
    panel._on_ticker(ticker("KRW-BTC", "151234000", prev_closing_price=Decimal(148_000_000), received_at=_now()))
    panel._on_book(book("KRW-BTC", "151234000", "1000", sizes, received_at=_now()))
    panel.view.refresh()


def _tape(service: WebSocketService) -> TapeWidget:
    panel = TapeWidget(service, "KRW-BTC")
    fill_tape(panel)
    return panel


def fill_tape(panel: TapeWidget) -> None:
    """Have it show 24 trades."""
    for number in range(24):
        price, volume = str(151_234_000 + number * 977 % 5 * 1000), f"{(number * 7919 % 977) / 1300:.6f}"
        panel._on_trade(
            trade("KRW-BTC", number, price, volume, ask_bid="BID" if number % 3 else "ASK", received_at=_now())
        )
    panel._on_flush()


def _my_orders(service: WebSocketService) -> MyOrdersWidget:
    panel = MyOrdersWidget(service)
    fill_my_orders(panel)
    return panel


def fill_my_orders(panel: MyOrdersWidget) -> None:
    """Have it show four orders."""
    sample = _sample(MyOrderEvent)
    for number, (code, side, state) in enumerate(
        [
            ("KRW-BTC", "BID", "wait"),
            ("KRW-ETH", "ASK", "wait"),
            ("KRW-XRP", "BID", "done"),
            ("KRW-SOL", "ASK", "cancel"),
        ]
    ):
        when = int(SIGN_OF_TIME * 1000) + number * 60_000
        panel._on_order(
            replace(
                sample, code=code, uuid=f"order {number}", ask_bid=side, state=state, price=Decimal(4_642_000 + number),
                order_timestamp=when, timestamp=when, trade_timestamp=when, received_at=_now(),
            )
        )  # fmt: skip
    panel.refresh()


def _my_assets(service: WebSocketService) -> MyAssetsWidget:
    panel = MyAssetsWidget(service)
    held = {"KRW": "26408634", "BTC": "0.4825", "ETH": "3.49748864", "XRP": "9500", "SHIB": "480107220"}
    items = tuple(MyAssetItem(currency, Decimal(amount), Decimal(0)) for currency, amount in held.items())
    when = int(SIGN_OF_TIME * 1000)
    panel._on_asset(
        MyAssetEvent(
            type="myAsset",
            timestamp=when,
            asset_uuid="a",
            assets=items,
            asset_timestamp=when,
            received_at=_now(),
        )
    )
    for code, price in (("KRW-BTC", "151234000"), ("KRW-ETH", "4642000"), ("KRW-XRP", "3286"), ("KRW-SHIB", "0.0131")):
        panel._on_ticker(ticker(code, price))
    panel.refresh()
    return panel


def _announcements(service: WebSocketService) -> AnnouncementsWidget:
    panel = AnnouncementsWidget(service)
    sample = _sample(AnnouncementEvent)
    for number, title in enumerate(
        ["[점검] 서버 정기 점검 안내", "[거래] 온도파이낸스(ONDO) 마켓 추가 안내", "매우 긴 제목 " * 20]
    ):
        panel._on_announcement(
            replace(sample, uuid=f"announcement {number}", title=title, body=_BODY, received_at=_now())
        )
    panel._refresh()
    panel.table.selectRow(0)
    return panel


def _alarms(service: WebSocketService) -> AlarmsWidget:
    keeper = AlarmKeeper(service)
    level, spike = PriceLevel(Decimal(151_000_000)), VolumeSpike(Decimal(5), 20, "15m")
    rsi = IndicatorLevel("rsi", (14.0,), "value", Crossing.DOWN, Decimal(30), "15m")
    for number, (condition, market, choices) in enumerate(
        [(level, "KRW-BTC", {"repeat": Repeat.ALWAYS}), (rsi, "KRW-ETH", {"repeat": Repeat.BAR, "unit": "60m"}),
         (spike, "KRW-XRP", {"on": False}), (DataSilent(30), "KRW-SOL", {"comment": "?"})]
    ):  # fmt: skip
        keeper.put(Alarm(str(number), condition, market, **choices))  # type: ignore[arg-type]
    prices = {"price": "151001000", "before": "150998000", "way": "up"}
    spiked = {"volume": "812.5", "mean": "101.5", "times": "8.00"}
    when = int(SIGN_OF_TIME * 1000)
    for firing in (
        Firing("0", level, "KRW-BTC", when, prices),
        Firing("2", spike, "KRW-XRP", when + 61_000, spiked, Basis.RECOVERED, held_back=3),
    ):
        keeper._log.add(firing)
    return AlarmsWidget(keeper, "KRW-BTC")


def _log(service: WebSocketService) -> LogWidget:
    del service
    log = LogBook()
    for number, (level, message) in enumerate(
        [(logging.INFO, "public: syncing to connected"), (logging.WARNING, "public: data are late"),
         (logging.ERROR, "the private connection is lost")]
    ):  # fmt: skip
        log.add(SIGN_OF_TIME + number, level, "upbit_ws_qt.manager", message)
    panel = LogWidget(log)
    log.setParent(panel)
    return panel


def _now() -> float:
    """Return the loop clock: what came just now is not out of date."""
    return time.monotonic()


def _sample(kind: type[Any]) -> Any:
    return next(message for frame in DEFAULT_FRAMES for message in decode(frame) if isinstance(message, kind))


def _live(panel: Panel) -> None:
    panel.show_live()


def _stale(panel: Panel) -> None:
    panel.show_live()
    panel.show_stale()
    panel._stale_since = time.monotonic() + 0.9  # "0 s", also on a machine that takes its time
    panel._show_age()


@dataclass(frozen=True)
class Scene:
    """A panel in a state, in a size (points)."""

    make: Callable[[WebSocketService], QWidget]
    width: int
    height: int
    enter: Callable[[Any], None] | None = None


SCENES: dict[str, Scene] = {
    "watch-list-live": Scene(_watch_list, 420, 380, _live),
    "watch-list-stale": Scene(_watch_list, 420, 380, _stale),
    "order-book-live": Scene(_order_book, 320, 380, _live),
    "order-book-stale": Scene(_order_book, 320, 380, _stale),
    "tape-live": Scene(_tape, 360, 300, _live),
    "tape-stale": Scene(_tape, 360, 300, _stale),
    "tape-loading": Scene(lambda service: TapeWidget(service, "KRW-BTC"), 320, 160),
    "tape-empty": Scene(lambda service: TapeWidget(service), 320, 160, lambda panel: panel.show_empty("KRW-BTC")),
    "tape-failed": Scene(
        lambda service: TapeWidget(service, "KRW-BTC"), 320, 160, lambda panel: panel.show_error("close code 1006")
    ),
    "my-orders-live": Scene(_my_orders, 620, 180, _live),
    "my-orders-no-key": Scene(MyOrdersWidget, 420, 160, lambda panel: panel.show_no_key()),
    "my-assets-live": Scene(_my_assets, 620, 180, _live),
    "announcements-live": Scene(_announcements, 420, 320, _live),
    "alarms": Scene(_alarms, 620, 300, _live),
    "log": Scene(_log, 560, 160),
}
"""By the names of their pictures."""


# -- drawing -----------------------------------------------------------------------------------------------------------
@contextmanager
def dressed(app: QApplication, variant: Variant) -> Iterator[None]:
    """Have the program look so, and then as before."""
    font = app.font()
    assert load_typeface()
    look().choose(density=variant.density, reduce_motion=True)
    made = QFont(use_typeface(app))
    made.setHintingPreference(QFont.HintingPreference.PreferNoHinting)  # machines are set up differently
    made.setPointSizeF(_POINTS * space().type_share)
    app.setFont(made)
    apply_theme(app, variant.theme)
    set_language(variant.language)
    try:
        yield
    finally:
        look().choose(density=Density.NORMAL, reduce_motion=False)
        app.setFont(font)
        apply_theme(app, ThemeMode.LIGHT)
        set_language(Language.ENGLISH)


async def draw(scene: Scene, variant: Variant) -> QImage:
    """Return the picture of a panel."""
    async with peer(lambda asked: None) as silent:
        return await _draw(scene, variant, silent.url)


async def _draw(scene: Scene, variant: Variant, rest_url: str) -> QImage:
    """Draw it with an exchange that never answers; a refusal would be told, sooner or later."""
    nowhere = "ws://127.0.0.1:9"
    config = ServiceConfig.testing(
        public_url=nowhere, private_url=nowhere, info_url=nowhere, rest_url=rest_url,
        credentials=Credentials.dummy("golden"),
    )  # fmt: skip
    service = WebSocketService(config)  # never started: nothing comes but what the scene hands out
    panel = scene.make(service)
    try:
        panel.setAttribute(Qt.WidgetAttribute.WA_DontShowOnScreen)
        panel.resize(scene.width, scene.height)
        panel.show()
        if scene.enter is not None:
            scene.enter(panel)
        for _ in range(3):  # columns are fitted in the turn after they are drawn
            _painted(panel, 1)
            await asyncio.sleep(0)
            QApplication.sendPostedEvents()
            await asyncio.sleep(0.01)
        if scene.enter is not None:
            scene.enter(panel)
        focused, inside = QApplication.focusWidget(), panel.focusWidget()
        if focused is not None:
            focused.clearFocus()
        if isinstance(inside, QLineEdit):
            inside.clearFocus()  # where a cursor blinks
        QApplication.sendPostedEvents()  # what was said anew may need more room
        return _painted(panel, variant.scale)
    finally:
        panel.close()
        panel.deleteLater()
        QApplication.sendPostedEvents(panel, QEvent.Type.DeferredDelete)
        service.deleteLater()
        await asyncio.sleep(0)


def _painted(widget: QWidget, scale: int) -> QImage:
    picture = QImage(widget.size() * scale, QImage.Format.Format_RGB32)
    picture.setDevicePixelRatio(scale)
    picture.fill(widget.palette().window().color())
    painter = QPainter(picture)
    widget.render(painter, QPoint())
    painter.end()
    picture.setDevicePixelRatio(1)
    return picture


# -- comparing ---------------------------------------------------------------------------------------------------------
def same_qt() -> bool:
    """Whether the kept pictures were drawn by the Qt that runs: another one may draw a stroke elsewhere."""
    return QT.is_file() and QT.read_text(encoding="utf-8").strip() == qVersion()


def difference(picture: QImage, kept: QImage, *, exact: bool) -> str:
    """Return what is unlike in two pictures; empty where nothing that matters is.

    Args:
        picture: as it is drawn now.
        kept: as it should be.
        exact: compare where things are, too; otherwise only size and the shares of colours.
    """
    if picture.size() != kept.size():
        return f"its size is {_size(picture)}, not {_size(kept)}"
    one, other = _pixels(picture), _pixels(kept)
    if not exact:
        unlike = float(np.abs(_shares(one) - _shares(other)).sum()) / 2
        return f"{unlike:.1%} of it have other colours" if unlike > _MOST_OF_COLOURS else ""
    apart = np.abs(_blocks(one) - _blocks(other)).max(axis=2)
    if apart.max() <= _MOST_OF_A_BLOCK and apart.mean() <= _MOST_IN_ALL:
        return ""
    row, column = np.unravel_index(int(apart.argmax()), apart.shape)
    return (
        f"around ({int(column) * _BLOCK}, {int(row) * _BLOCK}) it is {apart.max():.0f} of 255 apart, "
        f"on average {apart.mean():.2f}"
    )


def save(picture: QImage, path: Path) -> None:
    """Keep a picture in few bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    assert _with_few_colours(picture).save(str(path), "PNG", 0), path
    QT.write_text(f"{qVersion()}\n", encoding="utf-8")


def _with_few_colours(picture: QImage) -> QImage:
    """Return it with 256 of its own colours; Qt would take others."""
    pixels = _pixels(picture).astype(np.int64)
    codes = pixels[..., 2] << 16 | pixels[..., 1] << 8 | pixels[..., 0]
    known, places, counts = np.unique(codes, return_inverse=True, return_counts=True)
    parts = np.stack([known >> 16, known >> 8 & 255, known & 255], axis=1)
    order = [int(place) for place in np.argsort(-counts, kind="stable")[:_COMMON]]
    far = np.abs(parts[:, None] - parts[order][None]).sum(axis=2).min(axis=1)
    while far.max() > 0 and len(order) < _COLOURS:  # what is rare, and unlike all that is common
        order.append(int((far * np.sqrt(counts)).argmax()))
        far = np.minimum(far, np.abs(parts - parts[order[-1]]).sum(axis=1))
    kept, chosen = known[order], parts[order]
    nearest = np.abs(parts[:, None] - chosen[None]).sum(axis=2).argmin(axis=1).astype(np.uint8)
    indices = np.ascontiguousarray(nearest[places.reshape(codes.shape)])
    width, height = picture.width(), picture.height()
    few = QImage(indices.tobytes(), width, height, width, QImage.Format.Format_Indexed8)
    few.setColorTable([0xFF000000 | int(colour) for colour in kept])
    return few.copy()


def _size(picture: QImage) -> str:
    return f"{picture.width()}x{picture.height()}"


def _pixels(picture: QImage) -> np.ndarray:
    plain = picture.convertToFormat(QImage.Format.Format_RGB32)
    bits = plain.constBits()
    assert bits is not None
    flat = np.frombuffer(bits.asstring(plain.sizeInBytes()), np.uint8)
    rows = flat.reshape(plain.height(), plain.bytesPerLine() // 4, 4)[:, : plain.width(), :3]
    pixels: np.ndarray = rows.astype(np.float64)
    return pixels


def _blocks(pixels: np.ndarray) -> np.ndarray:
    height, width = (size // _BLOCK * _BLOCK for size in pixels.shape[:2])
    parts = pixels[:height, :width].reshape(height // _BLOCK, _BLOCK, width // _BLOCK, _BLOCK, 3)
    means: np.ndarray = parts.mean(axis=(1, 3))
    return means


def _shares(pixels: np.ndarray) -> np.ndarray:
    """Return the share of the pixels that each of 512 colours has."""
    few = (pixels // 32).astype(np.int64)
    counts = np.bincount((few[..., 0] * 64 + few[..., 1] * 8 + few[..., 2]).ravel(), minlength=512)
    shares: np.ndarray = counts / counts.sum()
    return shares

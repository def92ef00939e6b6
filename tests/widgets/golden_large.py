"""The large scenes of the golden pictures: monitor, settings, first page, chart and the whole window.

What they show is made up and fixed, as in `golden`: a market that wanders, and an outage of eight seconds.
"""

from __future__ import annotations

import math
import random
from array import array
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any

from tests.widgets.golden import (
    SIGN_OF_TIME,
    VARIANTS,
    Scene,
    Variant,
    fill_my_orders,
    fill_order_book,
    fill_tape,
    fill_watch_list,
)
from upbit_ws_qt import (
    ComponentMetrics,
    ConnectionHealth,
    ConnectionMetrics,
    ConnectionState,
    DataType,
    DayUptime,
    FreshnessMap,
    HealthLevel,
    HealthReason,
    HealthStatus,
    HistorySeries,
    Incident,
    IncidentLine,
    LatencyKind,
    LatencyMap,
    LineEvent,
    LineEventKind,
    LineReading,
    Metric,
    PerformanceMetrics,
    Phrase,
    Priority,
    ReasonKind,
    SketchSummary,
    StreamKey,
    WebSocketService,
    WebSocketType,
)
from widgets.account.my_orders import MyOrdersWidget
from widgets.base.exchange_choice import ExchangeChoice
from widgets.base.line_state import line_board, line_state
from widgets.base.market_catalog import MarketCatalog
from widgets.base.origin import ExchangeOrigin
from widgets.base.panel import Panel
from widgets.base.text import Language
from widgets.base.theme import ThemeMode
from widgets.base.tokens import Density
from widgets.chart.choice import ChartChoice, ChosenFormula
from widgets.chart.data import CandleSeries, bar_from
from widgets.chart.panel import ChartWidget
from widgets.monitor.chronicle import Entry
from widgets.monitor.drill import DrillTab, FaultControl
from widgets.monitor.exercises import Observation
from widgets.monitor.heat import HeatTab
from widgets.monitor.heat_data import freshness_heat, latency_heat
from widgets.monitor.incidents import IncidentsTab
from widgets.monitor.panel import MonitorPanel
from widgets.monitor.tabs import ComponentsTab
from widgets.monitor.timeline import TimelineTab
from widgets.order_book.panel import OrderBookWidget
from widgets.program.exchange_page import ExchangePage
from widgets.program.main_menu import MainMenu
from widgets.settings.dialog import SettingsDialog
from widgets.settings.preferences import Preferences
from widgets.tape.panel import TapeWidget
from widgets.window.log_dock import LogBook
from widgets.window.main_window import MainWindow
from widgets.window.panels import Needs

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["LARGE_SCENES", "LARGE_VARIANTS"]

PUBLIC, PRIVATE, INFO = WebSocketType.PUBLIC, WebSocketType.PRIVATE, WebSocketType.INFO
NOW = SIGN_OF_TIME + 3600
SECONDS = 300
LOST_AT, DARK = NOW - 120, 8
_DAY = 86_400
_KOREA = 9 * 3600
_BARS = 240
_LAST = 151_234_000

LARGE_VARIANTS = (
    *VARIANTS[:2],
    Variant(Language.KOREAN, ThemeMode.DARK, Density.NORMAL, 1),
    Variant(Language.ENGLISH, ThemeMode.LIGHT, Density.NORMAL, 1),
)
"""Languages and themes; densities and scales are told by the small panels."""


# -- the monitor -------------------------------------------------------------------------------------------------------
def _monitor(service: WebSocketService) -> MonitorPanel:
    panel = MonitorPanel(service)
    panel.lines.show(_metrics(), _health(), {})
    panel.components.show_metrics(_performance())
    panel.incidents.show_entries(_entries())
    panel.show_alert_count(1)
    panel.tabs.setCurrentWidget(panel.incidents)
    panel.show_program("", "")
    panel.plots.set_extra("messages_per_second")
    five_minutes = panel.windows.button(1)
    assert five_minutes is not None
    five_minutes.setChecked(True)
    panel.hint.hide()
    return panel


def _enter_monitor(panel: MonitorPanel) -> None:
    panel.arrange_for(panel.size())
    extra = [_series("messages_per_second", line, 120 if line is PUBLIC else 0.4) for line in WebSocketType]
    figures = {(metric, line): _series(metric, line, _FIGURES[metric][line]) for metric in _FIGURES for line in _LINES}
    panel.plots.show_data(figures, _events(), NOW, extra)
    panel.plots.show_window(NOW - SECONDS, NOW)


_LINES = tuple(WebSocketType)
_FIGURES: Mapping[str, Mapping[WebSocketType, float]] = {
    "score": {PUBLIC: 96, PRIVATE: 97, INFO: 72},
    "rtt": {PUBLIC: 0.042, PRIVATE: 0.038, INFO: 0.18},
    "epoch": {PUBLIC: 3, PRIVATE: 1, INFO: 2},
    "connected": {PUBLIC: 1, PRIVATE: 1, INFO: 1},
}


def _series(metric: str, line: WebSocketType, usual: float) -> HistorySeries:
    """Return a figure that moves a little, and the outage of the public line."""
    source = random.Random(f"{metric} {line.value}")
    times = array("d", [NOW - SECONDS + place + 1 for place in range(SECONDS)])
    values = array("d")
    for at in times:
        wave = 1 + 0.06 * math.sin(at / 11) + source.uniform(-0.03, 0.03)
        dark = line is PUBLIC and LOST_AT <= at < LOST_AT + DARK
        if metric == "connected":
            values.append(0.0 if dark else 1.0)
        elif metric == "epoch":
            values.append(math.nan if dark else usual - (line is PUBLIC and at < LOST_AT))
        elif metric == "score":
            values.append(40.0 if dark else min(100.0, usual * (0.97 + 0.03 * wave)))
        else:
            values.append(math.nan if dark else usual * wave)
    return HistorySeries(metric=Metric(metric), ws_type=line, step=1.0, times=times, values=values)


def _events() -> list[LineEvent]:
    cause = Phrase("nothing listens there")
    lost = LineEvent(at=LOST_AT, ws_type=PUBLIC, kind=LineEventKind.LOST, cause=cause, close_code=1006)
    back = LineEvent(
        at=LOST_AT + DARK, ws_type=PUBLIC, kind=LineEventKind.RESTORED, cause=cause, close_code=1006,
        down_seconds=DARK, old_epoch=2, new_epoch=3, restored=275, restorable=275,
    )  # fmt: skip
    renewed = LineEvent(
        at=NOW - 40, ws_type=INFO, kind=LineEventKind.EPOCH, old_epoch=1, new_epoch=2, restored=4, restorable=4
    )
    return [lost, back, renewed]


def _metrics() -> dict[WebSocketType, ConnectionMetrics]:
    usual: dict[str, Any] = {"state": ConnectionState.CONNECTED, "is_connected": True, "last_pong_age": 6.2}
    return {
        PUBLIC: ConnectionMetrics(
            ws_type=PUBLIC, **usual, last_message_age=0.1, message_count=812_345, messages_per_second=118.4,
            reconnect_count=1, gap_count=2, lossy_gap_count=1, bytes_received=48_000_000, bytes_inflated=130_000_000,
            bytes_spared=60_000_000, uptime_seconds=112, rtt_last=0.042, rtt_average=0.045, rtt_p95=0.081, epoch=3,
            dropped=12,
        ),
        PRIVATE: ConnectionMetrics(
            ws_type=PRIVATE, **usual, last_message_age=61.0, message_count=214, bytes_received=91_000, epoch=1,
            uptime_seconds=4210, rtt_last=0.038, rtt_average=0.04, rtt_p95=0.052,
        ),
        INFO: ConnectionMetrics(
            ws_type=INFO, **usual, last_message_age=4.0, message_count=911, messages_per_second=0.4, epoch=2,
            bytes_received=310_000, gap_count=1, uptime_seconds=40, rtt_last=0.182, rtt_average=0.17, rtt_p95=0.31,
        ),
    }  # fmt: skip


def _health() -> HealthStatus:
    slow = HealthReason(
        kind=ReasonKind.RTT, text=Phrase("round trip p95 {ms} ms", ms=310), penalty=28.0, value=0.31, ws_type=INFO
    )
    judged = {
        line: ConnectionHealth(
            ws_type=line, score=_FIGURES["score"][line], level=HealthLevel.GOOD, state=ConnectionState.CONNECTED,
            reasons=(slow,) if line is INFO else (),
        )
        for line in WebSocketType
    }  # fmt: skip
    return HealthStatus(score=72.0, level=HealthLevel.GOOD, reasons=(slow,), connections=judged, at=NOW)


def _performance() -> PerformanceMetrics:
    rows = (
        ("watch list", Priority.NORMAL, 275, 96.2, 0.034, 0, False),
        ("order book", Priority.HIGH, 2, 9.8, 0.012, 0, False),
        ("tape", Priority.NORMAL, 1, 3.1, 0.002, 0, False),
        ("chart", Priority.NORMAL, 2, 3.4, 0.004, 0, False),
        ("my orders", Priority.CRITICAL, 1, 0.0, 0.0, 0, False),
        ("channel orderbook KRW-BTC", Priority.LOW, 1, 9.8, 0.001, 0, False),
        ("somebody's strategy", Priority.HIGH, 30, 0.0, 0.0, 3, True),
    )
    components = tuple(
        ComponentMetrics(
            component_id=name, priority=priority, subscriptions=streams, messages_per_second=rate,
            bytes_per_second=rate * 420, slot_share=share, failures=failures, quarantined=aside,
            slot=SketchSummary(count=100, p95=share / 40),
        )
        for name, priority, streams, rate, share, failures, aside in rows
    )  # fmt: skip
    return PerformanceMetrics(components=components, quarantined=("somebody's strategy",))


def _entries() -> list[Entry]:
    line = IncidentLine(
        ws_type=PUBLIC, lost_at=LOST_AT, cause=Phrase("nothing listens there"), close_code=1006, down_seconds=DARK,
        is_down=False, old_epoch=2, new_epoch=3, restored=275, restorable=275, may_miss=275, missed=3120,
        recovered=3120, is_healed=True, stale=("watch list", "order book", "tape", "chart"),
        before=LineReading(score=97, rtt=0.041, messages_per_second=121),
        after=LineReading(score=90, rtt=0.044, messages_per_second=118),
    )  # fmt: skip
    given_up = IncidentLine(
        ws_type=PRIVATE, lost_at=NOW - 5 * 3600, cause=Phrase("nothing listens there"), down_seconds=312.0,
        losses=4, is_down=False, old_epoch=1, new_epoch=5, restored=2, restorable=2, may_miss=2, missed=2,
        is_healed=True, not_whole=1,
    )  # fmt: skip
    newest = Incident(incident_id=2, began_at=LOST_AT, ended_at=LOST_AT + DARK, lines=(line,))
    older = Incident(incident_id=1, began_at=NOW - 5 * 3600, ended_at=NOW - 5 * 3600 + 330, lines=(given_up,))
    return [Entry("", newest), Entry("", older)]


def _components(service: WebSocketService) -> ComponentsTab:
    tab = ComponentsTab(service)
    tab.show_metrics(_performance())
    return tab


def _incidents(service: WebSocketService) -> IncidentsTab:
    del service
    tab = IncidentsTab()
    tab.show_entries(_entries())
    return tab


def _timeline(service: WebSocketService) -> TimelineTab:
    del service
    tab = TimelineTab()
    today = int(NOW + _KOREA) // _DAY
    shares = {today: (0.9999, 1.0), today - 1: (1.0, 0.9964), today - 2: (0.9995, 1.0)}
    uptime = [
        DayUptime(day=day, ws_type=line, wanted=80_000.0, up=80_000.0 * share)
        for day, both in shares.items()
        for line, share in zip((PUBLIC, PRIVATE), both, strict=True)
    ]
    tab.days.show_days(_entries(), uptime, NOW)
    tab.retranslate()
    return tab


def _heat(service: WebSocketService, kind: int) -> HeatTab:
    tab = HeatTab(service)
    tab.choice.setCurrentIndex(kind)
    return tab


def _enter_heat(tab: HeatTab) -> None:
    """Show ages of 40 streams, or the way here: usually 30 ms, and a minute in which it was slower."""
    source = random.Random(5)
    times = array("d", [NOW - 900 + 10 * place for place in range(90)])
    if tab.choice.currentIndex() == 0:
        kinds = (DataType.TICKER, DataType.TRADE, DataType.ORDERBOOK)
        keys = [StreamKey(kinds[place % 3], f"KRW-M{place:02d}") for place in range(40)]
        usual = {key: 0.2 * 1.2**place for place, key in enumerate(keys)}
        ages = {
            key: array(
                "d", [usual[key] * source.uniform(0.3, 1.6) + (70.0 if 52 <= at < 54 else 0) for at in range(90)]
            )
            for key in keys
        }
        heat = freshness_heat(FreshnessMap(times=times, ages=ages), tab.canvas.most_rows)
    else:
        edges = LatencyMap(kind=LatencyKind.WAY, ws_type=PUBLIC).edges
        counts = array("H")
        for column in range(90):
            middle = 12 if 40 <= column < 46 else 8
            row = [0] * (len(edges) + 1)
            for _ in range(60):
                row[max(0, min(len(edges), round(source.gauss(middle, 1.1))))] += 1
            counts += array("H", row)
        heat = latency_heat(LatencyMap(kind=LatencyKind.WAY, ws_type=PUBLIC, times=times, counts=counts))
    tab.canvas.show_heat(heat, NOW - 900, NOW)
    tab.note.hide()


def _drill(service: WebSocketService) -> DrillTab:
    tab = DrillTab(service, FaultControl("http://127.0.0.1:9/control"))
    whole = Observation(
        noticed=0.02, back=0.9, losses=1, restored=275, restorable=275, may_miss=True, healed=True, missed=41,
        recovered=41,
    )  # fmt: skip
    tab.rows[0].seen, tab.rows[0].verdict = whole, True
    tab.rows[2].seen, tab.rows[2].verdict = Observation(noticed=14.2, losses=1), False
    return tab


# -- settings and the first page ---------------------------------------------------------------------------------------
def _settings(service: WebSocketService, place: int) -> SettingsDialog:
    dialog = SettingsDialog(Preferences(), service.config, embedded=True)
    dialog.tabs.setCurrentIndex(place)
    return dialog


def _first_page(service: WebSocketService, *, key: bool = False) -> ExchangePage:
    page = ExchangePage(lambda region: service.config, ExchangeChoice.ASK)
    if key:
        page.show_key()
    return page


# -- chart and window --------------------------------------------------------------------------------------------------
def _candles() -> CandleSeries:
    """Return minutes of a price that wanders on a grid of 1,000."""
    source, series = random.Random(11), CandleSeries()
    start = int(SIGN_OF_TIME) // 60 * 60 - _BARS * 60
    moves = [[0, *(1000 * source.randint(-40, 41) for _ in range(8))] for _ in range(_BARS)]
    price = _LAST - sum(map(sum, moves))
    for place, steps in enumerate(moves):
        prices = [price + sum(steps[: end + 1]) for end in range(len(steps))]
        price = prices[-1]
        values = (prices[0], max(prices), min(prices), price)
        volume = Decimal(f"{source.expovariate(0.4):.4f}")
        at = start + 60 * place
        series.take(bar_from(at, at * 1000, *(Decimal(each) for each in values), volume))
    series.complete = True
    return series


_FORMULAS = (
    ChosenFormula.usual("sma", 20), ChosenFormula.usual("bollinger"), ChosenFormula.usual("rsi"),
    ChosenFormula.usual("macd"),
)  # fmt: skip


def _chart(service: WebSocketService) -> ChartWidget:
    panel = ChartWidget(service, "KRW-BTC")
    panel.set_choice(ChartChoice(formulas=_FORMULAS))
    return panel


def _enter_chart(panel: ChartWidget) -> None:
    panel.show_live()
    panel.view.show_series(_candles(), "KRW-BTC", "1m")


def _window(service: WebSocketService) -> MainWindow:
    log = LogBook()
    needs = Needs(service, MarketCatalog(service.rest, None, service), log, "KRW-BTC", (), "1m")
    window = MainWindow(needs, ExchangeOrigin.of(service.config, embedded=True))
    log.setParent(window)
    MainMenu(window).restore("trading", None, {})
    return window


def _enter_window(window: MainWindow) -> None:
    for panel in window.panels.values():
        if isinstance(panel, ChartWidget):
            _enter_chart(panel)
        elif isinstance(panel, OrderBookWidget):
            fill_order_book(panel)
        elif isinstance(panel, TapeWidget) and not panel.model.rowCount():
            fill_tape(panel)
        elif isinstance(panel, MyOrdersWidget):
            fill_my_orders(panel)
        if isinstance(panel, Panel) and panel.isVisible():
            panel.show_live()
    fill_watch_list(window.watch_list)
    board = line_board(window.needs.service)
    board.metrics, board.health = _metrics(), _health()
    board.states = {line: line_state(each, board.health) for line, each in board.metrics.items()}
    window.bar.refresh()
    for button in window.bar.lines.values():
        button.refresh()
    window.bar.clock.setText("20:53:20 KST")


_WIDE, _PAGE = (900, 280), (640, 560)
LARGE_SCENES: dict[str, Scene] = {
    "monitor": Scene(_monitor, 1240, 720, _enter_monitor),
    "monitor-components": Scene(_components, *_WIDE),
    "monitor-incidents": Scene(_incidents, *_WIDE),
    "monitor-timeline": Scene(_timeline, *_WIDE),
    "monitor-age": Scene(partial(_heat, kind=0), *_WIDE, _enter_heat),
    "monitor-way": Scene(partial(_heat, kind=1), *_WIDE, _enter_heat),
    "monitor-drill": Scene(_drill, *_WIDE),
    **{
        f"settings-{name}": Scene(partial(_settings, place=place), *_PAGE)
        for place, name in enumerate(("look", "notes", "alerts", "lines", "keys"))
    },
    "first-page": Scene(_first_page, *_PAGE),
    "first-page-key": Scene(partial(_first_page, key=True), *_PAGE),
    "chart": Scene(_chart, 900, 600, _enter_chart),
    "window": Scene(_window, 1280, 760, _enter_window),
}
"""By the names of their pictures."""

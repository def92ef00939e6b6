"""What the chart costs: a frame of panning, zooming and pointing, and a tick; beside finplot where it is installed.

All bars are in the picture, 1,000 to 20,000 of them, or 150 as usual; six indicators, 1280 × 720. CPU time of the
thread, so that what else the machine does counts less.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import random
import statistics
import subprocess
import sys
import time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PyQt6.QtCore import QEvent, QPointF, Qt
from PyQt6.QtGui import QMouseEvent
from PyQt6.QtWidgets import QApplication

from widgets.base.theme import MarketScheme, market_colours
from widgets.chart.choice import ChartChoice, ChosenFormula
from widgets.chart.data import CandleSeries, bar_from
from widgets.chart.view import ChartView

if TYPE_CHECKING:
    from collections.abc import Callable

_FORMULAS = ("sma", "ema", "bollinger", "volume_average", "rsi", "macd")
_COUNTS = (1000, 5000, 20_000)
_SIZE = (1280, 720)
_ROUNDS = 60
_BEGIN = 1_767_193_200


def rows_of(count: int) -> list[tuple[int, float, float, float, float, float]]:
    """Return candles of a price that wanders: start, opening, high, low, close, volume."""
    source, price, rows = random.Random(5), 150_000_000.0, []
    for number in range(count):
        opening = price
        price += source.randint(-200, 200) * 1000
        high, low = max(opening, price) + source.randint(0, 90) * 1000, min(opening, price) - 45_000
        rows.append((_BEGIN + number * 60, opening, high, low, price, round(source.expovariate(1), 4)))
    return rows


def timed(work: Callable[[int], None], rounds: int = _ROUNDS) -> tuple[float, float]:
    """Return median and 95th percentile of the CPU time of a piece of work, in ms."""
    work(0)
    found = []
    for number in range(rounds):
        began = time.thread_time()
        work(number)
        found.append((time.thread_time() - began) * 1e3)
    found.sort()
    return statistics.median(found), found[int(len(found) * 0.95)]


def ours(app: QApplication, count: int, shown: int) -> dict[str, tuple[float, float]]:
    """Measure our chart."""
    series = CandleSeries()
    for start, *values in rows_of(count):
        series.take(bar_from(start, start * 1000, *(Decimal(repr(each)) for each in values)))
    view = ChartView()
    view.take_colours(market_colours(MarketScheme.KOREAN, dark=False), dimmed=False)
    view.resize(*_SIZE)
    view.set_choice(ChartChoice(formulas=tuple(ChosenFormula.usual(name) for name in _FORMULAS)))
    view.show_series(series, "KRW-BTC", "1m")
    view.show()
    app.processEvents()
    width = view.width() - view.axis_width
    view.zoom(width / shown / view.bar_width)
    app.processEvents()

    def pan(number: int) -> None:
        view.move_by(5 if number % 2 else -5)
        view.repaint()

    def zoom(number: int) -> None:
        view.zoom(1.02 if number % 2 else 1 / 1.02, width / 2)
        view.repaint()

    def point(number: int) -> None:
        none = Qt.MouseButton.NoButton
        place = QPointF(300 + number, 200)
        move = QMouseEvent(QEvent.Type.MouseMove, place, place, none, none, Qt.KeyboardModifier.NoModifier)
        app.sendEvent(view, move)
        view.repaint()

    def tick(number: int) -> None:
        newest = series.bars[-1]
        close = newest.low if number % 2 else newest.high
        exact = (newest.opening, newest.high, newest.low, close, newest.volume)
        series.take(bar_from(newest.start, newest.timestamp + 1, *exact))
        view.show_changes()
        app.processEvents()

    view.move_by(20)
    found = {"pan": timed(pan), "zoom": timed(zoom)}
    view.to_newest()
    found |= {"point": timed(point)}
    app.sendEvent(view, QEvent(QEvent.Type.Leave))
    app.processEvents()
    made = view.pictures
    found |= {"tick": timed(tick)}
    if view.pictures > made + 2:
        print(f"  (closed candles were painted {view.pictures - made} times in {_ROUNDS} ticks)")
    view.close()
    view.deleteLater()
    return found


def of_finplot(count: int, shown: int) -> dict[str, tuple[float, float]]:
    """Measure finplot with the same candles, size and number of curves; it has no formulas of its own."""
    import finplot
    import pandas
    import talib

    rows = rows_of(count)
    names = ["time", "open", "high", "low", "close", "volume"]
    frame = pandas.DataFrame(rows, columns=names)
    frame["time"] = pandas.to_datetime(frame["time"], unit="s")
    frame = frame.set_index("time")
    axes = finplot.create_plot("chart", rows=4, init_zoom_periods=shown)
    price, volume, rsi, macd = axes
    close = frame["close"].to_numpy()
    candles = finplot.candlestick_ochl(frame[["open", "close", "high", "low"]], ax=price)
    finplot.volume_ocv(frame[["open", "close", "volume"]], ax=volume)
    curves = [(price, talib.SMA(close, 20)), (price, talib.EMA(close, 20))]
    curves += [(price, each) for each in talib.BBANDS(close, 20)]
    curves += [(volume, talib.SMA(frame["volume"].to_numpy(), 20)), (rsi, talib.RSI(close, 14))]
    curves += [(macd, each) for each in talib.MACD(close, 12, 26, 9)]
    for axis, values in curves:
        finplot.plot(pandas.Series(values, index=frame.index), ax=axis)
    finplot.show(qt_exec=False)
    app: Any = QApplication.instance()
    window = price.vb.win
    window.resize(*_SIZE)
    app.processEvents()
    box = price.vb

    def painted() -> None:
        app.processEvents()
        window.repaint()

    def pan(number: int) -> None:
        box.pan_x(steps=5 if number % 2 else -5)
        painted()

    def zoom(number: int) -> None:
        box.zoom_rect(box.targetRect(), 1.02 if number % 2 else 1 / 1.02, QPointF(box.targetRect().center()))
        painted()

    def tick(number: int) -> None:
        frame.iloc[-1, 3] += 1000 if number % 2 else -1000
        candles.update_data(frame[["open", "close", "high", "low"]])
        painted()

    found = {"zoom": timed(zoom, 15), "tick": timed(tick, 15)}
    if shown < count:  # where all is seen there is nowhere to go
        found = {"pan": timed(pan, 15), **found}
    window.close()
    return found


def told(name: str, count: int, shown: int, found: dict[str, tuple[float, float]]) -> str:
    """Return a line of figures."""
    parts = "   ".join(f"{what} {middle:6.2f} / {late:6.2f}" for what, (middle, late) in found.items())
    return f"{name:8} {count:6,} candles, {min(shown, count):6,} seen   {parts}"


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--finplot", type=int, nargs=2, metavar=("COUNT", "SHOWN"), help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.finplot:
        count, shown = chosen.finplot
        print(told("finplot", count, shown, of_finplot(count, shown)))
        return 0
    app = QApplication(sys.argv[:1])
    print("ms of CPU time per frame, median / 95th percentile; load", *(f"{each:.1f}" for each in os.getloadavg()))
    cases = [(count, shown) for count in _COUNTS for shown in (150, count)]
    for count, shown in cases:
        print(told("ours", count, shown, ours(app, count, shown)))
    if importlib.util.find_spec("finplot") is None:
        print("finplot is not installed here: pip install finplot")
        return 0
    for count, shown in cases:  # each in a process of its own: it keeps what it has shown
        command = [sys.executable, "-m", "benchmarks.chart", "--finplot", str(count), str(shown)]
        subprocess.run(command, check=False)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

"""The whole desktop window under 5,000 received messages a second: CPU, gaps of the GUI, memory; by perspective.

One more than the program has is measured: nine charts beside the market map. Where others work on the machine, the
ratio to the trading perspective of the same run says more than the figures.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import psutil
from PyQt6.QtCore import QAbstractEventDispatcher, QObject, Qt, QTimer, pyqtSlot
from PyQt6.QtWidgets import QApplication

from benchmarks._child_exchange import child_exchange, config_for, http
from upbit_ws_qt import WebSocketType, run
from upbit_ws_qt.quantiles import QuantileSketch
from widgets.alarm_rules.rules import Crossing, IndicatorLevel, PriceChange, PriceLevel, SpreadWide, VolumeSpike
from widgets.program.application import keep_collections_short
from widgets.program.options import Options
from widgets.program.program import Program
from widgets.program.store import Store
from widgets.settings.preferences import Preferences
from widgets.window.layout import Leaf, Split
from widgets.window.perspectives import BUILT_IN

if TYPE_CHECKING:
    from widgets.window.main_window import MainWindow

_GRID = BUILT_IN["charts_9"]
assert _GRID.root is not None
GRID_AND_MAP = replace(_GRID, root=Split(False, (0.6, 0.4), (_GRID.root, Leaf(("market_map",), "market_map"))))
TARGET = 5000.0
_BEAT_MS = 2
_SETTLE_S = 6.0
_EARLY_S, _LATE_S = 270.0, 330.0  # the minute around minute 5: what fills up has filled up
_SYMBOLS = ("KRW-BTC", "KRW-ETH", "KRW-XRP", "KRW-SOL", "KRW-DOGE", "KRW-ADA", "KRW-SUI", "KRW-LINK")


class TurnGauge(QObject):
    """The CPU time of each turn of the window's loop: what is done in one go, whatever else the machine does."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        dispatcher = QAbstractEventDispatcher.instance()
        assert dispatcher is not None
        self._turns = QuantileSketch()
        self._longest: list[float] = []
        self._began = time.thread_time()
        dispatcher.awake.connect(self._on_awake)

    def reset(self) -> None:
        """Forget what was."""
        self._turns.reset()
        self._longest.clear()

    def __str__(self) -> str:
        longest = " ".join(f"{each * 1e3:.1f}" for each in reversed(self._longest))
        return f"{longest}; p99.9 {self._turns.quantile(0.999) * 1e3:.1f}"

    @pyqtSlot()
    def _on_awake(self) -> None:
        """Qt says this once a turn, and sleep takes no CPU time."""
        now = time.thread_time()
        took, self._began = now - self._began, now
        self._turns.add(took)
        if len(self._longest) < 8 or took > self._longest[0]:
            self._longest = sorted([*self._longest, took])[-8:]


class Watcher(QObject):
    """Drives the window and takes the figures."""

    def __init__(
        self, window: MainWindow, told: dict[str, str], seconds: float, names: list[str], *, restless: bool
    ) -> None:
        super().__init__(window)
        self._window, self._told, self._seconds, self._restless = window, told, seconds, restless
        self._process = psutil.Process()
        self._gaps = QuantileSketch()
        self._worst = 0.0
        self._last = time.perf_counter()
        self._names = names
        self._known = list(BUILT_IN)
        self._shares: dict[str, float] = {}
        self._turns = 0
        self._rate = TARGET
        self._frames = 0
        self._began = self._settled = self._cpu = 0.0
        self._memory: list[tuple[float, float]] = []  # seconds since it settled, MiB
        self._turn_gauge = TurnGauge(self)
        self._beat = QTimer(self)
        self._beat.setTimerType(Qt.TimerType.PreciseTimer)
        self._beat.timeout.connect(self._on_beat)
        self._beat.start(_BEAT_MS)
        self._each_second = QTimer(self)
        self._each_second.timeout.connect(self._on_second)
        self._each_second.start(1000)
        QTimer.singleShot(int(_SETTLE_S * 1000), self._adjust)

    @pyqtSlot()
    def _adjust(self) -> None:
        """Make the exchange send as much as is wanted on this window's subscriptions."""
        self._scale_rate()
        QTimer.singleShot(int(_SETTLE_S * 1000), self._begin)

    def _scale_rate(self) -> None:
        wanted = TARGET / max(self._metrics().messages_per_second, 1.0)
        self._rate = min(max(self._rate * min(wanted, 3.0), TARGET), 50_000)
        http(self._told, "/control/rate", {"rate": self._rate})

    @pyqtSlot()
    def _begin(self) -> None:
        self._reset()
        self._settled = self._began
        if self._restless:
            QTimer.singleShot(int(self._seconds * 1000), self._end)
        else:
            self._next_perspective()

    def _next_perspective(self) -> None:
        if self._turns:
            self._report(self._names[self._turns - 1])
        if self._turns == len(self._names):
            QApplication.quit()
            return
        name = self._names[self._turns]
        if name == "grid_and_map":
            self._window.arrange(GRID_AND_MAP)
        else:
            self._window.arrange_built_in(name)
        self._turns += 1
        QTimer.singleShot(int(_SETTLE_S * 1000), self._fit)

    @pyqtSlot()
    def _fit(self) -> None:
        """Have this perspective's subscriptions get the rate too; then measure."""
        self._scale_rate()
        settled = int(_SETTLE_S * 500)
        QTimer.singleShot(settled, self._reset)
        QTimer.singleShot(int(self._seconds * 1000) + settled, self._next_perspective)

    def _end(self) -> None:
        self._report("all of them in turn, another market every second")
        last = self._memory[-1][0]
        early = [mib for at, mib in self._memory if _EARLY_S <= at <= _LATE_S]
        late = [mib for at, mib in self._memory if at >= last - (_LATE_S - _EARLY_S)]
        print(f"  memory: {self._memory[0][1]:.1f} MiB at first, {self._memory[-1][1]:.1f} MiB at last", end="")
        if early and last > 2 * _LATE_S:
            first, then = sum(early) / len(early), sum(late) / len(late)
            minute = last / 60
            print(f"; minute 5 {first:.1f} MiB, minute {minute:.0f} {then:.1f} MiB, {then - first:+.1f} MiB", end="")
        print()
        QApplication.quit()

    def _reset(self) -> None:
        self._gaps.reset()
        self._turn_gauge.reset()
        self._worst = 0.0
        self._last = time.perf_counter()
        self._frames = self._metrics().message_count
        times = self._process.cpu_times()
        self._began, self._cpu = time.perf_counter(), times.user + times.system

    def _report(self, name: str) -> None:
        took = time.perf_counter() - self._began
        times = self._process.cpu_times()
        share = 100 * (times.user + times.system - self._cpu) / took
        rate = (self._metrics().message_count - self._frames) / took
        gap = self._gaps.summary()
        p999 = self._gaps.quantile(0.999) * 1e3
        print(
            f"  {name}: {rate:.0f} messages/s, CPU {share:.1f} % of a core, GUI gap p50 {gap.p50 * 1e3:.1f} ms, "
            f"p99 {gap.p99 * 1e3:.1f} ms, p99.9 {p999:.1f} ms, worst {self._worst * 1e3:.1f} ms",
            flush=True,
        )
        print(f"    longest turns of the loop, CPU ms: {self._turn_gauge}", flush=True)
        self._shares[name] = share
        beside = f", {share / self._shares['trading']:.2f} of trading" if "trading" in self._shares else ""
        print(f"    load of the machine {os.getloadavg()[0]:.1f}{beside}", flush=True)

    def _metrics(self) -> Any:
        return self._window.needs.service.connection_metrics(WebSocketType.PUBLIC)

    @pyqtSlot()
    def _on_beat(self) -> None:
        now = time.perf_counter()
        gap = now - self._last
        self._last = now
        self._gaps.add(gap)
        self._worst = max(self._worst, gap)

    @pyqtSlot()
    def _on_second(self) -> None:
        if self._began:
            mib = self._process.memory_info().rss / 2**20
            self._memory.append((time.perf_counter() - self._settled, mib))
            if self._restless and len(self._memory) % 60 == 0:
                print(f"    minute {len(self._memory) // 60}: {mib:.1f} MiB", flush=True)
        if self._restless and self._began:
            self._turns += 1
            self._window.select_symbol(_SYMBOLS[self._turns % len(_SYMBOLS)])
            if self._turns % 5 == 0:
                self._window.arrange_built_in(self._known[self._turns // 5 % len(self._known)])


def set_alarms(window: MainWindow, count: int) -> None:
    """Set alarms of all kinds that watch prices, books and candles; none that is likely to fire."""
    keeper = window.needs.alarms
    assert keeper is not None
    markets = [market.code for market in window.needs.catalog.markets if market.quote == "KRW"]
    conditions = (
        PriceLevel(Decimal(10) ** 12), PriceChange(Decimal(900), 10), SpreadWide(Decimal(900)),
        VolumeSpike(Decimal(10_000)), IndicatorLevel("rsi", (14.0,), "value", Crossing.UP, Decimal(101), closed=False),
    )  # fmt: skip
    for number in range(count):
        keeper.put(keeper.new_alarm(conditions[number % len(conditions)], markets[number % len(markets)]))


def main() -> None:
    """Measure; the targets are CPU <= 25 % of a core (35 % for many panels), p99.9 <= 20 ms, memory flat."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=8.0, help="per perspective, or in all with --restless")
    parser.add_argument("--perspectives", default=",".join([*BUILT_IN, "grid_and_map"]), help="names, with commas")
    parser.add_argument("--restless", action="store_true", help="switch perspectives and markets; look at memory")
    parser.add_argument("--alarms", type=int, default=0, help="so many alarms on markets, of all kinds")
    given = parser.parse_args()
    with child_exchange("--rate", str(TARGET), "--control") as told:
        app = QApplication(sys.argv[:1])
        began = time.perf_counter()
        program = Program(
            Options(size=(1920, 1080)), config_for(told, metrics_interval=1.0), Store(None), Preferences()
        )

        def setup() -> Program:
            program.open()
            window = program.window
            assert window is not None
            window.watch_list.model.dataChanged.connect(first_price)
            set_alarms(window, given.alarms)
            program.watcher = Watcher(  # type: ignore[attr-defined]
                window, told, given.seconds, given.perspectives.split(","), restless=given.restless
            )
            return program

        told_first: list[float] = []

        def first_price() -> None:
            if not told_first:
                told_first.append(time.perf_counter() - began)
                print(f"first price {told_first[0]:.2f} s after the program was made (target <= 2 s)", flush=True)

        keep_collections_short(program)
        run(setup)
        program.close()
        del app


if __name__ == "__main__":
    main()

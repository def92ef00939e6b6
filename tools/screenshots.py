"""Takes pictures of the desktop program: every perspective, theme and language, on small and large screens; no screen.

An exchange in the same process has three hours of trading behind it, orders on its books and one cut line, so that
nothing in the pictures is empty.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
import time
import traceback
from dataclasses import dataclass
from decimal import Decimal
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from upbit_ws_qt.exchange import EmbeddedExchange
    from widgets.program.program import Program
    from widgets.window.main_window import MainWindow

ROOT = Path(__file__).parent.parent
IMAGES = ROOT / "docs" / "images"
# Sizes are of the desktop, which has `scale` pixels for each of its points: 1920x1080 at 2x fills a 4K screen.
SCREENS = (("1280x720", 1), ("1920x1080", 1), ("3840x2160", 1), ("1280x720", 2), ("1920x1080", 2))
PERSPECTIVES = ("trading", "market", "account", "monitor")
_PAST = 3 * 3600  # seconds of trading before the first picture
_PAST_RATE, _RATE = 40, 240  # messages a second: candles of the past and of now are of one kind
_HEALED = 62  # seconds until the line is no longer judged by data that came hours late
_SETTLE = 1.2  # seconds from a change to its picture: twice the slowest refresh


@dataclass(frozen=True)
class Shot:
    """One picture."""

    perspective: str
    theme: str
    language: str
    size: str
    scale: int

    @property
    def name(self) -> str:
        """Of the file, without its ending."""
        return f"{self.perspective}-{self.language}-{self.theme}-{self.size}" + ("@2x" if self.scale == 2 else "")


EVERY = tuple(
    Shot(perspective, theme, language, size, scale)
    for (size, scale), theme, language, perspective in product(SCREENS, ("light", "dark"), ("ko", "en"), PERSPECTIVES)
)
KEPT = {
    shot.name: shot
    for shot in (
        Shot("trading", "dark", "en", "1920x1080", 1),
        Shot("trading", "light", "ko", "1280x720", 1),
        Shot("market", "light", "en", "1280x720", 1),
        Shot("market", "dark", "ko", "1280x720", 1),
        Shot("account", "light", "ko", "1280x720", 1),
        Shot("account", "dark", "en", "1280x720", 2),
        Shot("monitor", "light", "ko", "1280x720", 1),
        Shot("monitor", "dark", "en", "1280x720", 1),
    )
}
"""What the README and the docs show; few enough to be downloaded with the source."""


def main() -> int:
    """Take the pictures that are kept, or those that are named, or every one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="which, as trading-ko-light-1280x720; a part of the name is enough")
    parser.add_argument("--every", action="store_true", help=f"all {len(EVERY)}, not only those that are kept")
    parser.add_argument("--folder", type=Path, default=IMAGES, help="where to (docs/images)")
    parser.add_argument("--scale", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    found = [shot for shot in (EVERY if given.every else KEPT.values())
             if not given.names or any(name in shot.name for name in given.names)]  # fmt: skip
    if not found:
        parser.error("there is no such picture")
    given.folder.mkdir(parents=True, exist_ok=True)
    if given.scale is not None:
        return take([shot for shot in found if shot.scale == given.scale], given.folder)
    codes = []  # Qt scales a process as a whole: one for each scale
    for scale in sorted({shot.scale for shot in found}):
        environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "QT_SCALE_FACTOR": str(scale)}
        command = [sys.executable, __file__, *sys.argv[1:], "--scale", str(scale)]
        codes.append(subprocess.run(command, env=environment, check=False).returncode)  # noqa: S603 - ourselves
    return max(codes)


def take(shots: list[Shot], folder: Path) -> int:
    """Take pictures of one scale; return an exit code."""
    sys.path.insert(0, str(ROOT))
    from PyQt6.QtCore import qInstallMessageHandler
    from PyQt6.QtWidgets import QApplication

    from upbit_ws_qt import run
    from upbit_ws_qt.exchange import EmbeddedExchange, ExchangeSettings

    app = QApplication(sys.argv[:1])
    qInstallMessageHandler(lambda *_: None)  # the offscreen platform has nothing to say about window sizes
    settings = ExchangeSettings(rate=_PAST_RATE, demo=True, start_ms=int((time.time() - _PAST) * 1000))
    exchange = EmbeddedExchange(settings)

    programs: list[Program] = []

    async def session(window: MainWindow) -> int:
        await _fill(exchange, window)
        for shot in shots:
            await _take(window, shot, folder)
        await exchange.stop()
        return 0

    async def setup() -> asyncio.Task[int]:
        await exchange.start()
        programs.append(_open(exchange))
        window = programs[0].window
        assert window is not None
        task = asyncio.get_running_loop().create_task(session(window))
        task.add_done_callback(_on_done)
        return task

    try:
        return run(setup)
    finally:
        for program in programs:
            program.close()
        del app  # Qt goes with its last reference


def _on_done(task: asyncio.Task[int]) -> None:
    from PyQt6.QtWidgets import QApplication

    failure = task.exception()
    if failure is not None:
        traceback.print_exception(failure)
    QApplication.exit(1 if failure is not None else task.result())


def _open(exchange: EmbeddedExchange) -> Program:
    from upbit_ws_qt import Credentials, ServiceConfig
    from widgets.program.options import Options
    from widgets.program.program import Program
    from widgets.program.store import Store
    from widgets.settings.preferences import Preferences

    config = ServiceConfig(
        public_url=exchange.public_url,
        private_url=exchange.private_url,
        info_url=exchange.info_url,
        rest_url=exchange.rest_url,
        credentials=Credentials(exchange.access_key, exchange.secret_key),
        metrics_interval=1.0,
        health_interval=2.0,
    )
    program = Program(Options(size=(1280, 720)), config, Store(None), Preferences())
    program.open()
    assert program.window is not None
    program.window.watch_list.set_favourites(("KRW-BTC", "KRW-ETH", "KRW-XRP"))
    return program


async def _fill(exchange: EmbeddedExchange, window: MainWindow) -> None:
    """Let three hours pass, place orders, and cut a line once."""
    from upbit_ws_qt import IndicatorSpec
    from upbit_ws_qt.exchange import FaultName
    from widgets.indicators.panel import IndicatorsWidget

    indicators = window.panels["indicators"]
    assert isinstance(indicators, IndicatorsWidget)
    indicators.add_watch(IndicatorSpec.of("bollinger_bands", {"period": 20, "multiplier": Decimal("2.0")}), "15m")
    indicators.add_watch(
        IndicatorSpec.of("rsi", {"period": 14}, trigger="oversold", event_params={"threshold": 30}), "5m"
    )
    indicators.watch_table.selectRow(0)
    for _ in range(200):
        if len(exchange.subscribed("info")) == 3 and exchange.subscribed("private"):
            break
        await asyncio.sleep(0.05)
    for _ in range(_PAST // 60):
        await exchange.advance(60)
        await asyncio.sleep(0)
    exchange.set_rate(_RATE)
    await asyncio.sleep(_HEALED)
    exchange.faults.inject(FaultName.DROP, "public")
    await asyncio.sleep(6)
    for code, side, place, volume in (
        ("KRW-BTC", "BID", 3, "0.02"), ("KRW-BTC", "ASK", 2, "0.015"), ("KRW-ETH", "BID", 1, "0.4"),
    ):  # fmt: skip
        sides = exchange.world.sides(code)
        assert sides is not None
        price = Decimal(sides[side == "BID"].prices[place]).scaleb(-8)
        exchange.place_order(code, side, price=price, volume=Decimal(volume))
    await asyncio.sleep(20)


async def _take(window: MainWindow, shot: Shot, folder: Path) -> None:
    from PyQt6.QtWidgets import QApplication

    from widgets.base.text import Language, set_language
    from widgets.base.theme import ThemeMode, apply_theme
    from widgets.program.main_menu import MainMenu

    app, menu = QApplication.instance(), window.findChild(MainMenu)
    assert isinstance(app, QApplication)
    assert menu is not None
    apply_theme(app, ThemeMode(shot.theme))
    set_language(Language(shot.language))
    width, _, height = shot.size.partition("x")
    window.resize(int(width), int(height))
    await asyncio.sleep(0.1)
    menu.choose(shot.perspective)
    await asyncio.sleep(_SETTLE)
    window.toasts.clear()
    path = folder / f"{shot.name}.png"
    assert window.grab().save(str(path), "PNG", 0), path
    print(path, flush=True)


if __name__ == "__main__":
    raise SystemExit(main())

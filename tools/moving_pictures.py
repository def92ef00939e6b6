"""Takes the moving pictures of the documents: a cut and its healing, and a fault drill; real windows, real lines.

    xvfb-run -a python tools/moving_pictures.py [NAME ...] [--folder PATH]

An exchange in the same process is cut for some seconds, and what the windows show meanwhile is written as APNG, in both
languages. Of each picture only the rectangle is kept that differs from the one before.
"""

from __future__ import annotations

import argparse
import asyncio
import runpy
import struct
import sys
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from numpy.typing import NDArray
    from PyQt6.QtWidgets import QMainWindow, QWidget

    from upbit_ws_qt import WebSocketService
    from upbit_ws_qt.exchange import EmbeddedExchange

    Pixels = NDArray[np.uint8]

ROOT = Path(__file__).parent.parent
IMAGES = ROOT / "docs" / "images"
EVERY_MS = 200
SIGNATURE = b"\x89PNG\r\n\x1a\n"
CAPTIONS = {
    "en": (
        "All is live.",
        "The line is cut. No price looks as if it were new.",
        "Dialled again, proved, live. Nobody did anything.",
    ),
    "ko": (
        "모두 실시간입니다.",
        "회선이 끊겼습니다. 옛 가격이 새것처럼 보이지 않습니다.",
        "다시 연결되어 증명되고, 실시간입니다. 아무것도 하지 않았습니다.",
    ),
}


def animation(pictures: Sequence[Pixels], every_ms: int) -> bytes:
    """Return an APNG of pictures of one size, each shown for so many milliseconds; it begins anew for ever."""
    shown: list[tuple[Pixels, int]] = []
    for picture in pictures:
        if shown and np.array_equal(shown[-1][0], picture):
            shown[-1] = (picture, shown[-1][1] + every_ms)
        else:
            shown.append((picture, every_ms))
    height, width = pictures[0].shape[:2]
    parts = [SIGNATURE, _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))]
    parts.append(_chunk(b"acTL", struct.pack(">II", len(shown), 0)))
    number = 0
    before: Pixels | None = None
    for picture, lasts in shown:
        x, y, part = _changed(before, picture)
        place = struct.pack(">IIIII", number, part.shape[1], part.shape[0], x, y)
        parts.append(_chunk(b"fcTL", place + struct.pack(">HHBB", lasts, 1000, 0, 0)))
        number += 1
        data = _packed(part)
        if before is None:
            parts.append(_chunk(b"IDAT", data))
        else:
            parts.append(_chunk(b"fdAT", struct.pack(">I", number) + data))
            number += 1
        before = picture
    return b"".join([*parts, _chunk(b"IEND", b"")])


def _changed(before: Pixels | None, picture: Pixels) -> tuple[int, int, Pixels]:
    """Return the least rectangle that differs, with its place; all of the first picture."""
    if before is None:
        return 0, 0, picture
    rows, columns = np.nonzero((before != picture).any(axis=2))
    top, left = int(rows.min()), int(columns.min())
    return left, top, picture[top : int(rows.max()) + 1, left : int(columns.max()) + 1]


def _packed(part: Pixels) -> bytes:
    """Return the rows as PNG keeps them, by the one of two filters for all that packs them better."""
    rows = part.reshape(part.shape[0], -1)
    above = np.vstack([np.zeros_like(rows[:1]), rows[:-1]])
    found = []
    for kind, filtered in ((0, rows), (2, rows - above)):
        marked = np.hstack([np.full((rows.shape[0], 1), kind, np.uint8), filtered])
        found.append(zlib.compress(marked.tobytes(), 9))
    return min(found, key=len)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def pixels(widget: QWidget) -> Pixels:
    """Return what a widget shows."""
    from PyQt6.QtGui import QImage

    image = widget.grab().toImage().convertToFormat(QImage.Format.Format_RGB888)
    bits = image.constBits()
    assert bits is not None
    rows = np.frombuffer(bits.asstring(image.sizeInBytes()), np.uint8).reshape(image.height(), image.bytesPerLine())
    return rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3)


class Camera:
    """Takes pictures of a window while something happens."""

    def __init__(self, window: QWidget) -> None:
        self.window = window
        self.taken: list[Pixels] = []

    async def watch(self, seconds: float, until: Callable[[], bool] = lambda: False) -> None:
        """Take pictures for so long, or until something is so."""
        for _ in range(round(1000 * seconds / EVERY_MS)):
            if until():
                return
            self.taken.append(pixels(self.window))
            await asyncio.sleep(EVERY_MS / 1000)

    def write(self, path: Path) -> None:
        """Write all of it."""
        path.write_bytes(animation(self.taken, EVERY_MS))
        print(f"{path}: {len(self.taken)} pictures, {path.stat().st_size / 1e6:.2f} MB", flush=True)


async def cut(exchange: EmbeddedExchange, service: WebSocketService, language: str, path: Path) -> None:
    """Ten coins, whose line is cut for some seconds."""
    from PyQt6.QtWidgets import QLabel, QMainWindow, QVBoxLayout, QWidget

    from upbit_ws_qt import ConnectionState, WebSocketType
    from widgets import ConnectionIndicator

    window, middle, caption = QMainWindow(), QWidget(), QLabel()
    coins = runpy.run_path(str(ROOT / "examples" / "coins.py"))["Coins"]()
    caption.setWordWrap(True)
    header = coins.horizontalHeader()
    assert header is not None
    header.setStretchLastSection(True)
    layout = QVBoxLayout(middle)
    layout.addWidget(caption)
    layout.addWidget(coins)
    window.setCentralWidget(middle)
    bar = window.statusBar()
    assert bar is not None
    bar.addWidget(ConnectionIndicator(service, ws_type=WebSocketType.PUBLIC), 1)
    window.resize(360, 430)
    window.show()

    def is_up() -> bool:
        return service.connection_state(WebSocketType.PUBLIC) is ConnectionState.CONNECTED

    await _when(lambda: is_up() and all(cells[0].text() != "…" for cells in coins.cells.values()))
    await asyncio.sleep(3)
    camera = Camera(window)
    live, lost, back = CAPTIONS[language]
    caption.setText(live)
    await camera.watch(3)
    caption.setText(lost)
    exchange.faults.inject("refuse", endpoint="public")
    exchange.faults.inject("drop", endpoint="public")
    await camera.watch(5)
    exchange.faults.clear()
    await camera.watch(20, until=is_up)
    caption.setText(back)
    await camera.watch(5)
    camera.write(path)
    await _close(window)


async def drill(exchange: EmbeddedExchange, service: WebSocketService, language: str, path: Path) -> None:
    """The monitor, whose fault drill breaks the line."""
    from PyQt6.QtCore import Qt
    from PyQt6.QtWidgets import QMainWindow

    from upbit_ws_qt import WebSocketClientProxy
    from widgets import ConnectionMonitorDock

    del language
    window = QMainWindow()
    dock = ConnectionMonitorDock(service, control=f"{exchange.rest_url.rstrip('/')}/control")
    window.addDockWidget(Qt.DockWidgetArea.TopDockWidgetArea, dock)
    window.resize(1000, 720)
    window.show()
    proxy = WebSocketClientProxy("strategy", window, service=service)
    codes = sorted(exchange.world.codes)[:25]
    await proxy.subscribe_ticker(codes, lambda _: None)
    await proxy.subscribe_trade(codes, lambda _: None)
    tab = dock.panel.drill
    assert tab is not None
    dock.panel.tabs.setCurrentWidget(tab)
    await asyncio.sleep(20)  # something to be seen in the plots
    camera = Camera(window)
    await camera.watch(1.6)
    tab.try_selected()
    await camera.watch(40, until=lambda: tab.running is None)
    await camera.watch(3)
    camera.write(path)
    await _close(window)


async def _when(so: Callable[[], bool]) -> None:
    async with asyncio.timeout(120):
        while not so():  # noqa: ASYNC110 - a window has no event for what it shows
            await asyncio.sleep(0.05)


async def _close(window: QMainWindow) -> None:
    window.close()
    window.deleteLater()
    await asyncio.sleep(0.1)


SCENES: dict[str, Callable[[EmbeddedExchange, WebSocketService, str, Path], Awaitable[None]]] = {
    "cut": cut,
    "drill": drill,
}


async def take(names: Sequence[str], folder: Path) -> int:
    """Take the pictures that are named, in both languages; return an exit code."""
    from PyQt6.QtWidgets import QApplication

    from upbit_ws_qt import ServiceConfig, WebSocketService
    from upbit_ws_qt.exchange import EmbeddedExchange, ExchangeSettings
    from widgets import Language, set_language
    from widgets.base.theme import ThemeMode, apply_theme

    app = QApplication.instance()
    assert isinstance(app, QApplication)
    apply_theme(app, ThemeMode.LIGHT)
    for name in names:
        for language in CAPTIONS:
            set_language(Language(language))
            settings = ExchangeSettings(control=True, markets=60)
            async with EmbeddedExchange(settings) as exchange:
                told: dict[str, Any] = {"backfill": frozenset({"trade"}), "metrics_interval": 1.0}
                service = WebSocketService.instance(ServiceConfig.for_exchange(exchange, **told))
                await service.start()
                await SCENES[name](exchange, service, language, folder / f"{name}-{language}.png")
                await service.stop()
    return 0


def main() -> int:
    """Take the pictures that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help=f"which: {', '.join(SCENES)}")
    parser.add_argument("--folder", type=Path, default=IMAGES, help="where to (docs/images)")
    given = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    import qasync
    from PyQt6.QtWidgets import QApplication

    app = QApplication(sys.argv[:1])
    app.setQuitOnLastWindowClosed(False)
    given.folder.mkdir(parents=True, exist_ok=True)
    with asyncio.Runner(loop_factory=lambda: qasync.QEventLoop(app)) as runner:
        return runner.run(take(given.names or list(SCENES), given.folder))


if __name__ == "__main__":
    raise SystemExit(main())

"""Layout files as a hostile or unlucky disk would have them; `python -m tests.widgets.tampering --count 100000`.

Run as a program it puts every arrangement that can still be read onto a real window.
"""

from __future__ import annotations

import argparse
import json
import os
import random
from typing import Any

from widgets.base.json_file import MOST_BYTES, parse_json
from widgets.program.store import Layout, layout_from, layout_to_plain
from widgets.window.layout import Arrangement, Split, is_panel, kind_of
from widgets.window.perspectives import BUILT_IN

KNOWN = tuple(dict.fromkeys(name for each in BUILT_IN.values() for name in each.panels))
KINDS = tuple(dict.fromkeys(map(kind_of, KNOWN)))

_ODD: tuple[Any, ...] = (
    None, True, 0, -1, 10**400, 1e308, float("inf"), float("nan"), -0.0, "", "chart", "\x00\u202e", "x" * 5000,
    [], {}, [[]], ["chart"] * 50, {"tabs": ["chart"]}, {"parts": [{}]}, {"root": {"tabs": "chart"}},
)  # fmt: skip


def whole_file() -> dict[str, Any]:
    """Return a layout file that has everything."""
    layout = Layout()
    layout.window = 10, 20, 1200, 800
    layout.current = BUILT_IN["trading"]
    layout.own = {"mine": BUILT_IN["account"], "내 화면": BUILT_IN["charts_4"]}
    plain = layout_to_plain(layout)
    plain["current"]["floating"] = [{"panel": "monitor", "at": [5, 5, 300, 300]}]
    return plain


def tampered(source: random.Random) -> bytes:
    """Return a tampered layout file."""
    plain = whole_file()
    for _ in range(source.randint(1, 4)):
        _spoil(plain, source)
    try:
        data = json.dumps(plain).encode("utf-8", "surrogatepass")
    except (ValueError, RecursionError):  # an integer that is too long to be written
        data = b'{"window": 1' + b"0" * 5000 + b"}"
    return _spoil_bytes(data, source) if source.random() < 0.4 else data


def check(data: bytes) -> Layout:
    """Read a file, and hold what comes out to what a layout promises; never raises for a file as such."""
    layout = layout_from(parse_json(data), KINDS)
    for arrangement in (layout.current, *layout.own.values()):
        if arrangement is not None:
            check_arrangement(arrangement)
    if layout.window is not None:
        assert all(-16384 <= value <= 16384 for value in layout.window)
    return layout


def check_arrangement(arrangement: Arrangement) -> None:
    """Hold an arrangement to its promises."""
    assert len(set(arrangement.panels)) == len(arrangement.panels)
    assert all(is_panel(name, KINDS) for name in arrangement.panels)
    stack = [] if arrangement.root is None else [arrangement.root]
    while stack:
        node = stack.pop()
        if isinstance(node, Split):
            assert len(node.parts) == len(node.shares) >= 2
            assert all(0 < share < 1 for share in node.shares)
            stack.extend(node.parts)
        else:
            assert node.current in node.panels


def _spoil(plain: dict[str, Any], source: random.Random) -> None:
    """Change one place somewhere in the tree."""
    holder: Any = plain
    while True:
        keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
        if not keys:
            return
        key = source.choice(keys)
        if isinstance(holder[key], (dict, list)) and holder[key] and source.random() < 0.8:
            holder = holder[key]
            continue
        holder[key] = _deep(source) if source.random() < 0.05 else source.choice(_ODD)
        return


def _deep(source: random.Random) -> Any:
    value: Any = {"tabs": ["tape"], "current": "tape"}
    for _ in range(source.choice((3, 6, 7, 50, 300))):
        value = {"split": "vertical", "parts": [value, {"tabs": [source.choice(KNOWN)]}]}
    return value


def _spoil_bytes(data: bytes, source: random.Random) -> bytes:
    match source.randrange(6):
        case 0:
            return data[: source.randrange(len(data))]
        case 1:
            place = source.randrange(len(data))
            return data[:place] + bytes([source.randrange(256)]) + data[place + 1 :]
        case 2:
            return source.randbytes(source.randrange(200))
        case 3:
            return b"[" * source.randint(1000, 60_000)
        case 4:
            return data + b" " * MOST_BYTES
        case _:
            return data.replace(b"chart", source.choice((b"\xff\xfe", b"tape", b'"', b"\\u0000")))


def main() -> int:
    """Tamper, read, and show on a window what can be read."""
    parser = argparse.ArgumentParser(description="Layout files that were tampered with.")
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--no-window", action="store_true", help="only read them")
    given = parser.parse_args()
    source = random.Random(given.seed)
    arranger = None if given.no_window else _Arranger()
    readable = shown = 0
    for number in range(given.count):
        layout = check(tampered(source))
        readable += layout.current is not None
        if arranger is not None and layout.current is not None:
            shown += arranger.show(layout.current)
        if number % 10_000 == 9_999:
            print(f"{number + 1:>8} read, {readable} with an arrangement, {shown} different ones shown", flush=True)
    print(f"{given.count} tampered layouts, 0 crashes; {readable} arrangements read, {shown} different ones shown")
    return 0


class _Arranger:
    """Puts arrangements onto a real window of plain docks; one that was shown already is not shown again."""

    def __init__(self) -> None:
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
        from PyQt6.QtCore import qInstallMessageHandler
        from PyQt6.QtWidgets import QApplication, QMainWindow

        qInstallMessageHandler(lambda *_: None)  # the offscreen platform complains of every window
        self._app = QApplication.instance() or QApplication(["tampering"])
        self._window = QMainWindow()
        self._window.setDockNestingEnabled(True)
        self._docks: dict[str, Any] = {}
        self._window.resize(1200, 800)
        self._window.show()
        self._seen: set[Arrangement] = set()

    def show(self, arrangement: Arrangement) -> int:
        """Show it, read it back, and hold that to what a layout promises; 1 where it was new."""
        from PyQt6.QtWidgets import QDockWidget, QLabel

        from widgets.window.dock_arranger import apply_arrangement, read_arrangement

        if arrangement in self._seen:
            return 0
        self._seen.add(arrangement)
        for name in (*KNOWN, *arrangement.panels):
            if name not in self._docks:
                dock = self._docks[name] = QDockWidget(name, self._window)
                dock.setWidget(QLabel(name, dock))
        apply_arrangement(self._window, self._docks, arrangement)
        self._app.processEvents()
        back = read_arrangement(self._docks, self._window)
        assert set(back.panels) == set(arrangement.panels)
        check_arrangement(back)
        return 1


if __name__ == "__main__":
    raise SystemExit(main())

"""Works the desktop program by mouse and keyboard in a real window, and looks whether it misleads anybody.

    python -m tools.drive_desktop [--keep FOLDER] [--only NAME …]

It needs Xvfb, a window manager and xdotool, starts a screen of its own, the program with a folder of its own and an
exchange that it can order about, and prints a line for each matter. The exit code is 0 where all is as it should be,
1 where something is not, and 2 where it could not be tried.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import ctypes.util
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from PyQt6.QtGui import QImage

__all__ = ["main"]

ROOT = Path(__file__).parent.parent
MANAGERS = ("openbox", "metacity", "xfwm4", "fluxbox", "icewm", "twm")
PATIENCE = 60.0  # seconds that a busy machine may need for what takes one
PAUSE = 0.4  # between keys: nobody types faster into a window that has just opened
MOVING = 40  # of some tens of thousands of places; a clock alone changes a few
LARGE, SMALL = (1920, 1080), (1280, 720)
SCREENS = {"1280x720": (SMALL, 1), "1920x1080": (LARGE, 1), "3840x2160": ((3840, 2160), 2)}
"""By name: pixels, and how many of them the program takes for a point."""
LIGHT_CHOSEN = "#dfe5f4"  # behind a chosen row
LONG_TITLE = "W" * 3000 + "가나다라마바사아자차카타파하" * 300


class NotTriedError(RuntimeError):
    """It could not be tried here; the message says what is missing."""


def until(condition: Callable[[], Any], what: str, seconds: float = PATIENCE) -> Any:
    """Return what `condition` returns as soon as it is true; AssertionError with `what` where it never is."""
    end = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds:.0f} s: {what}")
        time.sleep(0.1)


class Screen:
    """An X server without a screen, with a window manager."""

    def __init__(self, size: tuple[int, int], scale: int = 1) -> None:
        manager = next((name for name in MANAGERS if shutil.which(name)), None)
        missing = [name for name in ("Xvfb", "xdotool") if not shutil.which(name)]
        missing += [] if manager else [f"a window manager ({', '.join(MANAGERS)})"]
        if missing or manager is None:
            raise NotTriedError(f"missing: {', '.join(missing)}")
        self._ends, number = os.pipe()
        self._server = subprocess.Popen(
            ["Xvfb", "-displayfd", str(number), "-screen", "0", f"{size[0]}x{size[1]}x24", "-nolisten", "tcp"],
            pass_fds=(number,),
            stderr=subprocess.DEVNULL,
        )
        os.close(number)
        with os.fdopen(self._ends) as told:
            display = told.readline().strip()
        if not display:
            raise NotTriedError("Xvfb does not start")
        self.environment = {**os.environ, "DISPLAY": f":{display}", "QT_QPA_PLATFORM": "xcb"}
        self.environment["QT_SCALE_FACTOR"] = str(scale)
        for name in ("UPBIT_ACCESS_KEY", "UPBIT_SECRET_KEY", "WAYLAND_DISPLAY"):
            self.environment.pop(name, None)
        self._manager = subprocess.Popen([manager], env=self.environment, stderr=subprocess.DEVNULL)

    def close(self) -> None:
        """End both."""
        for process in (self._manager, self._server):
            process.terminate()
            process.wait()

    def do(self, *words: object) -> str:
        """Run xdotool; returns what it says, empty where it found nothing."""
        done = subprocess.run(
            ["xdotool", *map(str, words)], env=self.environment, capture_output=True, text=True, check=False
        )
        return done.stdout.strip()

    def windows(self, title: str) -> list[str]:
        """Return the windows on the screen whose title has these words."""
        return self.do("search", "--onlyvisible", "--name", title).split()

    def place_of(self, window: int) -> tuple[int, int, int, int]:
        """Return x, y, width and height of a window without its frame; xdotool counts the frame twice."""
        x11 = ctypes.CDLL(ctypes.util.find_library("X11") or "libX11.so.6")
        x11.XOpenDisplay.restype = ctypes.c_void_p
        display = ctypes.c_void_p(x11.XOpenDisplay(self.environment["DISPLAY"].encode()))
        if not display.value:
            raise NotTriedError("the screen has gone")
        root, child = ctypes.c_ulong(), ctypes.c_ulong()
        x, y = ctypes.c_int(), ctypes.c_int()
        width, height, border, depth = (ctypes.c_uint() for _ in range(4))
        at = ctypes.c_ulong(window)
        places = (ctypes.byref(each) for each in (x, y, width, height, border, depth))
        x11.XGetGeometry(display, at, ctypes.byref(root), *places)
        x11.XTranslateCoordinates(display, at, root, 0, 0, ctypes.byref(x), ctypes.byref(y), ctypes.byref(child))
        x11.XCloseDisplay(display)
        return x.value, y.value, width.value, height.value

    def _ask(self, code: str) -> bytes:
        """Have a program of a few lines look at the screen; one that lives on would hold the clipboard's owner up."""
        head = "import sys\nfrom PyQt6.QtGui import QGuiApplication\napp = QGuiApplication(sys.argv)\n"
        asked = [sys.executable, "-c", head + code]
        return subprocess.run(asked, env=self.environment, capture_output=True, check=True, timeout=PATIENCE).stdout

    def clipboard(self) -> str:
        """Return the text on the clipboard."""
        return self._ask("sys.stdout.buffer.write(app.clipboard().text().encode())").decode()

    def picture(self) -> QImage:
        """Return what can be seen."""
        from PyQt6.QtGui import QImage

        code = (
            "from PyQt6.QtCore import QBuffer\nbuffer = QBuffer()\nbuffer.open(QBuffer.OpenModeFlag.WriteOnly)\n"
            "app.primaryScreen().grabWindow(0).save(buffer, 'PNG')\nsys.stdout.buffer.write(bytes(buffer.data()))"
        )
        return QImage.fromData(self._ask(code), "PNG")


class Desk:
    """The program, running in a window."""

    def __init__(self, screen: Screen, folder: Path, *options: str, **environment: str) -> None:
        self.screen = screen
        self.folder = folder
        self._process = subprocess.Popen(
            [sys.executable, str(ROOT / "run_desktop_ui.py"), "--lang", "en", "--theme", "light", *options],
            env={**screen.environment, "XDG_CONFIG_HOME": str(folder), **environment},
            cwd=ROOT,
        )
        self.window = until(lambda: next(iter(screen.windows(" upbit_ws_qt$")), ""), "a window")
        until(lambda: "KRW-" in self.title, "a title")
        screen.do("windowactivate", "--sync", self.window)
        time.sleep(2.0)  # the first prices, and the frame of the window manager

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    @property
    def title(self) -> str:
        """What stands in the title bar."""
        return self.screen.do("getwindowname", self.window)

    @property
    def place(self) -> tuple[int, int, int, int]:
        """x, y, width and height of the window without its frame."""
        return self.place_of(self.window)

    def place_of(self, window: str) -> tuple[int, int, int, int]:
        """The same of another window of the program."""
        return self.screen.place_of(int(window))

    def key(self, *keys: str) -> None:
        """Press keys, one after the other."""
        for each in keys:
            self.screen.do("key", "--clearmodifiers", each)
            time.sleep(PAUSE)

    def type(self, text: str) -> None:
        """Type a text."""
        self.screen.do("type", "--delay", 40, text)
        time.sleep(PAUSE)

    def click(self, across: float, down: float) -> None:
        """Click at a place, as shares of the window's width and height."""
        x, y, width, height = self.place
        self.screen.do("mousemove", x + int(across * width), y + int(down * height))
        self.screen.do("click", 1)
        time.sleep(PAUSE)

    def drag(self, start: tuple[int, int], end: tuple[int, int]) -> None:
        """Pull with the left button from one point of the screen to another."""
        self.screen.do("mousemove", *start, "mousedown", 1)
        for step in range(1, 6):
            at = [a + (b - a) * step // 5 for a, b in zip(start, end, strict=True)]
            self.screen.do("mousemove", *at)
            time.sleep(0.05)
        self.screen.do("mouseup", 1)
        time.sleep(PAUSE)

    def copied(self) -> str:
        """Press Ctrl+C and return what came of it."""
        self.key("ctrl+c")
        return self.screen.clipboard()

    def close(self) -> dict[str, Any]:
        """End the program as its user would; returns the layout that it has written."""
        if self._process.poll() is None:
            self.screen.do("windowactivate", "--sync", self.window)
            self.key("ctrl+q")
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(PATIENCE)
            if self._process.poll() is None:
                self._process.kill()
                self._process.wait()
                raise AssertionError("the program does not end by Ctrl+Q")
        found = next(iter(self.folder.rglob("layout.json")), None)
        return json.loads(found.read_text(encoding="utf-8")) if found is not None else {}


class Newcomer:
    """The program as it is started for the first time: without an option that names an exchange, in an empty folder."""

    def __init__(self, screen: Screen, folder: Path, look: tuple[str, str]) -> None:
        self.screen = screen
        self._process = subprocess.Popen(
            [sys.executable, str(ROOT / "run_desktop_ui.py"), "--lang", look[0], "--theme", look[1]],
            env={**screen.environment, "XDG_CONFIG_HOME": str(folder)},
            cwd=ROOT,
        )
        self.page = until(lambda: next(iter(screen.windows("^(Exchange|거래소) – upbit_ws_qt$")), ""), "the first page")
        screen.do("windowactivate", "--sync", self.page)
        time.sleep(1.0)  # its frame, and its paint

    def window(self) -> str:
        """Return the window with the markets, once it is there."""
        return str(until(lambda: next(iter(self.screen.windows("KRW-.* upbit_ws_qt$")), ""), "a window"))

    def close(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait(PATIENCE)


class Exchange:
    """An exchange that does what it is told."""

    def __init__(self, folder: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "upbit_ws_qt.exchange", "--control", "--rate", "200", "--end-with-input"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=ROOT,
        )
        assert self._process.stdout is not None
        self.told: dict[str, str] = json.loads(self._process.stdout.readline())
        self.config = folder / "exchange.toml"
        names = ("public_url", "private_url", "info_url", "rest_url")
        self.config.write_text("".join(f'{name} = "{self.told[name]}"\n' for name in names), encoding="utf-8")
        self.keys = {"UPBIT_ACCESS_KEY": self.told["access_key"], "UPBIT_SECRET_KEY": self.told["secret_key"]}

    def post(self, what: str, **values: object) -> None:
        """Tell it something."""
        data = json.dumps(values).encode()
        request = urllib.request.Request(  # noqa: S310 - our own address
            f"{self.told['rest_url']}/control/{what}", data, {"Content-Type": "application/json"}
        )
        urllib.request.urlopen(request, timeout=PATIENCE).close()  # noqa: S310 - as above

    def close(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait()


def log_of(desk: Desk) -> list[str]:
    """Return what the Log dock shows, by its own Copy."""
    desk.screen.do("windowactivate", "--sync", desk.window)
    desk.key("ctrl+l")
    desk.key("ctrl+a")
    return desk.copied().splitlines()


def leaves(node: dict[str, Any] | None) -> list[list[str]]:
    """Return the groups of panels in a part of a layout."""
    if node is None:
        return []
    return [node["tabs"]] if "tabs" in node else [leaf for part in node["parts"] for leaf in leaves(part)]


def share_of(layout: dict[str, Any], panel: str) -> float:
    """Return the share of the window's width that a panel of its topmost row has."""
    root = layout["current"]["root"]
    for share, part in zip(root["shares"], root["parts"], strict=True):
        if any(panel in leaf for leaf in leaves(part)):
            return float(share)
    return 0.0


# -- matters on a large screen, with an exchange that is told what to do ----------------------------------------------
def live_is_only_the_exchange_itself(desk: Desk, exchange: Exchange) -> str:
    host = exchange.told["rest_url"].split("//")[1]
    assert host in desk.title, desk.title
    assert "LIVE" not in desk.title, desk.title
    return desk.title


def no_title_widens_the_window(desk: Desk, exchange: Exchange) -> str:
    before = desk.place
    desk.key("ctrl+3")
    for title in (LONG_TITLE, "\u202e" + "abc" * 1000, "<img src=x>" * 200):
        exchange.post("announcements", title=title, category="service", body=title, url="https://upbit.com/")
        time.sleep(1.0)
        desk.click(0.25, 0.72)
        desk.key("Home")
        assert len(desk.copied()) > 30, "the announcement was not chosen"
        assert desk.place == before, f"{before} became {desk.place}"
    desk.key("ctrl+1")
    assert desk.place == before, f"{before} became {desk.place}"
    return f"{len(LONG_TITLE)} letters, {before[2]}x{before[3]} before and after"


def chosen_rows(desk: Desk) -> int:
    """Return how many runs of chosen rows there are in the watch list, by their colour."""
    picture, (x, y, width, height) = desk.screen.picture(), desk.place
    column = x + int(width * 0.12)
    runs, inside = 0, False
    for row in range(y + int(height * 0.12), y + int(height * 0.95)):
        here = any(picture.pixelColor(column + step, row).name() == LIGHT_CHOSEN for step in range(0, 40, 4))
        runs += here and not inside
        inside = here
    return runs


def the_marked_row_is_the_chosen_market(desk: Desk, exchange: Exchange) -> str:
    del exchange
    desk.click(0.08, 0.30)
    chosen = name_in(desk.copied())
    assert chosen, "nothing was copied"
    for header in (0.05, 0.13, 0.17, 0.22):
        desk.click(header, 0.1116)
        time.sleep(1.5)
        runs = chosen_rows(desk)
        assert runs <= 1, f"{runs} groups of rows are marked"
        marked = name_in(desk.copied())
        assert marked == chosen, f"{chosen} was chosen, {marked} is marked"
    return f"{chosen} through four other orders"


def name_in(row: str) -> str:
    """Return the first word in a copied row, which is the market."""
    return next((part for part in row.split("\t") if part[:1].isalpha()), "")


def what_is_chosen_and_what_is_shown_are_two_marks(desk: Desk, exchange: Exchange) -> str:
    del exchange
    shown = desk.title.split(" ")[0]
    desk.click(0.08, 0.40)
    desk.copied()
    assert desk.title.startswith(shown), "one click shows nothing else"
    desk.key("Return")
    until(lambda: not desk.title.startswith(shown), "Enter shows the chosen market")
    return f"{shown}, then {desk.title.split(' ')[0]}"


def a_trade_stays_the_one_that_was_chosen(desk: Desk, exchange: Exchange) -> str:
    del exchange
    desk.key("ctrl+k")
    desk.type("BTC")
    desk.key("Return")
    until(lambda: desk.title.startswith("KRW-BTC"), "the market that was searched for")
    time.sleep(3.0)
    desk.click(0.87, 0.75)
    first = desk.copied()
    assert first.strip(), "nothing was copied"
    time.sleep(4.0)  # other trades come in above it
    again = desk.copied()
    assert again == first, f"{first!r} became {again!r}"
    return first.replace("\t", " ").strip()


def an_outage_is_told_once(desk: Desk, exchange: Exchange) -> str:
    log_of(desk)
    exchange.post("faults", name="drop", endpoint="public", options={})
    time.sleep(6.0)
    lines = until(lambda: [line for line in log_of(desk) if "public" in line and "WARNING" in line], "it is logged")
    assert len(lines) == 1, "\n".join(lines)
    return str(lines[0])[:90]


# -- matters on a small screen, with the exchange that the program brings along ---------------------------------------
def the_first_window_is_wholly_on_the_screen(desk: Desk) -> str:
    x, y, width, height = until(lambda: desk.place, "a place")
    assert x >= 0, desk.place
    assert y > 0, "there is no room for the title bar"
    assert x + width <= SMALL[0], desk.place
    assert y + height <= SMALL[1], desk.place
    return f"{width}x{height} at {x},{y} on {SMALL[0]}x{SMALL[1]}"


def the_monitor_has_room(desk: Desk) -> str:
    desk.key("ctrl+m")
    monitor = until(lambda: next(iter(desk.screen.windows("^Connection monitor$")), ""), "a window for it")
    x, y, width, height = desk.place_of(monitor)
    assert width >= 900, width
    assert x >= 0 <= y, (x, y)
    assert x + width <= SMALL[0], (x, width)
    assert y + height <= SMALL[1], (y, height)

    def colours() -> bool:
        picture = desk.screen.picture()
        places = ((x + step, y + row) for step in range(10, width - 10, 3) for row in range(10, height - 10, 30))
        return len({picture.pixelColor(*place).name() for place in places}) > 20

    until(colours, "something is painted in it", 10.0)
    desk.screen.do("windowactivate", "--sync", desk.window)
    desk.click(0.35, 0.965)  # on a line in the status bar
    assert desk.screen.windows("^Connection monitor$") == [monitor]
    return f"floating, {width}x{height}"


def the_embedded_exchange_is_started_again(desk: Desk) -> str:
    child = until(lambda: children(desk.pid), "the exchange of the program")[0]
    os.kill(child, signal.SIGKILL)
    other = until(lambda: [each for each in children(desk.pid) if each != child], "another one in its place")[0]
    until(lambda: any("serves again" in line for line in log_of(desk)), "the log says so")
    told = [line for line in log_of(desk) if "embedded exchange" in line]
    return f"{child} killed, {other} serves; {len(told)} lines in the log"


def children(parent: int) -> list[int]:
    """Return the processes that a process has started."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            after = status.read_text().rpartition(")")[2].split()
            if int(after[1]) == parent and after[0] != "Z":
                found.append(int(status.parent.name))
    return found


# -- the first start --------------------------------------------------------------------------------------------------
def a_newcomer_reaches_prices_by_enter(screen: Screen, folder: Path, keep: Path | None, look: tuple[str, str]) -> str:
    newcomer = Newcomer(screen, folder, look)
    try:
        shot(screen, keep, "first-run-1-page")
        pressed = time.monotonic()
        screen.do("key", "Return")
        window = newcomer.window()
        until(lambda: prices_change(screen), "prices that change")
        seconds = time.monotonic() - pressed
        assert is_embedded(screen, window)
        shot(screen, keep, "first-run-2-prices")
        screen.do("key", "ctrl+shift+n")
        time.sleep(PAUSE)
        screen.do("key", "space")  # "Show me around" has the keyboard
        time.sleep(1.0)
        shot(screen, keep, "first-run-3-tour")
        screen.do("key", "Right", "Right")
        time.sleep(1.0)
        shot(screen, keep, "first-run-4-tour")
        screen.do("key", "Escape")
        time.sleep(1.0)
        return f"{seconds:.1f} s from Enter to prices that change"
    finally:
        newcomer.close()


def without_a_network_the_embedded_exchange_serves_meanwhile(
    screen: Screen, folder: Path, keep: Path | None, look: tuple[str, str]
) -> str:
    newcomer = Newcomer(screen, folder, look)
    try:
        screen.do("key", "Down")
        time.sleep(PAUSE)
        screen.do("key", "Return")
        newcomer.window()
        time.sleep(6.0)  # until the lines have failed, and the note says so
        shot(screen, keep, "first-run-5-no-network")
        screen.do("key", "ctrl+shift+n")
        time.sleep(PAUSE)
        screen.do("key", "Tab")
        time.sleep(PAUSE)
        screen.do("key", "space")
        until(lambda: is_embedded(screen, newcomer.window()), "the embedded exchange")
        until(lambda: prices_change(screen), "prices that change")
        shot(screen, keep, "first-run-6-meanwhile")
        settings = next(folder.rglob("settings.json")).read_text(encoding="utf-8")
        assert json.loads(settings)["exchange"] == "live", "what was chosen stays chosen"
        return "LIVE was chosen, made-up prices meanwhile"
    finally:
        newcomer.close()


def is_embedded(screen: Screen, window: str) -> bool:
    """Whether the title says that this is the embedded exchange."""
    title = screen.do("getwindowname", window)
    return "Embedded exchange" in title or "내장 거래소" in title


def prices_change(screen: Screen) -> bool:
    """Whether what can be seen is another thing a second later."""
    before = screen.picture()
    time.sleep(1.0)
    after = screen.picture()
    places = [(x, y) for x in range(20, before.width() - 20, 5) for y in range(120, before.height() - 60, 5)]
    return sum(before.pixel(*place) != after.pixel(*place) for place in places) > MOVING


def shot(screen: Screen, keep: Path | None, name: str) -> None:
    """Keep a picture of the screen where pictures are wanted."""
    if keep is not None:
        screen.picture().save(str(keep / f"{name}.png"))


# -- what lasts over a restart ----------------------------------------------------------------------------------------
def what_was_pulled_stays(screen: Screen, folder: Path, exchange: Exchange) -> str:
    def opened() -> Desk:
        return Desk(screen, folder, "--config", str(exchange.config), **exchange.keys)

    desk = opened()
    layout = desk.close()
    first = share_of(layout, "watch_list")
    desk = opened()
    x, y, width, height = desk.place
    edge = x + int(first * width)
    for off in (2, 0, 4, -2, 6, -4, 8):  # the splitter is a few points wide
        desk.drag((edge + off, y + height // 2), (edge + off + 120, y + height // 2))
    desk.key("ctrl+2", "ctrl+4", "ctrl+1")
    time.sleep(1.0)
    changed = share_of(desk.close(), "watch_list")
    assert changed > first + 0.04, f"{first:.3f} is {changed:.3f} after other perspectives"
    kept = share_of(opened().close(), "watch_list")
    assert abs(kept - changed) < 0.01, f"{changed:.3f} is {kept:.3f} after a restart"
    assert layout["window"][2] <= LARGE[0], layout["window"]
    return f"the watch list has {first:.0%} of the width, {changed:.0%} when pulled, {kept:.0%} after a restart"


def tried(name: str, act: Callable[[], str], screen: Screen, keep: Path | None) -> bool:
    """Try one matter, print how it went and keep a picture where that is wanted."""
    try:
        told, good = act(), True
    except AssertionError as error:
        told, good = str(error), False
    sys.stdout.write(f"{'ok    ' if good else 'FAILED'} {name}: {told}\n")
    sys.stdout.flush()
    if keep is not None:
        screen.picture().save(str(keep / f"{name.replace(' ', '-')}.png"))
    return good


ON_A_LARGE_SCREEN: dict[str, Callable[[Desk, Exchange], str]] = {
    "LIVE is only the exchange itself": live_is_only_the_exchange_itself,
    "no title widens the window": no_title_widens_the_window,
    "the marked row is the chosen market": the_marked_row_is_the_chosen_market,
    "what is chosen and what is shown are two marks": what_is_chosen_and_what_is_shown_are_two_marks,
    "a trade stays the one that was chosen": a_trade_stays_the_one_that_was_chosen,
    "an outage is told once": an_outage_is_told_once,
}
ON_A_SMALL_SCREEN: dict[str, Callable[[Desk], str]] = {
    "the first window is wholly on the screen": the_first_window_is_wholly_on_the_screen,
    "the monitor has room": the_monitor_has_room,
    "the embedded exchange is started again": the_embedded_exchange_is_started_again,
}
FOR_A_NEWCOMER: dict[str, Callable[[Screen, Path, Path | None, tuple[str, str]], str]] = {
    "a newcomer reaches prices by Enter": a_newcomer_reaches_prices_by_enter,
    "without a network the embedded exchange serves meanwhile": (
        without_a_network_the_embedded_exchange_serves_meanwhile
    ),
}
LASTING = "what was pulled stays until it is reset"


@contextlib.contextmanager
def running(size: tuple[int, int], scale: int = 1) -> Iterator[tuple[Screen, Path]]:
    """Give a screen and a folder for what is tried on it."""
    screen = Screen(size, scale)
    try:
        with tempfile.TemporaryDirectory(prefix="drive_desktop_") as folder:
            yield screen, Path(folder)
    finally:
        screen.close()


def main(arguments: list[str] | None = None) -> int:
    """Try everything."""
    parser = argparse.ArgumentParser(prog="python -m tools.drive_desktop", description=__doc__.splitlines()[0])
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep a picture of each matter there")
    parser.add_argument("--lang", choices=("en", "ko"), default="en", help="language of a newcomer")
    parser.add_argument("--theme", choices=("light", "dark"), default="light", help="colours of a newcomer")
    parser.add_argument("--screen", choices=SCREENS, default="1280x720", help="screen of a newcomer")
    parser.add_argument("--only", nargs="+", metavar="WORD", help="only the matters with one of these words")
    given = parser.parse_args(arguments)
    if given.keep is not None:
        given.keep.mkdir(parents=True, exist_ok=True)

    def wanted(name: str) -> bool:
        return not given.only or any(word in name for word in given.only)

    results: list[bool] = []
    try:
        with running(LARGE) as (screen, folder):
            exchange = Exchange(folder)
            try:
                chosen = {name: act for name, act in ON_A_LARGE_SCREEN.items() if wanted(name)}
                if chosen:
                    desk = Desk(screen, folder / "large", "--config", str(exchange.config), **exchange.keys)
                    for name, act in chosen.items():
                        results.append(tried(name, lambda act=act: act(desk, exchange), screen, given.keep))  # type: ignore[misc]  # a lambda
                    desk.close()
                if wanted(LASTING):
                    pulled = folder / "pulled"
                    act_last = lambda: what_was_pulled_stays(screen, pulled, exchange)  # noqa: E731 - as above
                    results.append(tried(LASTING, act_last, screen, given.keep))
            finally:
                exchange.close()
        small = {name: act for name, act in ON_A_SMALL_SCREEN.items() if wanted(name)}
        if small:
            with running(SMALL) as (screen, folder):
                desk = Desk(screen, folder, "--embedded")
                for name, look in small.items():
                    results.append(tried(name, lambda look=look: look(desk), screen, given.keep))  # type: ignore[misc]  # a lambda
                desk.close()
        for name, begin in FOR_A_NEWCOMER.items():
            if wanted(name):
                with running(*SCREENS[given.screen]) as (screen, folder):
                    act_first = lambda begin=begin: begin(screen, folder, given.keep, (given.lang, given.theme))  # noqa: E731 - as above
                    results.append(tried(name, act_first, screen, given.keep))
    except NotTriedError as error:
        sys.stderr.write(f"could not be tried: {error}\n")
        return 2
    sys.stdout.write(f"{sum(results)} of {len(results)} as it should be\n")
    return 0 if all(results) else 1


if __name__ == "__main__":
    raise SystemExit(main())

"""What the documents and docstrings show is run: examples in docstrings, Python in Markdown, the files in examples/."""

from __future__ import annotations

import ast
import asyncio
import atexit
import contextlib
import doctest
import functools
import importlib
import inspect
import io
import logging
import pkgutil
import re
import runpy
import shutil
import subprocess
import sys
import tempfile
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QLabel, QMainWindow, QWidget

import upbit_ws_qt
import widgets
from tests.qt.serving import served
from tests.recording.test_replay import write
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from upbit_ws_qt import WebSocketService
    from upbit_ws_qt.exchange import EmbeddedExchange

ROOT = Path(__file__).parent.parent
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
# A block may stand under a note: from which file it is, or why it is not run.
NOTE = r"(?:^<!-- (?:from (?P<file>[\w/.]+)|not run: (?P<reason>[^\n]+)) -->\n)?"
FENCES = re.compile(NOTE + r"^```python\n(?P<code>.*?)^```", re.DOTALL | re.MULTILINE)
# Nothing here is about what comes too late: on a busy machine everything may.
PATIENT: dict[str, Any] = dict.fromkeys(
    ("connect_timeout", "list_timeout", "pong_timeout", "proof_timeout", "busy_silence_timeout"), 60.0
)
# Each of these is a whole program; it stands in examples/ too, and is run from there (tests/qt/test_readme.py).
PROGRAMS = ("run(main)", "asyncio.run(")
# docs/testing.md is a program and its tests, which pytest runs: tests/testing/test_documents.py.


def _shown_in_docstrings() -> Iterator[tuple[str, object]]:
    for package in (upbit_ws_qt, widgets):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not found.name.endswith("__main__") and "__pyinstaller" not in found.name:
                module = importlib.import_module(found.name)
                for name, member in vars(module).items():
                    mine = getattr(member, "__module__", None) == found.name
                    documented = inspect.isclass(member) or inspect.isfunction(member)
                    if mine and documented and ">>>" in (member.__doc__ or ""):
                        yield f"{found.name}.{name}", member


SHOWN = dict(_shown_in_docstrings())


def _blocks() -> Iterator[tuple[str, re.Match[str]]]:
    for path in DOCUMENTS:
        if not path.name.startswith("testing."):
            for number, block in enumerate(FENCES.finditer(path.read_text(encoding="utf-8"))):
                yield f"{path.relative_to(ROOT).as_posix()}:{number}", block


BLOCKS = dict(_blocks())
WRITTEN: dict[str, list[str]] = {}
for name, block in BLOCKS.items():
    if not (block["file"] or block["reason"] or any(sign in block["code"] for sign in PROGRAMS)):
        # Who follows a how-to types one block after the other; the long pages are not read in one go.
        page, _, number = name.partition(":")
        WRITTEN.setdefault(page if page.count("/") > 1 or "tutorial" in page else name, []).append(block["code"])
SHOWN_FROM = {name: block for name, block in BLOCKS.items() if block["file"]}


@functools.cache
def recording() -> Path:
    """A small one, written by hand."""
    folder = Path(tempfile.mkdtemp(prefix="upbit_ws_qt_examples_"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    write(folder / "today", 3)
    return folder / "today"


@contextlib.contextmanager
def a_program(service: WebSocketService, exchange: EmbeddedExchange) -> Iterator[dict[str, Any]]:
    """Give the names that a reader takes for given; what was opened, and what the whole process shares, is put back."""
    root, hook = logging.getLogger(), sys.excepthook
    handlers, level = root.handlers[:], root.level
    names: dict[str, Any] = {name: getattr(upbit_ws_qt, name) for name in upbit_ws_qt.__all__}
    names |= {name: getattr(widgets, name) for name in widgets.__all__}
    names |= {"Qt": Qt, "QMainWindow": QMainWindow, "QLabel": QLabel, "asyncio": asyncio}
    names |= {"service": service, "exchange": exchange, "window": QMainWindow(), "label": QLabel()}
    names["folder"] = recording()
    names["catalog"] = widgets.MarketCatalog(service.rest, None, service)
    names["proxy"] = upbit_ws_qt.WebSocketClientProxy("example", names["window"], service=service)
    try:
        yield names
    finally:
        for widget in [value for value in names.values() if isinstance(value, QWidget) and value.isWindow()]:
            widget.close()
            widget.deleteLater()
        names["catalog"].deleteLater()
        names.clear()
        root.handlers[:] = handlers
        root.setLevel(level)
        sys.excepthook = hook
        widgets.set_language(widgets.Language.ENGLISH)


async def run_source(source: str, names: dict[str, Any]) -> str:
    """Run a piece as a prompt would that knows `await`; return what it printed and, of an expression, what it is."""
    printed = io.StringIO()
    tree = ast.parse(source)
    kind = "eval" if len(tree.body) == 1 and isinstance(tree.body[0], ast.Expr) else "exec"
    code = compile(source, "<example>", kind, flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    with contextlib.redirect_stdout(printed):
        value = eval(code, names)  # noqa: S307 - our own documents
        if inspect.isawaitable(value) and code.co_flags & inspect.CO_COROUTINE:
            value = await value
    return printed.getvalue() + ("" if value is None or kind == "exec" else f"{value!r}\n")


@pytest.mark.parametrize("name", SHOWN)
@served(**PATIENT)
async def test_a_docstring_shows_what_happens(name: str, exchange: EmbeddedExchange, service: WebSocketService) -> None:
    shown = SHOWN[name]
    with a_program(service, exchange) as names:
        names |= vars(sys.modules[shown.__module__]) | names
        for example in doctest.DocTestParser().get_examples(inspect.getdoc(shown) or ""):
            if example.exc_msg is not None:
                with pytest.raises(Exception, match=re.escape(example.exc_msg.partition(": ")[2].strip())) as caught:
                    await run_source(example.source, names)
                assert type(caught.value).__name__ == example.exc_msg.partition(":")[0].rpartition(".")[2]
                continue
            said = await run_source(example.source, names)
            if example.want:
                assert said == example.want, example.source


def test_the_docstrings_that_people_begin_with_have_an_example() -> None:
    begun_with = {"ServiceConfig", "Credentials", "SubscriptionSpec", "IndicatorSpec", "SimpleWebSocketClient"}
    begun_with |= {"WebSocketClientProxy", "WebSocketService", "OrderBookWidget"}
    assert begun_with <= {name.rpartition(".")[2] for name in SHOWN}


@pytest.mark.parametrize("name", WRITTEN)
@served(**PATIENT)
async def test_python_in_a_document_runs(name: str, exchange: EmbeddedExchange, service: WebSocketService) -> None:
    with a_program(service, exchange) as names:
        for code in WRITTEN[name]:
            await run_source(code, names)


@pytest.mark.parametrize("name", SHOWN_FROM)
def test_a_part_of_a_file_is_shown_as_it_stands_there(name: str) -> None:
    block = SHOWN_FROM[name]
    assert block["code"].strip("\n") in (ROOT / block["file"]).read_text(encoding="utf-8")


def test_the_strategy_example_decides_ten_times_and_ends() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "examples" / "strategy.py"], capture_output=True, text=True, timeout=500, check=False
    )
    # A busy machine may have it say that trades come late; they come all the same.
    lines = [line for line in done.stdout.splitlines() if not line.startswith("not served:")]
    assert len(lines) == 10, done.stderr
    assert all(re.fullmatch(r"KRW-(BTC|ETH) [0-9.]+ (bought|sold) best ask [0-9.]+", line) for line in lines)
    assert done.returncode == 0
    assert "Traceback" not in done.stderr


@served(**PATIENT)
async def test_the_orders_example_shows_an_order_and_a_refused_key(
    exchange: EmbeddedExchange, service: WebSocketService, capsys: pytest.CaptureFixture[str]
) -> None:
    label = runpy.run_path(str(ROOT / "examples" / "orders.py"))["Orders"](service)
    try:
        assert label.text() == "No orders yet"
        await label.orders
        exchange.place_order("KRW-BTC", "BID", "limit", price=Decimal(1_000_000), volume=Decimal("0.01"))
        await until(lambda: label.text().startswith("KRW-BTC BID"))
        exchange.faults.inject("invalid_auth", endpoint="private", http=True)
        exchange.faults.inject("drop", endpoint="private")
        await until(lambda: label.text().startswith("Key refused"))
        assert "AuthenticationError" in capsys.readouterr().err
    finally:
        label.deleteLater()

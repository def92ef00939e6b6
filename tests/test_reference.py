"""The reference has every public name and every option of every command, and nothing else; the site has all pages."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

import upbit_ws_qt
import upbit_ws_qt.exchange
import upbit_ws_qt.testing
import widgets

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
NAMED = re.compile(r"^::: (\S+)$", re.MULTILINE)
COMMANDS = {
    "upbit-ws-desktop": ["run_desktop_ui.py"],
    "upbit-ws-doctor": ["-m", "upbit_ws_qt.doctor"],
    "python -m upbit_ws_qt.exchange": ["-m", "upbit_ws_qt.exchange"],
    "python -m upbit_ws_qt.examples": ["-m", "upbit_ws_qt.examples"],
}


def documented() -> list[str]:
    return [name for path in DOCS.glob("reference/*.md") for name in NAMED.findall(path.read_text("utf-8"))]


def public() -> set[str]:
    packages = {
        "upbit_ws_qt": upbit_ws_qt,
        "upbit_ws_qt.widgets": widgets,
        "upbit_ws_qt.exchange": upbit_ws_qt.exchange,
        "upbit_ws_qt.testing": upbit_ws_qt.testing,
    }
    return {f"{package}.{name}" for package, module in packages.items() for name in module.__all__}


def test_each_public_name_is_in_the_reference_once() -> None:
    names = documented()
    assert sorted(names) == sorted(set(names))
    assert set(names) ^ (public() - {"upbit_ws_qt.__version__"}) == set()


@pytest.mark.parametrize("command", COMMANDS)
def test_each_option_of_a_command_is_in_the_reference(command: str) -> None:
    done = subprocess.run(
        [sys.executable, *COMMANDS[command], "--help"], capture_output=True, text=True, check=True, cwd=ROOT
    )
    options = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", done.stdout)) - {"--help"}
    page = (DOCS / "reference" / "commands.md").read_text("utf-8")
    (section,) = re.findall(rf"^## {re.escape(command)}$(.*?)(?=^## |\Z)", page, re.DOTALL | re.MULTILINE)
    listed = set(re.findall(r"^\| `(--[a-z-]+)", section, re.MULTILINE))
    assert listed == options


def test_the_site_has_every_page_in_its_menu() -> None:
    site = importlib.import_module("tools.build_site")
    for language in site.LANGUAGES:
        pages = set(site.pages_of(language))
        menu = {page for _, section in site.MENU for page in section}
        assert menu <= pages
        # Decisions and examples are found through their own lists.
        assert {page for page in pages - menu if not page.startswith(("adr/", "examples/"))} == set()


def test_links_lead_to_pages_of_the_site() -> None:
    site = importlib.import_module("tools.build_site")
    pages = set(site.pages_of("en"))
    text = (
        "[a](../examples/coins.py), [b](../README.md#two-commands), [c](gaps.ko.md), [`d`](../x.py)\n```\n[e](x)\n```\n"
    )
    assert site.led(text, "using.md", pages) == (
        "[a](examples/coins.md), [b](index.md#two-commands), [c](gaps.md), `d`\n```\n[e](x)\n```\n"
    )


def test_a_link_that_leads_nowhere_is_found(tmp_path: Path) -> None:
    site = importlib.import_module("tools.build_site")
    (tmp_path / "a.html").write_text('<h1 id="top"></h1><a href="b.html#here">x</a><a href="c.html">y</a>', "utf-8")
    (tmp_path / "b.html").write_text('<a href="a.html#top">x</a><a href="https://example.org/">z</a>', "utf-8")
    assert site.broken_links(tmp_path) == ["a.html: b.html#here", "a.html: c.html"]

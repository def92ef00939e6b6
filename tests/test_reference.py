"""The reference has every public name and every option of every command, and nothing else; the site has all pages.

What a page says in one language stands in its twin, too: commands, links, and the names in it.
"""

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
DOCUMENTS = sorted([*ROOT.glob("*.md"), *DOCS.glob("**/*.md")])
LINKS = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")
NAMED = re.compile(r"^::: (\S+)$", re.MULTILINE)
COMMANDS = {
    "upbit-ws-desktop": ["run_desktop_ui.py"],
    "upbit-ws-doctor": ["-m", "upbit_ws_qt.doctor"],
    "upbit-ws-record": ["-m", "upbit_ws_qt.recording.cli"],
    "upbit-ws-relay": ["-m", "upbit_ws_qt.desk.relay"],
    "python -m upbit_ws_qt.exchange": ["-m", "upbit_ws_qt.exchange"],
    "python -m upbit_ws_qt.examples": ["-m", "upbit_ws_qt.examples"],
}
PARTS = {"upbit-ws-record": (("record",), ("info",), ("export",), ("import",), ("play",))}


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
    helped = ""
    for part in PARTS.get(command, ((),)):
        words = [sys.executable, *COMMANDS[command], *part, "--help"]
        helped += subprocess.run(words, capture_output=True, text=True, check=True, cwd=ROOT).stdout
    options = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", helped)) - {"--help"}
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
    text = "[a](../examples/coins.py), [b](../README.md#two-commands), [c](gaps.ko.md), [`d`](../x.py)"
    text += ", `f\\|g`\n```\n[e](x)\n```\n"
    assert site.led(text, "using.md", pages) == (
        "[a](examples/coins.md), [b](index.md#two-commands), [c](gaps.md), `d`, `f|g`\n```\n[e](x)\n```\n"
    )


def test_a_link_that_leads_nowhere_is_found(tmp_path: Path) -> None:
    site = importlib.import_module("tools.build_site")
    (tmp_path / "a.html").write_text('<h1 id="top"></h1><a href="b.html#here">x</a><a href="c.html">y</a>', "utf-8")
    (tmp_path / "b.html").write_text('<a href="a.html#top">x</a><a href="https://example.org/">z</a>', "utf-8")
    assert site.broken_links(tmp_path) == ["a.html: b.html#here", "a.html: c.html"]


def test_a_page_fetches_nothing_from_elsewhere_and_searches_from_the_disk() -> None:
    site = importlib.import_module("tools.build_site")
    page = (
        '<script src="https://unpkg.com/x/shim"></script><script src="../assets/javascripts/bundle.7.min.js"></script>'
    )
    mended = site.by_itself(page, "../own.js")
    assert mended == '<script src="../own.js"></script><script src="../assets/javascripts/bundle.7.min.js"></script>'
    assert '"let a = \\"x\\";"' in site.searched_from_disk('let a = "x";')


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_what_a_document_links_to_is_there(path: Path) -> None:
    named = LINKS.findall(path.read_text(encoding="utf-8"))
    assert [link for link in named if not (path.parent / link).exists()] == []


def _twins() -> list[str]:
    korean = [path for path in DOCUMENTS if path.name.endswith(".ko.md") and not path.name.startswith("testing.")]
    return [path.relative_to(ROOT).as_posix().removesuffix(".ko.md") for path in korean]


@pytest.mark.parametrize("name", _twins())
def test_both_languages_show_the_same_commands_links_and_code(name: str) -> None:
    def facts(name: str) -> list[set[str]]:
        text = (ROOT / name).read_text(encoding="utf-8")
        commands = {line.partition("#")[0].strip() for block in re.findall(r"```\w+\n(.*?)```", text, re.DOTALL)
                    for line in block.splitlines()}  # fmt: skip
        links = {link.replace(".ko.", ".") for link in LINKS.findall(text) if not link.endswith(".png")}
        return [commands, links, set(re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL)))]

    assert facts(f"{name}.md") == facts(f"{name}.ko.md")

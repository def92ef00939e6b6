"""The documents for contributors name files and tests that are there, and what they say of the code is so."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
GUIDES = [
    ROOT / "CONTRIBUTING.md",
    ROOT / "docs" / "tour.md",
    ROOT / "docs" / "glossary.md",
    *sorted((ROOT / "docs" / "adr").glob("*.md")),
]
# What looks like a path inside backticks: with a slash or a known ending, and no spaces or placeholders.
NAMED = re.compile(r"`([\w./-]+(?:/|\.py|\.md|\.toml)(?:::\w+)?)`")


def _tests_of(path: Path) -> set[str]:
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, functions)}


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.name)
def test_the_guides_name_files_and_tests_that_are_there(guide: Path) -> None:
    names = NAMED.findall(guide.read_text("utf-8"))
    assert names or guide.parent.name == "adr"
    for name in names:
        file, _, test = name.partition("::")
        homes = [ROOT, ROOT / "upbit_ws_qt"]
        found = [home / file for home in homes if (home / file).exists()]
        assert found, f"{guide.name}: {name}"
        assert not test or test in _tests_of(found[0]), f"{guide.name}: {name}"


def test_widgets_have_no_style_sheets() -> None:
    styled = {path.name for path in (ROOT / "widgets").rglob("*.py") if ".setStyleSheet(" in path.read_text("utf-8")}
    assert styled <= {"toasts.py"}


# Words that only their authors understood, and what to say instead (docs/glossary.md).
DROPPED = {
    "debt": "what is not proved yet",
    "ledger": "stats",
    "outbox": "call queue",
    "pocket": "limit key",
    "purse": "budget",
    "reception": "acceptor",
}


def test_words_that_were_dropped_do_not_come_back() -> None:
    for path in (ROOT / "upbit_ws_qt").rglob("*.py"):
        words = {word.lower() for word in re.findall(r"[A-Z]?[a-z]+", path.read_text("utf-8"))}
        assert not words & DROPPED.keys(), path

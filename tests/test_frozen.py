"""What PyInstaller is told of this package: all that is imported late, and all files that are read; no PyInstaller."""

from __future__ import annotations

import ast
import runpy
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import upbit_ws_qt
import widgets
from upbit_ws_qt import __pyinstaller as told

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "upbit_ws_qt"
PROGRAM = ROOT / "packaging" / "upbit-ws-desktop.py"


def late_imports() -> Iterator[str]:
    """Name each module of ours that is imported within a function, or by its name as a text."""
    for path in PACKAGE.rglob("*.py"):
        tree = ast.parse(path.read_text("utf-8"))
        for function in ast.walk(tree):
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                for node in ast.walk(function):
                    if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("upbit_ws_qt."):
                        yield str(node.module)
    yield from (f"upbit_ws_qt.{home}" for home in upbit_ws_qt._HOMES.values())


def test_it_hears_of_every_module_that_is_imported_late() -> None:
    hidden = set(told.hidden_imports())
    late = {name for name in late_imports() if name.split(".")[1] not in ("testing", "examples", "widgets")}
    assert len(late) > 20
    assert late <= hidden
    assert "upbit_ws_qt.exchange.cli" in hidden
    assert not [name for name in hidden if name.startswith(("upbit_ws_qt.testing", "upbit_ws_qt.examples"))]


def test_in_the_wheel_it_hears_of_the_panels_and_their_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "upbit_ws_qt"
    for folder, there in ((PACKAGE, package), (ROOT / "widgets", package / "widgets")):
        for path in folder.rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                copy = there / path.relative_to(folder)
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy.write_bytes(b"")
    for path in (ROOT / "resources").rglob("*.json"):
        copy = package / "widgets" / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(b"")
    monkeypatch.setattr(told, "_PACKAGE", package)
    hidden = set(told.hidden_imports())
    assert {f"upbit_ws_qt.widgets.{home}" for home in widgets._HOMES.values()} <= hidden
    files = {f"{folder}/{Path(path).name}" for path, folder in told.data_files()}
    read = {"widgets/resources/markets.json", "widgets/resources/translations/ko/desktop.json", "doctor/fields.json"}
    assert {f"upbit_ws_qt/{name}" for name in (*read, "exchange/market/assets.tsv", "py.typed")} <= files


def test_pyinstaller_finds_the_hook_by_the_package_itself() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["entry-points"]["pyinstaller40"] == {"hook-dirs": f"{told.__name__}:{told.get_hook_dirs.__name__}"}
    [folder] = told.get_hook_dirs()
    assert (Path(folder) / "hook-upbit_ws_qt.py").exists()


def test_the_program_answers_as_python_would_to_who_starts_its_exchange() -> None:
    exchange = runpy.run_path(str(PROGRAM))["EXCHANGE"]
    command = [sys.executable, str(PROGRAM), *exchange, "--port", "nonsense"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert (done.returncode, done.stdout) == (2, "")
    assert "--port" in done.stderr
    source = (ROOT / "widgets" / "program" / "exchange_process.py").read_text("utf-8")
    assert f'[sys.executable, "{exchange[0]}", "{exchange[1]}",' in source

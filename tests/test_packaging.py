"""What is shipped: the wheel holds the two packages and their resources, installs in a clean venv, and imports."""

from __future__ import annotations

import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(ROOT)],
        check=True,
        capture_output=True,
        timeout=100,
    )
    (built,) = out.glob("*.whl")
    return built


def test_the_wheel_holds_the_packages_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert {"upbit_ws_qt", "widgets"} < tops
    assert {top for top in tops if not top.endswith(".dist-info")} == {"upbit_ws_qt", "widgets"}
    assert {"upbit_ws_qt/py.typed", "widgets/py.typed"} <= set(names)
    shipped = {f"widgets/{path.relative_to(ROOT)}" for path in (ROOT / "resources").rglob("*") if path.is_file()}
    assert shipped <= set(names)
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert not [name for name in names if "__pycache__" in name or "/tests/" in name]


@pytest.mark.timeout(600)  # some hundred megabytes of Qt, perhaps over a slow line
def test_it_installs_in_a_clean_venv_and_imports(wheel: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    subprocess.run(
        [python, "-m", "pip", "install", "--quiet", "--no-compile", str(wheel)],
        check=True,
        capture_output=True,
        timeout=500,
    )
    code = "import upbit_ws_qt.exchange, widgets, sys; assert 'PyQt6.QtWidgets' not in sys.modules; print('ok')"
    done = subprocess.run([python, "-c", code], check=True, capture_output=True, text=True, cwd=tmp_path, timeout=60)
    assert done.stdout.strip() == "ok"

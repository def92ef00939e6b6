"""What is shipped: the wheel holds the one package and its resources, installs in a clean venv, and runs there."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.example_programs import run_watched
from tools.build_twice import build_twice, release_problem
from tools.metadata_hook import VARIABLE, AddressHook, absolute_links

ROOT = Path(__file__).parent.parent
# Where the package lies, and that its translations lie with it.
_LOOK_AT_RESOURCES = """
import sys
from pathlib import Path
from PyQt6.QtCore import QCoreApplication
import upbit_ws_qt.widgets as panels
from upbit_ws_qt.widgets.base.text import tr
app = QCoreApplication([])
panels.set_language(panels.Language.KOREAN)
print(next(path for path in Path(panels.__file__).parents if path.name == "venv"))
sys.stdout.reconfigure(encoding="utf-8")
print(tr("Order book"))
"""


def _settings_in(folder: Path) -> dict[str, str]:
    return dict.fromkeys(("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"), str(folder))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(ROOT)],
        check=True,
        capture_output=True,
        timeout=500,
    )
    (built,) = out.glob("*.whl")
    return built


def test_the_source_distribution_holds_what_make_needs_and_makes_the_same_wheel(wheel: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(tmp_path), str(ROOT)]
    machine = {**os.environ, "TZ": "Asia/Seoul", "PYTHONHASHSEED": "7"}  # in another folder, too
    subprocess.run(command, check=True, capture_output=True, timeout=500, env=machine)
    (built,) = tmp_path.glob("*.tar.gz")
    assert (tmp_path / wheel.name).read_bytes() == wheel.read_bytes()
    with tarfile.open(built) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    needed = {
        "Makefile",
        "pyproject.toml",
        "run_desktop_ui.py",
        "tools/check_system.py",
        "tools/find_pythons.sh",
        "README.md",
        "README.ko.md",
        "LICENSE",
    }
    assert needed <= names
    examples = {f"examples/{path.name}" for path in (ROOT / "examples").glob("*.py")}
    assert examples <= names


@pytest.mark.soak
def test_built_twice_it_is_the_same_to_the_last_byte(tmp_path: Path) -> None:
    digests = build_twice(tmp_path)
    assert {name.rpartition(".")[2] for name in digests} == {"gz", "whl"}
    assert digests == {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in tmp_path.iterdir()}


@pytest.mark.parametrize(
    ("tag", "changelog", "repository", "problem"),
    [
        ("v1.2.3", "## [1.2.3] - 2026-11-30\n", "https://example.org", ""),
        (
            "v1.2.4",
            "## [1.2.3] - 2026-11-30\n",
            "https://example.org",
            "the tag is v1.2.4, and pyproject.toml says 1.2.3",
        ),
        ("v1.2.3", "## [Unreleased]\n", "https://example.org", "CHANGELOG.md has no section [1.2.3] with its date"),
        ("v1.2.3", "## [1.2.3] - 2026-11-30\n", "", f"{VARIABLE} has to say where the project lives (https://…)"),
    ],
)
def test_what_is_no_release_is_refused(tag: str, changelog: str, repository: str, problem: str) -> None:
    assert release_problem(tag, "1.2.3", f"# Changelog\n\n{changelog}", repository) == problem


def test_pypi_gets_links_that_work_there(monkeypatch: pytest.MonkeyPatch) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    told = absolute_links(text, "https://example.org/project", "1.2.3")
    links = re.findall(r"(!?)\[[^\]]*\]\(([^)]*)\)", told)
    assert len(links) > 20
    assert all(link.startswith("https://") for _, link in links)
    pictures = [link for mark, link in links if mark]
    assert pictures == ["https://example.org/project/raw/v1.2.3/docs/images/trading-en-dark-1920x1080.png"]
    assert re.sub(r"\]\([^)]*\)", "", told) == re.sub(r"\]\([^)]*\)", "", text)

    def metadata(repository: str) -> dict[str, Any]:
        monkeypatch.setenv(VARIABLE, repository)
        found: dict[str, Any] = {"version": "1.2.3"}
        AddressHook(str(ROOT), {}).update(found)
        return found

    assert "urls" not in metadata("")  # no address is claimed that nobody has named
    assert metadata("")["readme"]["text"] == text
    assert metadata("https://example.org/project/")["readme"]["text"] == told
    assert {"Documentation", "Source", "Issues", "Changelog"} == metadata("https://example.org/project")["urls"].keys()
    with pytest.raises(ValueError, match="https://"):
        metadata("example.org")


def test_the_wheel_holds_one_package_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"upbit_ws_qt"}
    panels = "upbit_ws_qt/widgets"
    assert {"upbit_ws_qt/py.typed", f"{panels}/py.typed"} <= set(names)
    resources = {f"{panels}/{path.relative_to(ROOT)}" for path in (ROOT / "resources").rglob("*") if path.is_file()}
    modules = {
        f"upbit_ws_qt/{path.relative_to(ROOT)}"
        for folder in ("widgets", "examples")
        for path in (ROOT / folder).rglob("*.py")
    }
    assert resources | modules <= set(names)
    assert zipfile.ZipFile(wheel).read(f"{panels}/__init__.py") == (ROOT / "widgets" / "__init__.py").read_bytes()
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert not [name for name in names if "__pycache__" in name or "/tests/" in name]


def test_a_checkout_has_the_panels_under_the_name_of_the_wheel_and_loads_none_twice() -> None:
    code = """
import upbit_ws_qt.widgets
from upbit_ws_qt.widgets.base.labels import PlainLabel
import widgets.base.labels
assert upbit_ws_qt.widgets is widgets
assert PlainLabel is widgets.base.labels.PlainLabel
assert widgets.base.labels.__spec__.name == "widgets.base.labels"
try:
    import upbit_ws_qt.widgets.nothing
except ModuleNotFoundError as error:
    print(error.name)
"""
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True, cwd=ROOT)
    assert (done.returncode, done.stdout, done.stderr) == (0, "upbit_ws_qt.widgets.nothing\n", "")


def test_a_checkout_beside_another_package_of_that_name_says_so(tmp_path: Path) -> None:
    (tmp_path / "widgets").mkdir()
    (tmp_path / "widgets" / "__init__.py").write_text("mine = True\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", "import upbit_ws_qt.widgets"],
        check=False,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join((str(tmp_path), str(ROOT)))},
    )
    assert done.returncode == 1
    assert "install the wheel, which holds the panels as upbit_ws_qt.widgets only" in done.stderr


def test_it_installs_in_a_clean_venv_beside_a_package_widgets_and_runs_there(wheel: Path, tmp_path: Path) -> None:
    """One venv for all of it, since making one takes longer than what is looked at: the example's own tests, too."""
    venv.create(tmp_path / "venv", with_pip=True)
    programs = tmp_path / "venv" / ("Scripts" if sys.platform == "win32" else "bin")
    python = programs / "python"
    subprocess.run(
        [python, "-m", "pip", "install", "--quiet", "--no-compile", str(wheel), "pytest", "pytest-qt"],
        check=True,
        capture_output=True,
        timeout=500,
    )

    def says(*command: str | Path) -> str:
        environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "HOME": str(tmp_path), **_settings_in(tmp_path)}
        done = subprocess.run(
            command, check=False, capture_output=True, text=True, cwd=tmp_path, timeout=500, env=environment
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    (tmp_path / "widgets").mkdir()
    (tmp_path / "widgets" / "__init__.py").write_text("mine = True\n", encoding="utf-8")
    code = (
        "import upbit_ws_qt.exchange, upbit_ws_qt.widgets, widgets, sys;"
        " assert 'PyQt6.QtWidgets' not in sys.modules; print(widgets.mine)"
    )
    assert says(python, "-c", code) == "True"
    assert says(python, "-c", _LOOK_AT_RESOURCES).splitlines() == [str(tmp_path / "venv"), "호가"]
    desktop = programs / "upbit-ws-desktop"
    assert says(desktop, "--version") == f"upbit-ws-desktop {wheel.name.split('-')[1]}"
    assert "--live" in says(programs / "upbit-ws-doctor", "--help")
    says(desktop, "--screenshot", "window.png", "--after", "0.5", "--lang", "ko")  # its exchange is a child process
    assert (tmp_path / "window.png").read_bytes().startswith(b"\x89PNG")
    project = tmp_path / "project"  # which has no file of this checkout in its path, and finds the plugin by itself
    shutil.copytree(ROOT / "examples" / "testing", project, ignore=shutil.ignore_patterns("__pycache__"))
    tests = sum(
        len(re.findall(r"^(?:async )?def test_", path.read_text("utf-8"), re.MULTILINE))
        for path in project.glob("test_*.py")
    )
    assert tests > 10
    assert f"{tests} passed" in says(python, "-m", "pytest", "-q", "-p", "no:cacheprovider", project)
    folder = Path(says(python, "-m", "upbit_ws_qt.examples", "--list").splitlines()[-1])
    assert folder.parts[-2:] == ("upbit_ws_qt", "examples")
    assert tmp_path / "venv" in folder.parents
    table = run_watched(example="market_table", python=python, cwd=tmp_path)
    assert re.search(r"shown: \['KRW-[A-Z]+ [0-9.,]+ [+-]", table.stdout), table.stderr
    assert (table.stdout.splitlines()[-2:], table.returncode) == (["exit code 0", "ended"], 0)

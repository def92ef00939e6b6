"""What is shipped: the wheel holds the one package and its resources, installs in a clean venv, and runs there."""

from __future__ import annotations

import ast
import hashlib
import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from dataclasses import dataclass
from email.parser import Parser
from pathlib import Path
from typing import Any

import pytest

from tests.example_programs import run_watched
from tools.build_twice import build_twice, release_problem
from tools.metadata_hook import VARIABLE, AddressHook, absolute_links
from upbit_ws_qt.examples import examples

ROOT = Path(__file__).parent.parent
DEVELOPERS = re.compile(r"extra == .(test|dev|docs|bench)\b")  # what users need not have
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
    assert len(links) >= 20
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


@dataclass(frozen=True)
class Installed:
    """A venv with the wheel in it, in a folder of its own that is also the user's home."""

    folder: Path

    @property
    def programs(self) -> Path:
        return self.folder / "venv" / ("Scripts" if sys.platform == "win32" else "bin")

    def says(self, *command: str | Path) -> str:
        """Run a program of the venv, or Python with these arguments; return what it printed."""
        environment = {
            **os.environ,
            "QT_QPA_PLATFORM": "offscreen",
            "HOME": str(self.folder),
            **_settings_in(self.folder),
        }
        program, *arguments = command
        done = subprocess.run(
            [self.programs / program, *arguments],
            check=False,
            capture_output=True,
            text=True,
            cwd=self.folder,
            timeout=500,
            env=environment,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()


def make_installed(folder: Path) -> Installed:
    """Return a folder with a package `widgets` of the user's in it."""
    (folder / "widgets").mkdir()
    (folder / "widgets" / "__init__.py").write_text("mine = True\n", encoding="utf-8")
    return Installed(folder)


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """One clean venv for all of it, since making one takes longer than what is looked at."""
    installed = make_installed(tmp_path_factory.mktemp("clean"))
    venv.create(installed.folder / "venv", with_pip=True)
    installed.says("python", "-m", "pip", "install", "--quiet", "--no-compile", str(wheel), "pytest", "pytest-qt")
    return installed


@pytest.fixture(scope="module")
def installed_here(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """A venv with the wheel in it, and all that it needs from the environment that the tests run in."""
    installed = make_installed(tmp_path_factory.mktemp("beside"))
    venv.create(installed.folder / "venv")
    packages = Path(installed.says("python", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"))
    # A path in such a file is not looked through for others: what leads to this checkout is not followed.
    (packages / "needed.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    command = [sys.executable, "-m", "pip", "--python", str(installed.programs / "python"), "install", "--quiet"]
    wanted = ["--no-deps", "--no-index", "--no-compile", "--ignore-installed", str(wheel)]
    subprocess.run([*command, *wanted], check=True, capture_output=True, timeout=500)
    return installed


def test_the_wheel_asks_for_every_package_that_is_imported(wheel: Path) -> None:
    """What a clean venv would lack shows here; `make soak` makes one."""
    (name,) = [name for name in zipfile.ZipFile(wheel).namelist() if name.endswith(".dist-info/METADATA")]
    metadata = Parser().parsestr(zipfile.ZipFile(wheel).read(name).decode())
    required = [line for line in metadata.get_all("Requires-Dist", []) if not DEVELOPERS.search(line)]
    asked = {re.split(r"[^\w.-]", line)[0].lower().replace("_", "-") for line in required}
    found: set[str] = set()
    for path in (path for top in ("upbit_ws_qt", "widgets", "examples") for path in (ROOT / top).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.partition(".")[0])
    providers = importlib.metadata.packages_distributions()
    others = found - sys.stdlib_module_names - {"upbit_ws_qt", "widgets"}
    lacking = {each for each in others if not asked & {name.lower() for name in providers.get(each, ())}}
    # For who writes tests or bundles a program, and has them then; the examples' own modules.
    assert {"PyQt6", "msgspec", "websockets", "aiohttp"} <= others
    assert lacking <= {"pytest", "pytestqt", "PyInstaller"} | {path.stem for path in (ROOT / "examples").rglob("*.py")}


def test_it_installs_beside_a_package_widgets_and_runs_there(wheel: Path, installed_here: Installed) -> None:
    all_of_it_runs(wheel, installed_here)


@pytest.mark.soak
def test_it_installs_in_a_clean_venv_beside_a_package_widgets_and_runs_there(wheel: Path, installed: Installed) -> None:
    all_of_it_runs(wheel, installed)


def all_of_it_runs(wheel: Path, installed: Installed) -> None:
    """Look at the panels, the programs, the plugin and the gallery where the wheel is installed."""
    code = (
        "import upbit_ws_qt.exchange, upbit_ws_qt.widgets, widgets, sys;"
        " assert 'PyQt6.QtWidgets' not in sys.modules; print(widgets.mine)"
    )
    assert installed.says("python", "-c", code) == "True"
    venv_folder = str(installed.folder / "venv")
    assert installed.says("python", "-c", _LOOK_AT_RESOURCES).splitlines() == [venv_folder, "호가"]
    assert installed.says("upbit-ws-desktop", "--version") == f"upbit-ws-desktop {wheel.name.split('-')[1]}"
    assert "--live" in installed.says("upbit-ws-doctor", "--help")
    assert "export" in installed.says("upbit-ws-record", "--help")
    picture = installed.folder / "window.png"
    installed.says("upbit-ws-desktop", "--screenshot", str(picture), "--after", "0.5", "--lang", "ko")  # with a child
    assert picture.read_bytes().startswith(b"\x89PNG")
    # The plugin is found by a project elsewhere, and the gallery is there. (No tests of their own: side by side they
    # would make a venv each.)
    project = installed.folder / "project"  # which has no file of this checkout in its path
    shutil.copytree(ROOT / "examples" / "testing", project, ignore=shutil.ignore_patterns("__pycache__"))
    tests = sum(
        len(re.findall(r"^(?:async )?def test_", path.read_text("utf-8"), re.MULTILINE))
        for path in project.glob("test_*.py")
    )
    assert tests > 10
    assert f"{tests} passed" in installed.says(
        "python", "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:asyncio", project
    )
    folder = Path(installed.says("python", "-m", "upbit_ws_qt.examples", "--list").splitlines()[-1])
    assert folder.parts[-2:] == ("upbit_ws_qt", "examples")
    assert installed.folder / "venv" in folder.parents
    run_from_wheel(installed, "market_table")


@pytest.mark.soak
@pytest.mark.parametrize("name", [example.name for example in examples() if "QtWidgets" in example.source])
def test_every_example_with_a_window_runs_from_the_wheel(installed: Installed, name: str) -> None:
    run_from_wheel(installed, name)


@pytest.mark.soak
def test_the_examples_are_typed_as_the_wheel_is(installed: Installed) -> None:
    copies = installed.folder / "typed"
    shutil.copytree(ROOT / "examples", copies, ignore=shutil.ignore_patterns("__pycache__"))
    installed.says("python", "-m", "pip", "install", "--quiet", "mypy")
    for folder in (copies, copies / "testing"):
        installed.says("python", "-m", "mypy", "--strict", *folder.glob("*.py"))


def run_from_wheel(installed: Installed, name: str) -> None:
    """Run an example until it shows figures, and close its windows."""
    done = run_watched(example=name, python=installed.programs / "python", cwd=installed.folder)
    assert "shown: " in done.stdout, done.stdout + done.stderr
    assert done.stdout.endswith("ended\n")
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr

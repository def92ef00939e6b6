"""docs/testing.md and its Korean twin are run as they stand: each block is a file, and each test in them passes."""

from __future__ import annotations

import re
from pathlib import Path

from tests.testing.test_plugin import PLUGINS, pytest_in

ROOT = Path(__file__).parent.parent.parent
FENCES = re.compile(r"^```python\n# (\w+\.py)\n(.*?)^```", re.DOTALL | re.MULTILINE)
ALL_FENCES = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)
SETTINGS = re.compile(r"^```ini\n(.*?)^```", re.DOTALL | re.MULTILINE)


def test_every_block_of_the_page_runs(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "testing.md").read_text(encoding="utf-8")
    files = dict(FENCES.findall(page))
    assert len(files) == len(ALL_FENCES.findall(page))
    for name, code in files.items():
        (tmp_path / name).write_text(code, encoding="utf-8")
    (settings,) = SETTINGS.findall(page)
    (tmp_path / "pytest.ini").write_text(settings, encoding="utf-8")
    done = pytest_in(tmp_path, "-q", "-W", "error", plugins=[name for name in PLUGINS if "asyncio" not in name])
    tests = sum(len(re.findall(r"^(?:async )?def test_", code, re.MULTILINE)) for code in files.values())
    assert tests >= 10
    assert f"{tests} passed" in done.stdout, done.stdout + done.stderr


def test_both_languages_show_the_same_code() -> None:
    english, korean = ((ROOT / "docs" / name).read_text(encoding="utf-8") for name in ("testing.md", "testing.ko.md"))
    assert [_without_comments(code) for code in ALL_FENCES.findall(english)] == [
        _without_comments(code) for code in ALL_FENCES.findall(korean)
    ]


def _without_comments(code: str) -> list[str]:
    return [re.sub(r"\s+# .*$", "", line) for line in code.splitlines()]

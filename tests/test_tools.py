"""The tools that judge the project: what they count, and where its lower bounds come from."""

from __future__ import annotations

import ast
import re
import struct
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PyQt6.QtGui import QImage

from tools import house, lowest, moving_pictures

if TYPE_CHECKING:
    from pathlib import Path

PYPROJECT = """
[project]
name = "thing"
dependencies = ["PyQt6>=6.8", "web-sockets >=15,<18", "keyring[extra]>=25.1; sys_platform != 'win32'"]
[project.optional-dependencies]
test = ["pytest>=8.4"]
dev = ["thing[test]"]
loose = ["ruff"]
"""


def test_the_lowest_versions_are_those_of_the_bounds_and_of_the_extra_that_is_named() -> None:
    runtime = ["PyQt6==6.8", "web-sockets==15", "keyring==25.1"]
    assert lowest.lowest(PYPROJECT) == runtime
    assert lowest.lowest(PYPROJECT, "test") == [*runtime, "pytest==8.4"]


@pytest.mark.parametrize(("extra", "named"), [("loose", "ruff"), ("dev", "thing[test]")])
def test_a_dependency_without_a_lower_bound_is_named(extra: str, named: str) -> None:
    with pytest.raises(ValueError, match=re.escape(named)):
        lowest.lowest(PYPROJECT, extra)


def test_each_dependency_of_this_project_has_a_lower_bound() -> None:
    pins = lowest.lowest(lowest.PYPROJECT.read_text(encoding="utf-8"), "test")
    assert any(pin.startswith("PyQt6==") for pin in pins)
    assert any(pin.startswith("pytest==") for pin in pins)


def test_docstrings_and_blank_lines_are_no_code_and_a_word_to_a_tool_is_no_comment() -> None:
    source = '"""Says what.\n\nAnd why."""\n\nX = 1  # because\nY = (\n    2\n)  # noqa: E501\n# a reason\n'
    assert house.code_and_comment_lines(source) == (4, 2)


def _modules(root: Path, **sources: str) -> dict[str, house.Module]:
    package = root / "package"
    package.mkdir()
    for name, source in sources.items():
        (package / f"{name}.py").write_text(source, encoding="utf-8")
    return {module.name: module for module in house.modules(root, "package")}


def test_the_longest_chain_has_no_import_that_only_types_or_functions_need(tmp_path: Path) -> None:
    found = _modules(
        tmp_path,
        __init__="",
        top="import package.middle\nfrom typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import package.far",
        middle="try:\n    from .low import thing\nexcept ImportError:\n    thing = None",
        low="def late():\n    import package.far",
        far="from package import top",
    )
    graph = {name: house.imports(module, set(found)) for name, module in found.items()}
    assert house.longest_chain(graph) == ["package.far", "package.top", "package.middle", "package.low"]


def test_a_write_is_foreign_unless_the_object_is_the_writer() -> None:
    lines = ["self.a = 1", "self.b.a = 2", "del other.a", "other.a += 1", "setattr(other, 'a', 1)", "cls.a = 1"]
    assert sorted(house.foreign_writes(ast.parse("\n".join(lines)))) == [2, 3, 4, 5]


def test_the_public_members_of_a_class_are_those_of_its_bases_too(tmp_path: Path) -> None:
    found = _modules(
        tmp_path,
        base="class Base:\n    def shown(self): self.kept = self._hidden = 1\n    def _own(self): pass",
        leaf="class Leaf(Base):\n    given: int = 0\n    @property\n    def asked(self): pass",
    )
    assert house.public_members(list(found.values()), "Leaf") == {"shown", "kept", "given", "asked"}


def test_a_moving_picture_keeps_what_differs_and_how_long_it_is_shown() -> None:
    first = np.zeros((6, 8, 3), np.uint8)
    second = first.copy()
    second[2:4, 5] = 200
    data = moving_pictures.animation([first, first, second], 100)
    chunks, at = [], 8
    while at < len(data):
        length = int.from_bytes(data[at : at + 4])
        chunks.append((data[at + 4 : at + 8], data[at + 8 : at + 8 + length]))
        at += length + 12
    assert [kind for kind, _ in chunks] == [b"IHDR", b"acTL", b"fcTL", b"IDAT", b"fcTL", b"fdAT", b"IEND"]
    shown = [struct.unpack(">IIIIIHHBB", body) for kind, body in chunks if kind == b"fcTL"]
    # Number, size, place, and how long: two that are alike are one.
    assert shown == [(0, 8, 6, 0, 0, 200, 1000, 0, 0), (1, 1, 2, 5, 2, 100, 1000, 0, 0)]
    (image,) = [QImage.fromData(data)]
    assert (image.width(), image.height(), image.pixel(0, 0)) == (8, 6, 0xFF000000)

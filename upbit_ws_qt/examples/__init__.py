"""The examples, to look at and to start: `python -m upbit_ws_qt.examples`.

They are the files of the folder `examples` of a checkout; the wheel has them in this package. Under
`upbit_ws_qt.examples` each can be imported in both.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path

__all__ = ["FOLDER", "Example", "examples"]

_HERE = Path(__file__).parent
_MINE = frozenset({"__init__", "__main__", "gallery"})
_CHECKOUT = _HERE.parents[1] / "examples"
# A folder of that name beside an installed package is somebody else's.
FOLDER = _HERE if (_HERE / "quickstart.py").exists() else _CHECKOUT
if FOLDER is _CHECKOUT:
    __path__.append(str(_CHECKOUT))


@dataclass(frozen=True, slots=True)
class Example:
    """One program.

    Attributes:
        name: to start it by.
        path: of its file.
        summary: what it shows, in a line.
    """

    name: str
    path: Path
    summary: str

    @property
    def source(self) -> str:
        """Its text."""
        return self.path.read_text(encoding="utf-8")


def examples() -> tuple[Example, ...]:
    """Return all that there are, by name."""
    paths = sorted(path for path in FOLDER.glob("*.py") if path.stem not in _MINE)
    return tuple(Example(path.stem, path, _summary(path)) for path in paths)


def _summary(path: Path) -> str:
    words = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return words.partition("\n")[0]

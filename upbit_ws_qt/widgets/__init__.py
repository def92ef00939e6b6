"""In a checkout: the folder `widgets` beside this package, under the name that it has in the wheel.

The wheel holds the folder itself in this place, and no package `widgets` on the top level, where many a PyQt program
has one of its own. Both names mean the same modules; none is loaded twice.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

    # What a type checker is to know under this name.
    from widgets import *  # noqa: F403
    from widgets import __all__ as __all__

_FOLDER = Path(__file__).parents[2] / "widgets"
_THIS = __name__


class _SameModules(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Answers `import upbit_ws_qt.widgets.x` with the module `widgets.x`."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Return a spec for what lies in the folder, and nothing for all else."""
        del path, target
        if not fullname.startswith(_THIS + ".") or importlib.util.find_spec(_in_folder(fullname)) is None:
            return None
        return importlib.machinery.ModuleSpec(fullname, self)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        """Return the module as the folder's own name gives it."""
        module = importlib.import_module(_in_folder(spec.name))
        spec.loader_state = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Give the module back the spec that the import system replaced; it was executed under its own name."""
        alias = module.__spec__
        if alias is not None:
            module.__spec__ = alias.loader_state


def _in_folder(name: str) -> str:
    return "widgets" + name[len(_THIS) :]


_widgets = importlib.import_module("widgets")
if Path(str(_widgets.__file__)).parent != _FOLDER:
    raise ImportError(
        f"`widgets` is {_widgets.__file__}, and not the folder of this checkout ({_FOLDER}). Beside a package of that"
        " name install the wheel, which holds the panels as upbit_ws_qt.widgets only"
    )
sys.meta_path.insert(0, _SameModules())
sys.modules[_THIS] = _widgets

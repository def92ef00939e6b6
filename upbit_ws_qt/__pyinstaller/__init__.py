"""What PyInstaller has to know to put this package into a program: found by itself, by an entry point of the package.

Much here is imported when it is first asked for, which nobody sees who only reads imports.
"""

from __future__ import annotations

from pathlib import Path

__all__ = ["data_files", "get_hook_dirs", "hidden_imports"]

_PACKAGE = Path(__file__).parents[1]
_NOT_PART_OF_A_PROGRAM = frozenset({"__pyinstaller", "examples", "testing"})


def get_hook_dirs() -> list[str]:
    """Return where the hook lies; what the entry point names."""
    return [str(Path(__file__).parent)]


def hidden_imports() -> list[str]:
    """Return every module of the package that a program may import."""
    modules = (path.relative_to(_PACKAGE.parent).with_suffix("") for path in _files() if path.suffix == ".py")
    return sorted(".".join(path.parts).removesuffix(".__init__") for path in modules)


def data_files() -> list[tuple[str, str]]:
    """Return what else lies in it (translations, tables), each with the folder that it has in the program."""
    files = (path for path in _files() if path.suffix not in (".py", ".pyc"))
    return sorted((str(path), path.parent.relative_to(_PACKAGE.parent).as_posix()) for path in files)


def _files() -> list[Path]:
    return [
        path
        for path in _PACKAGE.rglob("*")
        if path.is_file() and path.relative_to(_PACKAGE).parts[0] not in _NOT_PART_OF_A_PROGRAM
    ]

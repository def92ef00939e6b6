"""A perspective in a file of its own, to be taken to another computer: read whole and unchanged, or not at all."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from upbit_ws_qt import Phrase

from ..base.json_file import MOST_BYTES, parse_json, write_json
from ..base.text import mark
from ..window.layout import Arrangement, arrangement_from, arrangement_to_plain

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

__all__ = ["WorkspaceFileError", "read_workspace", "write_workspace"]

_FORMAT = "upbit_ws_qt perspective"
_VERSION = 1


class WorkspaceFileError(ValueError):
    """A file of a perspective cannot be used; nothing was taken from it.

    Attributes:
        path: of the file.
        reason: why, as a Phrase that can be said in the language in force.
    """

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path.name}: {reason}")
        self.path = path
        self.reason = reason


def write_workspace(path: Path, name: str, arrangement: Arrangement) -> None:
    """Write a perspective; OSError where that is not possible."""
    content = {"name": name, "arrangement": arrangement_to_plain(arrangement)}
    write_json(path, {"format": _FORMAT, "version": _VERSION, **content, "digest": _digest(content)})


def read_workspace(path: Path, kinds: Collection[str]) -> tuple[str, Arrangement]:
    """Return the name and the arrangement in a file.

    Raises:
        WorkspaceFileError: it cannot be read, is no such file, was changed since it was written, or has panels that
            are not among `kinds`.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise WorkspaceFileError(path, error.strerror or str(error)) from error
    plain = parse_json(data)
    if plain.get("format") != _FORMAT:
        raise WorkspaceFileError(path, Phrase(mark("this is no file of a perspective")))
    if plain.get("version") != _VERSION:
        raise WorkspaceFileError(path, Phrase(mark("it is of a later version of the program")))
    name, arrangement = plain.get("name"), plain.get("arrangement")
    if plain.get("digest") != _digest({"name": name, "arrangement": arrangement}) or not isinstance(name, str):
        raise WorkspaceFileError(path, Phrase(mark("it was changed or damaged since it was written")))
    found = arrangement_from(arrangement, kinds)
    if found is None or len(found.panels) != _panels_in(arrangement):
        raise WorkspaceFileError(path, Phrase(mark("it has panels that this program does not have")))
    return name, found


def _digest(content: dict[str, Any]) -> str:
    """Return what a file that was changed no longer agrees with; no secret: it tells damage, not who wrote it."""
    text = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _panels_in(plain: Any) -> int:
    """Count the panels that an arrangement in a file names, known or not."""
    if isinstance(plain, list):
        return sum(map(_panels_in, plain))
    if not isinstance(plain, dict):
        return 0
    tabs, floating = plain.get("tabs"), plain.get("floating")
    own = sum(len(each) for each in (tabs, floating) if isinstance(each, list))
    return own + sum(_panels_in(plain.get(key)) for key in ("root", "parts", "windows"))

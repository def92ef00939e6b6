"""The documented fields of every message: names, short names, kinds and values."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["FIELDS", "Field", "fields_of", "short_names"]


@dataclass(frozen=True, slots=True)
class Field:
    """One field of one message.

    Attributes:
        name: in the DEFAULT formats.
        short: in the SIMPLE formats.
        kind: "str", "decimal", "int", "bool", "list" or "dict".
        values: all that a text may be, where only a few are documented.
        optional: whether it may be left out.
    """

    name: str
    short: str
    kind: str
    values: tuple[str, ...] = ()
    optional: bool = False

    @property
    def is_number(self) -> bool:
        """Whether it is a JSON number."""
        return self.kind in ("decimal", "int")


def _read() -> dict[str, tuple[Field, ...]]:
    table = json.loads(files("upbit_ws_qt.doctor").joinpath("fields.json").read_bytes())
    return {
        kind: tuple(
            Field(
                row["name"], row["simple"], row["kind"], tuple(row.get("values", ())), bool(row.get("optional", False))
            )
            for row in rows
        )
        for kind, rows in table.items()
    }


FIELDS: Mapping[str, tuple[Field, ...]] = _read()


def fields_of(type_: str) -> tuple[Field, ...]:
    """Return the fields of a message by the type on the wire, none for a type that is not documented."""
    return FIELDS.get("candle" if type_.startswith("candle.") else type_, ())


def short_names(type_: str) -> dict[str, str]:
    """Return short name → name of a message's fields."""
    return {field.short: field.name for field in fields_of(type_)}

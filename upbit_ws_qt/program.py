"""One configuration for the whole program: its manager and its service share one set of lines.

Either of the two may be asked for first. Whichever lives says with which configuration, and the other takes it over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from upbit_ws_qt.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from upbit_ws_qt.config import ServiceConfig

__all__ = ["PROGRAM", "Program"]

_SECRET = frozenset({"credentials", "desk_url", "proxy"})


class Part(Protocol):
    """What the program's manager is made of, or its service."""

    config: ServiceConfig

    @property
    def is_usable(self) -> bool:
        """Whether it can still be used."""
        ...


class Program:
    """Knows which parts of the program live, and what they were made with."""

    def __init__(self) -> None:
        self._parts: dict[str, Callable[[], Part | None]] = {}

    def claim(self, name: str, part: Callable[[], Part | None]) -> None:
        """Note how to find a part: a weak reference, or what returns it; in place of an earlier one of this name."""
        self._parts[name] = part

    def living(self, name: str) -> Part | None:
        """Return a part that can be used; None where there is none."""
        find = self._parts.get(name)
        part = None if find is None else find()
        return part if part is not None and part.is_usable else None

    def config_of(self, name: str) -> ServiceConfig | None:
        """Return what a part was made with; None where there is none that can be used."""
        part = self.living(name)
        return None if part is None else part.config

    @property
    def config(self) -> ServiceConfig | None:
        """What the parts that live were made with; None where none does."""
        return next((config for name in self._parts if (config := self.config_of(name)) is not None), None)

    def settle(self, given: ServiceConfig | None) -> ServiceConfig | None:
        """Return the configuration for a new part: that of the other one, else the one given.

        Raises ConfigurationError, naming what differs, where one is given that is not that of the other part.
        """
        used = self.config
        if used is None or given is None:
            return used or given
        if names := used.differences(given):
            raise _another(used, given, names)
        return used


PROGRAM = Program()


def _another(used: ServiceConfig, given: ServiceConfig, names: tuple[str, ...]) -> ConfigurationError:
    first, *others = names
    also = f" (also different: {', '.join(others)})" if others else ""
    value, kept = ("***", "the one") if first in _SECRET else (getattr(given, first), repr(getattr(used, first)))
    return ConfigurationError(
        f"config.{first}",
        value,
        f"{kept} that the program's service and manager were made with{also}: share them by giving no config, or end "
        "them first",
    )

"""One configuration for the whole program: its manager and its service share one set of lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from upbit_ws_qt.errors import ConfigurationError

if TYPE_CHECKING:
    from upbit_ws_qt.config import ServiceConfig

__all__ = ["require_same"]

_SECRET = frozenset({"credentials", "proxy"})


def require_same(settled: ServiceConfig, given: ServiceConfig | None) -> None:
    """Raise the ConfigurationError that names what `given` has otherwise than the configuration that is in use."""
    names = () if given is None else settled.differences(given)
    if not names:
        return
    first, *others = names
    also = f" (also different: {', '.join(others)})" if others else ""
    wanted, used = ("***", "the one") if first in _SECRET else (getattr(given, first), repr(getattr(settled, first)))
    raise ConfigurationError(
        f"config.{first}",
        wanted,
        f"{used} that the program's service and manager were made with{also}: share them by giving no config, or end "
        "them first",
    )

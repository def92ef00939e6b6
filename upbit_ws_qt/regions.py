"""The countries of the exchange and what each offers (protocol sheet, "Endpoints"); plain data."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["REGIONS", "Region"]


@dataclass(frozen=True, slots=True)
class Region:
    """One country's exchange.

    Attributes:
        name: its short name, as in `ServiceConfig.region`.
        host: of its WebSockets and its REST.
        has_info: whether it has the INFO endpoint, with indicators.
        has_announcement: whether announcements can be subscribed to; elsewhere one costs the whole private request.
        has_levels: whether order books can be grouped; elsewhere a `level` is refused in requests and not in frames.
    """

    name: str
    host: str
    has_info: bool = False
    has_announcement: bool = False
    has_levels: bool = True


REGIONS: Mapping[str, Region] = MappingProxyType(
    {
        "kr": Region("kr", "api.upbit.com", has_info=True, has_announcement=True),
        "sg": Region("sg", "sg-api.upbit.com"),
        "id": Region("id", "id-api.upbit.com", has_levels=False),
        "th": Region("th", "th-api.upbit.com"),
    }
)

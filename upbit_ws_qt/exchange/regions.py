"""The countries of the exchange: their protocol is not quite the same (protocol sheet, "Endpoints")."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

KOREAN: Mapping[str, str] = MappingProxyType(
    {
        "INVALID_AUTH": "인증 정보가 올바르지 않습니다.",
        "WRONG_FORMAT": "Format 이 맞지 않습니다.",
        "NO_TICKET": "티켓이 존재하지 않거나, 유효하지 않습니다.",
        "NO_TYPE": "type 필드가 존재하지 않습니다.",
        "NO_CODES": "codes 필드가 존재하지 않습니다.",
        "INVALID_PARAM": "유효하지 않은 파라미터입니다.",
        "TOO_MANY_REQUEST": "요청 수 제한을 초과했습니다.",
        "unknown type": "{type} 은 지원하지 않는 타입입니다.",
    }
)
ENGLISH: Mapping[str, str] = MappingProxyType(
    {
        "INVALID_AUTH": "Authentication information is incorrect.",
        "WRONG_FORMAT": "Requested using wrong format.",
        "NO_TICKET": "Ticket field must be contained.",
        "NO_TYPE": "type field not exists.",
        "NO_CODES": "codes field not exists.",
        "INVALID_PARAM": "Requested using invalid parameter.",
        "TOO_MANY_REQUEST": "Too many requests.",
        "unknown type": "type {type} is not supported.",
    }
)
"""Texts of errors by name; those of WRONG_FORMAT, NO_TICKET, NO_CODES and an unknown type are as seen, others ours."""


@dataclass(frozen=True, slots=True)
class Region:
    """How one country's exchange differs.

    Attributes:
        name: Its short name.
        fiat: The currency of its first markets.
        pairs: Of how many markets each quote currency has at most, None for all that there are.
        has_info: Whether there is an INFO endpoint.
        has_announcement: Whether the private endpoint has announcements.
        has_levels: Whether order books have a `level`, in requests and in frames.
        spells_exponents: Whether DEFAULT spells prices from ten million on as `1.55141E9`.
        error_close_seconds: From an error to the close of its line; the pump looks every 10 ms.
        texts: Of the errors.
    """

    name: str
    fiat: str
    pairs: Mapping[str, int]
    has_info: bool = False
    has_announcement: bool = False
    has_levels: bool = True
    spells_exponents: bool = False
    error_close_seconds: float = 0.7  # seen: 603-810 ms
    texts: Mapping[str, str] = field(default_factory=lambda: ENGLISH)


KOREA = Region(
    "kr",
    "KRW",
    MappingProxyType({"KRW": 272, "BTC": 120, "USDT": 24}),
    has_info=True,
    has_announcement=True,
    error_close_seconds=0.155,  # seen: 150-180 ms
    texts=KOREAN,
)
FULL_KOREA: Mapping[str, int] = MappingProxyType({"KRW": 272, "BTC": 270, "USDT": 313})
"""All 855 pairs of Korea; how they are shared out among the quote currencies is ours."""

# As many pairs as seen in all; how they are shared out among the quote currencies is not known.
REGIONS: Mapping[str, Region] = MappingProxyType(
    {
        "kr": KOREA,
        "sg": Region("sg", "SGD", MappingProxyType({"SGD": 12})),
        "id": Region(
            "id",
            "IDR",
            MappingProxyType({"IDR": 250, "BTC": 140, "USDT": 54}),
            has_levels=False,
            spells_exponents=True,
        ),
        "th": Region("th", "THB", MappingProxyType({"THB": 170, "BTC": 70, "USDT": 30})),
    }
)

"""What the exchange announces: published, altered, remembered for a while."""

from __future__ import annotations

import uuid
from collections import OrderedDict
from random import Random
from typing import TYPE_CHECKING

from upbit_ws_qt.exchange.private_messages import AnnouncementChange

if TYPE_CHECKING:
    from upbit_ws_qt.exchange.messages import Change

CATEGORIES = ("notice", "trade", "wallet", "maintenance", "digital_asset", "nft", "service", "event")
_KEPT = 200


class AnnouncementBoard:
    """The announcements of a world; the oldest is forgotten when there are too many."""

    def __init__(self, seed: int) -> None:
        self._random = Random(f"announcements {seed}")
        self._latest: OrderedDict[str, AnnouncementChange] = OrderedDict()
        self._count = 0

    def publish(self, title: str, category: str, body: str | None, url: str | None, ms: int) -> list[Change]:
        """Announce something; the change carries its `.uuid`. Any category is taken, as the real list grows."""
        self._count += 1
        number = str(uuid.UUID(int=self._random.getrandbits(128), version=4))
        link = url if url is not None else f"https://upbit.com/service_center/notice?id={5000 + self._count}"
        made = AnnouncementChange("CREATED", number, title, category, link, body, ms, ms)
        self._latest[number] = made
        while len(self._latest) > _KEPT:
            self._latest.popitem(last=False)
        return [made]

    def update(
        self, number: str, title: str | None, category: str | None, body: str | None, url: str | None, ms: int
    ) -> list[Change]:
        """Alter what is given of an announcement; KeyError when it is unknown or forgotten."""
        old = self._latest[number]
        made = AnnouncementChange(
            "UPDATED",
            number,
            old.title if title is None else title,
            old.category if category is None else category,
            old.url if url is None else url,
            old.body if body is None else body,
            old.first_ms,
            ms,
        )
        self._latest[number] = made
        return [made]

    def latest(self) -> list[AnnouncementChange]:
        """Return the remembered announcements, oldest first."""
        return list(self._latest.values())

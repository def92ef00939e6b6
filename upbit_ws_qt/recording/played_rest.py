"""What REST answers in a replay: what the recording holds of it up to the present moment, and nothing else."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import msgspec

from upbit_ws_qt.events import CandleEvent, TradeEvent
from upbit_ws_qt.rest.transport import HttpAnswer, TransportError
from upbit_ws_qt.text import Phrase
from upbit_ws_qt.wire import decode

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from upbit_ws_qt.recording.reader import Recording

__all__ = ["PlayedTransport"]

CHAPTERS_READ = 30
"""Chapters that are searched for one answer once something was found: about five minutes of the recording."""
_NEAR = 60.0
"""Seconds after the end of a candle in which trades of it may still come."""
_MOST_PLACES = 1000
_json = msgspec.json.Encoder(decimal_format="number")
_NOT_THERE = _json.encode({"error": {"name": "not_recorded", "message": "this is not in the recording"}})


class PlayedTransport:
    """Answers like the exchange's REST interface: the markets there are, and candles and trades that came on the lines.

    Candles are those that were recorded of the unit that is asked for, as they stood at the present moment. A page may
    have fewer of them than were asked for; what is before its oldest one can be asked for as usual.

    Args:
        recording: where they are.
        now: the present moment of the replay, seconds since 1970.

    Attributes:
        is_closed: whether it was closed.
    """

    def __init__(self, recording: Recording, now: Callable[[], float]) -> None:
        self._recording = recording
        self._now = now
        self._places: dict[int, float] = {}  # about where the last trade of a page was
        self.is_closed = False

    async def get(self, target: str, headers: Mapping[str, str]) -> HttpAnswer:
        """Answer a question: 404 for what is not in the recording."""
        del headers
        if self.is_closed:
            raise TransportError("closed", Phrase("the program ends"))
        place = urlsplit(target)
        asked = dict(parse_qsl(place.query))
        call = place.path.removeprefix("/v1")
        unit = _unit_of(call)
        if call == "/market/all":
            codes = self._recording.codes(self._now())
            names = [{"market": code, "korean_name": code, "english_name": code} for code in codes]
            return HttpAnswer(200, _json.encode(names))
        if call == "/trades/ticks" and "days_ago" not in asked and "to" not in asked:
            return HttpAnswer(200, _json.encode(await self._trades(asked)))
        if unit:
            return HttpAnswer(200, _json.encode(await self._candles(unit, asked)))
        return HttpAnswer(404, _NOT_THERE)

    async def close(self) -> None:
        """Answer no more; idempotent."""
        self.is_closed = True

    def abandon(self) -> None:
        """Answer no more."""
        self.is_closed = True

    async def _candles(self, unit: str, asked: Mapping[str, str]) -> list[dict[str, Any]]:
        """Read backwards from the moment until there are enough, with turns for others in between."""
        now, count = self._now(), int(asked.get("count", 1))
        to = datetime.fromisoformat(asked["to"]).timestamp() if "to" in asked else None
        until = now if to is None else min(now, to + _NEAR)
        stream = f"candle.{unit} {asked.get('market', '')}"
        found: dict[datetime, tuple[tuple[int, float], CandleEvent]] = {}
        for chapters, chapter in enumerate(self._recording.back(until, stream.__eq__), 1):
            for entries in chapter:
                for entry in entries:
                    for event in decode(entry.data):
                        if isinstance(event, CandleEvent) and (to is None or event.start.timestamp() < to):
                            # The exchange's time decides which is the newer state; of one time what came later is.
                            age = event.timestamp, entry.wall
                            if event.start not in found or found[event.start][0] <= age:
                                found[event.start] = age, event
                await asyncio.sleep(0)
            if len(found) >= count or (found and chapters >= CHAPTERS_READ):
                break
        newest_first = sorted(found, reverse=True)[:count]
        return [_as_answered(found[start][1]) for start in newest_first]

    async def _trades(self, asked: Mapping[str, str]) -> list[dict[str, Any]]:
        """Read backwards from the moment, or from the trade that was named, until there are enough."""
        now, count = self._now(), int(asked.get("count", 1))
        before = int(asked.get("cursor", 0))
        until = min(now, self._places.get(before, now)) if before else now
        stream = f"trade {asked.get('market', '')}"
        found: dict[int, TradeEvent] = {}  # newest first
        reached = not before
        for chapters, chapter in enumerate(self._recording.back(until, stream.__eq__), 1):
            parts: list[TradeEvent] = []
            for entries in chapter:
                for entry in entries:
                    parts += [event for event in decode(entry.data) if isinstance(event, TradeEvent)]
                await asyncio.sleep(0)
            for event in reversed(parts):
                if event.sequential_id == before:
                    reached = True
                elif reached:
                    found.setdefault(event.sequential_id, event)
            if len(found) >= count or (found and chapters >= CHAPTERS_READ):
                break
        page = list(found.values())[:count]
        if page:
            if len(self._places) >= _MOST_PLACES:
                self._places.clear()
            self._places[page[-1].sequential_id] = page[-1].timestamp / 1000 + _NEAR
        return [_trade_as_answered(event) for event in page]


def _unit_of(call: str) -> str:
    """Return the unit of a question for candles as the lines call it, "" for what they do not bring."""
    parts = call.strip("/").split("/")
    if parts[:2] == ["candles", "seconds"]:
        return "1s"
    return f"{parts[2]}m" if parts[:2] == ["candles", "minutes"] and len(parts) == 3 else ""


def _as_answered(event: CandleEvent) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "market": event.code,
        "candle_date_time_utc": event.candle_date_time_utc,
        "candle_date_time_kst": event.candle_date_time_kst,
        "opening_price": event.opening_price,
        "high_price": event.high_price,
        "low_price": event.low_price,
        "trade_price": event.trade_price,
        "timestamp": event.timestamp,
        "candle_acc_trade_price": event.candle_acc_trade_price,
        "candle_acc_trade_volume": event.candle_acc_trade_volume,
    }
    if event.unit.endswith("m"):
        answer["unit"] = int(event.unit[:-1])
    return answer


def _trade_as_answered(event: TradeEvent) -> dict[str, Any]:
    rises = {"RISE": 1, "FALL": -1}.get(event.change, 0)
    return {
        "market": event.code,
        "trade_date_utc": event.trade_date,
        "trade_time_utc": event.trade_time,
        "timestamp": event.trade_timestamp,
        "trade_price": event.trade_price,
        "trade_volume": event.trade_volume,
        "prev_closing_price": event.prev_closing_price,
        "change_price": event.change_price * rises,
        "ask_bid": event.ask_bid,
        "sequential_id": event.sequential_id,
    }

"""The REST calls that a reader of the stream needs beside it (P12)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from upbit_ws_qt.doctor.questions import check

if TYPE_CHECKING:
    from upbit_ws_qt.doctor.examination import Examination

_REMAINING = re.compile(r"group=\S+?; min=\d+; sec=\d+")
_TICKER = (
    "market trade_date trade_time trade_date_kst trade_time_kst trade_timestamp opening_price high_price low_price "
    "trade_price prev_closing_price change change_price change_rate signed_change_price signed_change_rate "
    "trade_volume acc_trade_price acc_trade_price_24h acc_trade_volume acc_trade_volume_24h highest_52_week_price "
    "highest_52_week_date lowest_52_week_price lowest_52_week_date timestamp"
)


@check("P12.1", "P12.2")
async def get_markets(exam: Examination) -> None:
    """The list of markets."""
    try:
        answer = await exam.get("/v1/market/all")
    except OSError as error:
        exam.unchecked("P12.1", f"no answer: {error}")
        exam.unchecked("P12.2", f"no answer: {error}")
        return
    rows = answer.value if isinstance(answer.value, list) else []
    names = {"market", "korean_name", "english_name"}
    whole = bool(rows) and all(isinstance(row, dict) and names <= row.keys() for row in rows)
    exam.judge("P12.1", whole, f"HTTP {answer.status}, {len(rows)} pairs")
    told = answer.headers.get("remaining-req", "")
    exam.judge("P12.2", _REMAINING.fullmatch(told), told or "no such header")


@check("P12.3")
async def get_ticker(exam: Examination) -> None:
    """One ticker."""
    rows = await _rows(exam, "P12.3", "/v1/ticker", markets=exam.code)
    if rows:
        missing = [name for name in _TICKER.split() if name not in rows[0]]
        texts = [
            name
            for name, value in rows[0].items()
            if isinstance(value, str) and not name.startswith("trade_") and name.endswith(("price", "rate", "volume"))
        ]
        problems = [f"missing: {', '.join(missing)}"] * bool(missing) + [f"text: {', '.join(texts)}"] * bool(texts)
        exam.judge("P12.3", not problems, "; ".join(problems) or f"{len(rows[0])} fields")


@check("P12.4")
async def get_candles(exam: Examination) -> None:
    """Some candles, then those before the oldest of them."""
    path = "/v1/candles/minutes/1"
    rows = await _rows(exam, "P12.4", path, market=exam.code, count="5")
    if not rows:
        return
    starts = [str(row.get("candle_date_time_utc")) for row in rows]
    older = await _rows(exam, "P12.4", path, market=exam.code, count="1", to=f"{starts[-1]}Z")
    if not older:
        return
    before = str(older[0].get("candle_date_time_utc"))
    right = starts == sorted(starts, reverse=True) and before < starts[-1]
    exam.judge("P12.4", right, f"{starts[0]} … {starts[-1]}; to={starts[-1]}Z gives {before}")


@check("P12.5")
async def get_instruments(exam: Examination) -> None:
    """Tick size and groupings of one order book."""
    rows = await _rows(exam, "P12.5", "/v1/orderbook/instruments", markets=exam.code)
    if rows:
        step, levels = rows[0].get("tick_size"), rows[0].get("supported_levels")
        right = isinstance(step, str) and isinstance(levels, list) and all(isinstance(each, str) for each in levels)
        exam.judge("P12.5", right, f"tick_size {step!r}, supported_levels {levels!r}")


@check("P12.6")
async def get_unknown_pair(exam: Examination) -> None:
    """A pair that does not exist."""
    try:
        answer = await exam.get("/v1/ticker", markets=f"{exam.target.quote}-NOSUCHCOIN")
    except OSError as error:
        exam.unchecked("P12.6", f"no answer: {error}")
        return
    error_body = answer.value.get("error") if isinstance(answer.value, dict) else None
    shaped = isinstance(error_body, dict) and {"name", "message"} <= error_body.keys()
    exam.judge("P12.6", answer.status == 404 and shaped, f"HTTP {answer.status}: {error_body}")


async def _rows(exam: Examination, number: str, path: str, **query: str) -> list[dict[str, object]]:
    try:
        answer = await exam.get(path, **query)
    except OSError as error:
        exam.unchecked(number, f"no answer: {error}")
        return []
    if answer.status == 404 and not isinstance(answer.value, list):
        exam.broken(number, f"HTTP 404 for {path}")
        return []
    rows = [row for row in answer.value if isinstance(row, dict)] if isinstance(answer.value, list) else []
    if not rows:
        exam.broken(number, f"HTTP {answer.status}, no rows")
    return rows

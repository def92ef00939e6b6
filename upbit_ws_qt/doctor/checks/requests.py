"""How a request may be spelt and what it may ask for (P3)."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from upbit_ws_qt.doctor.checks.refusals import told
from upbit_ws_qt.doctor.questions import check

if TYPE_CHECKING:
    from upbit_ws_qt.doctor.examination import Examination
    from upbit_ws_qt.doctor.line import Line

UNITS = ("1s", "1m", "3m", "5m", "10m", "15m", "30m", "60m", "240m")
# Asked for, and what comes then.
_DEPTHS = ((".1", 1), (".5", 5), (".15", 15), (".30", 30), (".7", 30), ("", 30))


def error_of(line: Line) -> str:
    """Return the name of the error that came, "" where none did."""
    found = line.error()
    return str(found[1].get("name")) if found else ""


@check("P3.9")
async def ask_type_twice(exam: Examination) -> None:
    """The same type in two objects."""
    async with exam.line() as line:
        codes = (exam.code, exam.second_code)
        start = await line.request(*({"type": "ticker", "codes": [code]} for code in codes))
        came = await line.until(lambda: all(line.count(start, code=code) for code in codes), exam.waits.patience)
        exam.judge("P3.9", came, "both are served" if came else error_of(line) or "only one of them is served")


@check("P3.10")
async def ask_with_format_second(exam: Examination) -> None:
    """The format in second place."""
    wish = {"type": "ticker", "codes": [exam.code]}
    async with exam.line() as line:
        await line.send(json.dumps([{"ticket": "doctor"}, {"format": "SIMPLE"}, wish]))
        await line.until(line.count, exam.waits.patience)
        message = next(line.messages(), None)
        seen = error_of(line) or ("nothing came" if message is None else f"keys such as {', '.join(list(message)[:3])}")
        exam.judge("P3.10", message is not None and "ty" in message, seen)


@check("P3.11")
async def ask_without_format(exam: Examination) -> None:
    """No format at all."""
    async with exam.line() as line:
        await line.request({"type": "ticker", "codes": [exam.code]}, format=None)
        await line.until(line.count, exam.waits.patience)
        frame = next((frame for frame in line.frames if "ticker" in frame.text), None)
        plain = frame is not None and isinstance(frame.value, dict) and "type" in frame.value
        exam.judge("P3.11", plain, error_of(line) or (frame.text[:60] if frame else "nothing came"))


@check("P3.12")
async def ask_in_camel_case(exam: Examination) -> None:
    """The older spelling of the flags beside the newer one: both have to mean the same."""
    codes = (exam.code, exam.second_code)
    async with exam.line() as line:
        await line.request(
            {"type": "ticker", "codes": [codes[0]], "isOnlySnapshot": True},
            {"type": "ticker", "codes": [codes[1]], "is_only_snapshot": True},
            {"type": "orderbook", "codes": [codes[0]], "isOnlyRealtime": True},
            {"type": "orderbook", "codes": [codes[1]], "is_only_realtime": True},
        )
        streams = [(type_, code) for type_ in ("ticker", "orderbook") for code in codes]
        await line.until(lambda: all(line.count(type_=t, code=c) for t, c in streams), exam.waits.patience)
        await line.rest(exam.waits.quiet)
        kinds = [{m.get("stream_type") for m in line.messages(type_=t, code=c)} for t, c in streams]
        old, new = (kinds[0], kinds[2]), (kinds[1], kinds[3])
        if new != ({"SNAPSHOT"}, {"REALTIME"}) and not line.error():
            exam.unchecked("P3.12", "the newer spelling does not do what it should")
            return
        seen = error_of(line) or f"isOnlySnapshot: {_words(old[0])}; isOnlyRealtime: {_words(old[1])}"
        exam.judge("P3.12", old == new, seen)


@check("P3.14")
async def ask_unknown_code(exam: Examination) -> None:
    """Codes that do not exist beside one that does."""
    strange = (f"{exam.target.quote}-NOSUCHCOIN", exam.code.lower())
    async with exam.line() as line:
        await line.request({"type": "ticker", "codes": [strange[0], exam.code, strange[1]]})
        came = await line.until(lambda: line.count(code=exam.code), exam.waits.patience)
        await line.rest(exam.waits.quiet)
        error = error_of(line)
        odd = sorted({str(message.get("code")) for message in line.messages()} - {exam.code})
        seen = (
            f"error {error}"
            if error
            else f"data for {', '.join(odd)}"
            if odd
            else f"{exam.code} flows, the others are silent"
        )
        exam.judge("P3.14", came and not error and not odd, seen if came or error else "the known code is silent too")


@check("P3.15")
async def ask_all_candles(exam: Examination) -> None:
    """Each unit of candles."""
    types = [f"candle.{unit}" for unit in UNITS]
    async with exam.line() as line:
        await line.request(*({"type": type_, "codes": [exam.code]} for type_ in types))
        await line.until(lambda: all(line.count(type_=type_) for type_ in types), exam.waits.patience)
        missing = [type_ for type_ in types if not line.count(type_=type_)]
        exam.judge("P3.15", not missing, error_of(line) or (f"silent: {', '.join(missing)}" if missing else "all nine"))


@check("P3.16")
async def ask_depths(exam: Examination) -> None:
    """Each depth of order books, on another market each."""
    codes = exam.markets.codes[: len(_DEPTHS)]
    async with exam.line() as line:
        asked = [code + suffix for code, (suffix, _) in zip(codes, _DEPTHS, strict=True)]
        await line.request({"type": "orderbook", "codes": asked})
        await line.until(lambda: all(line.count(code=code) for code in codes), exam.waits.patience)
        error = error_of(line)
        wrong = []
        for code, (suffix, depth) in zip(codes, _DEPTHS, strict=True):
            found = {len(message.get("orderbook_units", ())) for message in line.messages(code=code)}
            if found != {depth}:
                wrong.append(
                    f"{code}{suffix}: {_words(found)} levels" if found else f"{code}{suffix}: no data as {code}"
                )
        exam.judge("P3.16", not wrong and not error, error or "; ".join(wrong) or "1, 5, 15 and 30; 30 for .7 and none")


@check("P3.17", "P3.18")
async def ask_levels(exam: Examination) -> None:
    """A grouping that exists, and one that does not."""
    levels = [text for text in exam.markets.levels.get(exam.code, ()) if Decimal(text)]
    if not exam.applies("P3.17"):
        return
    if not levels:
        exam.unchecked("P3.17", f"no grouping of {exam.code} is known")
    else:
        await _ask_known_level(exam, levels[0])
    if exam.is_broken("P3.17"):
        exam.unchecked("P3.18", "a supported level is not served as it should be")
        return
    async with exam.line() as line:
        await line.request(
            {"type": "orderbook", "codes": [exam.code], "level": 7}, {"type": "ticker", "codes": [exam.code]}
        )
        await line.until(lambda: line.count(type_="ticker") or line.error(), exam.waits.patience)
        await line.rest(exam.waits.quiet)
        error, books = error_of(line), line.count(type_="orderbook")
        exam.judge("P3.18", not error and not books, error or f"{books} books of level 7")


async def _ask_known_level(exam: Examination, level: str) -> None:
    async with exam.line() as line:
        await line.request({"type": "orderbook", "codes": [exam.code], "level": _number(level)})
        await line.until(lambda: line.count(type_="orderbook") or line.error(), exam.waits.patience)
        book = next(line.messages(type_="orderbook"), None)
        if book is None:
            exam.broken("P3.17", error_of(line) or f"no book of level {level}")
            return
        step = Decimal(level)
        prices = [unit[side] for unit in book.get("orderbook_units", ()) for side in ("ask_price", "bid_price")]
        odd = [price for price in prices if Decimal(str(price)) % step]
        told_level = book.get("level")
        same = told_level is not None and Decimal(str(told_level)) == step
        seen = f"asked for {level}; the book says {told_level}, {len(odd)} of {len(prices)} prices are no multiples"
        exam.judge("P3.17", same and not odd, seen)


def _number(text: str) -> int | float:
    value = Decimal(text)
    return int(value) if value == value.to_integral_value() else float(value)


@check("P3.20")
async def ask_every_market(exam: Examination) -> None:
    """All markets of the region in one request."""
    codes = exam.markets.codes + exam.markets.others
    async with exam.line() as line:
        start = await line.request({"type": "ticker", "codes": codes, "is_only_snapshot": True})
        seen: set[Any] = set()

        def all_came() -> bool:
            nonlocal start
            seen.update(message.get("code") for message in line.messages(start))
            start = len(line.frames)
            return len(seen) >= len(codes)

        await line.until(all_came, exam.waits.patience)
        # A market may be taken down between the list and the question.
        enough = len(seen) >= 0.98 * len(codes)
        exam.judge("P3.20", enough, error_of(line) or f"{len(seen)} of {len(codes)} markets answered one request")


@check("P3.8", needs="key")
async def ask_orders_of_every_market(exam: Examination) -> None:
    """`myOrder` without codes, and with none of them."""
    async with exam.line("private") as line:
        for wish in ({"type": "myOrder"}, {"type": "myOrder", "codes": []}):
            await line.request(wish)
            listed = await line.listing(exam.waits.patience)
            error = line.error()
            if error is not None and error[1].get("name") == "INVALID_AUTH":
                exam.unchecked("P3.8", "the key may not view orders")
                return
            if error is not None or listed is None:
                answer = await line.answer(exam.waits.close, exam.waits.close)
                exam.broken("P3.8", f"{json.dumps(wish)}: {told(answer)}")
                return
    exam.holds("P3.8", "both are taken")


def _words(values: set[Any]) -> str:
    return " and ".join(sorted(map(str, values))) or "nothing"

"""What flows: types, fields, spellings, ids and times of the public messages, in all formats (P1, P4, P9)."""

from __future__ import annotations

import re
import time
from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from upbit_ws_qt.doctor.fields import FIELDS, fields_of, short_names
from upbit_ws_qt.doctor.questions import check

if TYPE_CHECKING:
    from upbit_ws_qt.doctor.examination import Examination
    from upbit_ws_qt.doctor.line import Line

TYPES = ("ticker", "trade", "orderbook", "candle.1m")
_FIELD_STATEMENTS = {"ticker": "P9.2", "trade": "P9.3", "orderbook": "P9.4", "candle.1m": "P9.5"}
# Of Indonesia it is known that order books say nothing of a grouping (P11.4).
_LEFT_OUT = {("id", "orderbook"): frozenset({"level"})}
_DATES = {"ticker": (r"\d{8}", r"\d{6}"), "trade": (r"\d{4}-\d\d-\d\d", r"\d\d:\d\d:\d\d")}
_MILLISECONDS = (1_500_000_000_000, 10_000_000_000_000)


@check(
    "P1.1", "P1.5", "P1.7", "P3.19", "P4.3", "P9.1", "P9.2", "P9.3", "P9.4", "P9.5", "P9.8", "P9.9", "P9.10", "P9.12",
    "P9.14", "P9.15", "P9.16", "P9.17",
)  # fmt: skip
async def watch(exam: Examination) -> None:
    """Two busy markets in all types, for some seconds."""
    codes = exam.markets.codes[:2]
    pairs = [(type_, code) for type_ in TYPES for code in codes]
    async with exam.line() as line:
        version = line.tls_version
        if version is None:
            exam.unchecked("P1.5", "this line has no TLS, which only an exchange on this machine may do without")
        else:
            exam.judge("P1.5", version in ("TLSv1.2", "TLSv1.3"), version)
        await line.request(*({"type": type_, "codes": codes} for type_ in TYPES))

        def all_came() -> bool:
            counts = _stream_types(line)
            busiest = all((type_, codes[0], "REALTIME") in counts for type_ in TYPES)
            return line.error() is not None or (busiest and all(_any(counts, *pair) for pair in pairs))

        await line.until(all_came, exam.waits.patience)
        began = exam_time()
        await line.rest(exam.waits.watch)
        _judge_arrival(exam, line, pairs)
        _judge_candle_rate(exam, line, codes[0], began)
        for type_ in TYPES:
            _judge_fields(exam, type_, list(line.messages(type_=type_)))
        _judge_values(exam, line)
        _judge_trades(exam, line)
        _judge_times(exam, line)


def exam_time() -> float:
    """Return the loop's clock, on which frames are stamped."""
    import asyncio

    return asyncio.get_running_loop().time()


def _stream_types(line: Line) -> Counter[tuple[Any, Any, Any]]:
    return Counter((m.get("type"), m.get("code"), m.get("stream_type")) for m in line.messages())


def _any(counts: Counter[tuple[Any, Any, Any]], type_: str, code: str) -> bool:
    return any(key[:2] == (type_, code) for key in counts)


def _judge_arrival(exam: Examination, line: Line, pairs: list[tuple[str, str]]) -> None:
    counts = _stream_types(line)
    silent = [f"{type_} {code}" for type_, code in pairs if not _any(counts, type_, code)]
    silent_types = [type_ for type_ in TYPES if not line.count(type_=type_)]
    exam.judge("P1.1", not silent_types, f"silent: {', '.join(silent_types)}" if silent_types else ", ".join(TYPES))
    if not line.frames:
        return
    as_text = sum(frame.as_text for frame in line.frames)
    no_json = sum(frame.value is None for frame in line.frames)
    kind = "binary" if not as_text else "text" if as_text == len(line.frames) else "binary and text"
    exam.judge("P1.7", not no_json, f"{len(line.frames)} {kind} frames, {no_json} of them no JSON")
    first = line.frames[0].messages
    acknowledged = not first or "type" not in first[0]
    exam.judge("P3.19", not acknowledged, f"first came: {line.frames[0].text[:60]}")
    wrong = [
        f"{counts[type_, code, 'SNAPSHOT']} snapshots of {type_} {code}"
        for type_, code in pairs
        if counts[type_, code, "SNAPSHOT"] != 1
    ]
    live = sum(number for (_, _, stream_type), number in counts.items() if stream_type == "REALTIME")
    wrong += [f"nothing of {name}" for name in silent]
    seen = "; ".join(wrong[:4]) or f"one of each of {len(pairs)}, then {live} REALTIME"
    exam.judge("P4.3", not wrong and live, seen)
    odd = {str(stream_type) for _, _, stream_type in counts if stream_type not in ("SNAPSHOT", "REALTIME")}
    exam.judge("P9.16", not odd, f"also {', '.join(sorted(odd))}" if odd else f"in {sum(counts.values())} messages")


def _judge_candle_rate(exam: Examination, line: Line, code: str, began: float) -> None:
    times = [
        frame.at
        for frame in line.frames
        for message in frame.messages
        if frame.at >= began and message.get("type") == "candle.1m" and message.get("code") == code
    ]
    seconds = exam_time() - began
    # Two more than seconds: the first and the last of them are not whole ones.
    exam.judge("P9.12", len(times) <= seconds + 2, f"{len(times)} messages of one candle in {seconds:.1f} s")


def _judge_fields(exam: Examination, type_: str, messages: list[dict[str, Any]]) -> None:
    number = _FIELD_STATEMENTS[type_]
    if not messages:
        exam.unchecked(number, f"no {type_} came")
        return
    problems, new = missing_fields(exam, type_, messages)
    left_out = _LEFT_OUT.get((exam.target.region, type_), frozenset())
    seen = "; ".join(problems) or f"all of {len(fields_of(type_)) - len(left_out)}"
    exam.judge(number, not problems, seen + (f"; new: {', '.join(sorted(new))}" if new else ""))


def missing_fields(
    exam: Examination, type_: str, messages: list[dict[str, Any]], *, simple: bool = False
) -> tuple[list[str], set[str]]:
    """Return what documented fields are missing, and the fields that are new."""
    left_out = _LEFT_OUT.get((exam.target.region, type_), frozenset())
    documented = {field.short if simple else field.name: field for field in fields_of(type_)}
    needed = {key for key, field in documented.items() if not field.optional and field.name not in left_out}
    missing: set[str] = set()
    new: set[str] = set()
    for message in messages:
        missing |= needed - message.keys()
        new |= message.keys() - documented.keys()
        if type_ == "orderbook":
            missing |= _missing_in_units(message, simple=simple)
    return ([f"missing: {', '.join(sorted(missing))}"] if missing else []), new


def _missing_in_units(message: dict[str, Any], *, simple: bool) -> set[str]:
    needed = {field.short if simple else field.name for field in FIELDS["orderbook_units"]}
    units = message.get("obu" if simple else "orderbook_units")
    rows = units if isinstance(units, list) else []
    return {key for unit in rows if isinstance(unit, dict) for key in needed - unit.keys()}


def _judge_values(exam: Examination, line: Line) -> None:
    texts: set[str] = set()
    strange: set[str] = set()
    depths: set[int] = set()
    numbers = 0
    for message in line.messages():
        type_ = str(message["type"])
        for field in fields_of(type_):
            value = message.get(field.name)
            if field.is_number and value is not None:
                numbers += 1
                if isinstance(value, bool) or not isinstance(value, int | Decimal):
                    texts.add(f"{field.name} {value!r}")
            elif field.values and value is not None and value not in field.values:
                strange.add(f"{field.name} {value!r}")
        if type_ == "orderbook":
            units = message.get("orderbook_units", [])
            depths.add(len(units))
            texts |= {f"{name} {value!r}" for unit in units for name, value in unit.items() if isinstance(value, str)}
    exam.judge("P9.1", not texts, ", ".join(sorted(texts)[:4]) or f"{numbers} numbers")
    exam.judge("P9.17", not strange, ", ".join(sorted(strange)[:4]) or "only documented values")
    if depths:
        exam.judge("P9.10", depths == {30}, f"books of {', '.join(map(str, sorted(depths)))} levels")
    _judge_dates(exam, line)


def _judge_dates(exam: Examination, line: Line) -> None:
    wrong: set[str] = set()
    seen = 0
    for type_, (date, clock) in _DATES.items():
        for message in line.messages(type_=type_):
            seen += 1
            day, hour = str(message.get("trade_date")), str(message.get("trade_time"))
            if not (re.fullmatch(date, day) and re.fullmatch(clock, hour)):
                wrong.add(f"{type_}: {day} {hour}")
            elif _digits(day + hour) != _utc(message.get("trade_timestamp")):
                wrong.add(f"{type_}: {day} {hour} is not UTC of {message.get('trade_timestamp')}")
    if seen:
        exam.judge("P9.8", not wrong, "; ".join(sorted(wrong)[:3]) or f"{seen} dates and times")


def _digits(text: str) -> str:
    return re.sub(r"\D", "", text)


def _utc(milliseconds: Any) -> str:
    if not isinstance(milliseconds, int) or not _MILLISECONDS[0] < milliseconds < _MILLISECONDS[1]:
        return ""
    return time.strftime("%Y%m%d%H%M%S", time.gmtime(milliseconds / 1000))


def _judge_trades(exam: Examination, line: Line) -> None:
    ids = Counter(
        (message.get("code"), message.get("sequential_id"))
        for message in line.messages(type_="trade")
        if message.get("stream_type") == "REALTIME"
    )
    if not ids:
        exam.unchecked("P9.9", "there was no trade")
        return
    twice = [str(number) for (_, number), times in ids.items() if times > 1]
    exam.judge("P9.9", not twice, f"twice: {', '.join(twice[:3])}" if twice else f"{len(ids)} trades, {len(ids)} ids")


def _judge_times(exam: Examination, line: Line) -> None:
    wrong: set[str] = set()
    oldest, times = 0, 0
    for message in line.messages():
        for name in ("timestamp", "trade_timestamp"):
            value = message.get(name)
            if value is None:
                continue
            times += 1
            if not isinstance(value, int) or not _MILLISECONDS[0] < value < _MILLISECONDS[1]:
                wrong.add(f"{message.get('type')} {name} {value}")
        stamp = message.get("timestamp")
        if message.get("stream_type") == "SNAPSHOT" and isinstance(stamp, int):
            oldest = max(oldest, int(time.time() * 1000) - stamp)
    if times:
        exam.judge("P9.15", not wrong, ", ".join(sorted(wrong)[:3]) or f"{times} times")
        exam.holds("P9.14", f"the oldest snapshot was {oldest / 1000:.1f} s old in the end")


@check("P9.6", "P9.7")
async def watch_formats(exam: Examination) -> None:
    """One market in all types, in the three other formats."""
    problems: list[str] = []
    unwrapped: list[str] = []
    messages = lists = 0
    for format_ in ("SIMPLE", "JSON_LIST", "SIMPLE_LIST"):
        simple = format_.startswith("SIMPLE")
        async with exam.line() as line:
            await line.request(*({"type": type_, "codes": [exam.code]} for type_ in TYPES), format=format_)
            await line.until(
                lambda line=line: line.error() or all(line.count(type_=type_) for type_ in TYPES),  # type: ignore[misc]
                exam.waits.patience,
            )
            for frame in line.frames:
                wrapped = isinstance(frame.value, list)
                if format_.endswith("LIST"):
                    lists += 1
                if wrapped is not format_.endswith("LIST") or (wrapped and len(frame.value) != 1):
                    unwrapped.append(f"{format_}: {frame.text[:40]}")
            for type_ in TYPES:
                found = [m for m in line.messages(type_=type_) if ("ty" in m) is simple]
                messages += len(found) if simple else 0
                if simple and found:
                    missing, new = missing_fields(exam, type_, found, simple=True)
                    # Where a known key is missing, an unknown one in its place is worth telling.
                    problems += [f"{type_} {each}; unknown: {', '.join(sorted(new)) or 'none'}" for each in missing]
                elif simple:
                    problems.append(f"no {type_} with short keys in {format_}")
    exam.judge("P9.6", not problems, "; ".join(problems[:3]) or f"{messages} messages with {_short_keys()} short keys")
    exam.judge("P9.7", not unwrapped, "; ".join(unwrapped[:2]) or f"{lists} arrays of one")


def _short_keys() -> int:
    return len({key for type_ in TYPES for key in short_names(type_)})


@check("P9.13")
async def watch_quiet_candle(exam: Examination) -> None:
    """The candle of the last market of the list, which may be a quiet one."""
    code = exam.markets.codes[-1]
    async with exam.line() as line:
        await line.request({"type": "candle.1s", "codes": [code], "is_only_snapshot": True})
        came = await line.until(lambda: line.count(), exam.waits.patience)
        candle = next(line.messages(), None)
        seen = "none" if candle is None else f"the candle of {candle.get('candle_date_time_utc')}"
        exam.judge("P9.13", came, f"{code}: {seen}")


@check("P1.6")
async def watch_compression(exam: Examination) -> None:
    """With and without an offer to compress."""
    agreed: dict[bool, str] = {}
    for offered in (False, True):
        async with exam.line(compression=offered) as line:
            agreed[offered] = line.headers.get("sec-websocket-extensions", "")
            await line.request({"type": "ticker", "codes": [exam.code]})
            await line.until(lambda line=line: line.frames, exam.waits.patience)  # type: ignore[misc]
    seen = f"offered: {agreed[True] or 'nothing agreed'}; not offered: {agreed[False] or 'nothing agreed'}"
    exam.judge("P1.6", "permessage-deflate" in agreed[True] and not agreed[False], seen)

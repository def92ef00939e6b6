"""What a line is subscribed to after one request, and after the next (P3.3, P4)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from upbit_ws_qt.doctor.checks.requests import error_of
from upbit_ws_qt.doctor.questions import check

if TYPE_CHECKING:
    from upbit_ws_qt.doctor.examination import Examination

_RESIDUE = 2  # messages of a dropped stream that may still come
_ENOUGH = 6  # messages that tell how often others come


@check("P4.1", "P4.2", "P3.3")
async def replace(exam: Examination) -> None:
    """Two requests with the same ticket, then two with different ones."""
    late = await _late_messages(exam, "doctor", "doctor")
    if late is None:
        return
    total, in_the_end = late
    if not exam.judge("P4.1", not in_the_end, f"{in_the_end} messages of what was subscribed before still came later"):
        exam.unchecked("P4.2", "what was subscribed before goes on")
        exam.unchecked("P3.3", "what was subscribed before goes on, whatever the ticket")
        return
    exam.judge("P4.2", total <= _RESIDUE, f"{total} messages")
    other = await _late_messages(exam, "doctor", "another")
    if other is not None:
        exam.judge("P3.3", not other[1], f"{other[1]} messages of what another ticket had asked for still came later")


async def _late_messages(exam: Examination, first_ticket: str, second_ticket: str) -> tuple[int, int] | None:
    """Subscribe to one thing, then to another, and look what still comes of the first.

    Returns:
        How many messages came after the second one began, and how many of them after the time in which some may;
        None where it was too quiet to tell.
    """
    busy, other = exam.code, exam.second_code
    loop = asyncio.get_running_loop()
    async with exam.line() as line:
        await line.request(
            {"type": "orderbook", "codes": [busy]}, {"type": "trade", "codes": [busy]}, ticket=first_ticket
        )
        began = loop.time()
        if not await line.until(lambda: line.count() >= _ENOUGH, exam.waits.patience):
            return None
        took = loop.time() - began
        start = await line.request({"type": "ticker", "codes": [other]}, ticket=second_ticket)
        if not await line.until(lambda: line.count(start, type_="ticker"), exam.waits.patience):
            return None
        switched = next(
            index
            for index, frame in enumerate(line.frames)
            if index >= start and any(message.get("type") == "ticker" for message in frame.messages)
        )
        await line.rest(exam.waits.quiet)
        settled = len(line.frames)
        # As long as it took for so many to come before, so that as many would have come.
        await line.rest(max(exam.waits.quiet, took))
        return line.count(switched, code=busy), line.count(settled, code=busy)


@check("P4.4")
async def only_snapshots(exam: Examination) -> None:
    """Snapshots and nothing more."""
    types = ("ticker", "trade", "orderbook", "candle.1m")
    async with exam.line() as line:
        await line.request(*({"type": type_, "codes": [exam.code], "is_only_snapshot": True} for type_ in types))
        await line.until(lambda: all(line.count(type_=type_) for type_ in types), exam.waits.patience)
        await line.rest(exam.waits.quiet)
        live = sum(message.get("stream_type") != "SNAPSHOT" for message in line.messages())
        counts = {type_: line.count(type_=type_) for type_ in types}
        seen = error_of(line) or f"{', '.join(f'{n} {t}' for t, n in counts.items())}; {live} of them no SNAPSHOT"
        exam.judge("P4.4", set(counts.values()) == {1} and not live, seen)


@check("P4.5")
async def only_realtime(exam: Examination) -> None:
    """No snapshot."""
    types = ("ticker", "trade", "orderbook")
    async with exam.line() as line:
        await line.request(*({"type": type_, "codes": [exam.code], "is_only_realtime": True} for type_ in types))
        await line.until(lambda: line.count() >= _ENOUGH, exam.waits.patience)
        await line.rest(exam.waits.quiet)
        snapshots = sum(message.get("stream_type") == "SNAPSHOT" for message in line.messages())
        seen = error_of(line) or f"{line.count()} messages, {snapshots} of them a SNAPSHOT"
        exam.judge("P4.5", line.count() and not snapshots, seen)


@check("P4.7")
async def subscribe_again(exam: Examination) -> None:
    """The same request twice on one line."""
    async with exam.line() as line:
        wish = {"type": "trade", "codes": [exam.code]}
        await line.request(wish)
        await line.until(lambda: line.count() >= _ENOUGH, exam.waits.patience)
        start = await line.request(wish)

        def again() -> list[dict[str, object]]:
            return [message for message in line.messages(start) if message.get("stream_type") == "SNAPSHOT"]

        if not any(message.get("stream_type") == "SNAPSHOT" for message in line.messages()):
            exam.unchecked("P4.7", "there was no SNAPSHOT the first time either")
            return
        if not await line.until(again, exam.waits.patience):
            exam.broken("P4.7", error_of(line) or "no SNAPSHOT came")
            return
        repeated = again()[0]
        before = [m for m in line.messages() if m is not repeated]
        known = any(m.get("sequential_id") == repeated.get("sequential_id") for m in before)
        newest = max((m.get("timestamp", 0) for m in before), default=0)
        newer = repeated.get("timestamp", 0) >= newest  # type: ignore[operator]
        seen = "the last trade once more" if known else "a trade of the moment" if newer else "another, older trade"
        exam.judge("P4.7", known or newer, seen)

"""Limits: what a handshake tells of them, and, on this machine only, what happens beyond them (P8)."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from typing import TYPE_CHECKING, Any

from upbit_ws_qt.doctor.line import DialRefusedError
from upbit_ws_qt.doctor.questions import check

if TYPE_CHECKING:
    from upbit_ws_qt.doctor.examination import Examination
    from upbit_ws_qt.doctor.line import Line

_WITHIN = "an examination stays within the limits"
_WINDOW = 1.2  # seconds, a little more than those in which connects are counted
_REMAINING = re.compile(r"group=\S+; min=\d+; sec=\d+")
_LIST = json.dumps([{"ticket": "doctor"}, {"method": "LIST_SUBSCRIPTIONS"}, {"format": "DEFAULT"}])


@check("P8.6")
async def look_at_handshake(exam: Examination) -> None:
    """The headers of a handshake."""
    async with exam.line() as line:
        told = line.headers.get("remaining-req")
        exam.judge("P8.6", told is not None and _REMAINING.fullmatch(told), told or "no such header")


@check("P8.2", "P5.5", stage=3)
async def send_too_much(exam: Examination) -> None:
    """One message more than fits into a second, two of them questions."""
    if not exam.expected.exceed:
        exam.unchecked("P8.2", _WITHIN)
        exam.unchecked("P5.5", _WITHIN)
        return
    limit = exam.expected.messages_per_second
    async with exam.line() as line:
        for index in range(limit + 1):
            await line.send_at_once(_LIST if index < 2 else _request(exam))
        if await _is_refused(exam, line):
            exam.holds("P8.2", f"message {limit + 1} of one second: TOO_MANY_REQUEST")
            exam.holds("P5.5", f"of {limit + 1} messages two were questions")
            return
    async with exam.line() as line:  # of its own, so that nothing counts but these
        for _ in range(limit + 1):
            await line.send_at_once(_request(exam))
        if await _is_refused(exam, line):
            exam.holds("P8.2", "TOO_MANY_REQUEST")
            exam.broken("P5.5", "questions are not counted")
        else:
            exam.broken("P8.2", f"{limit + 1} messages at once were taken")
            exam.unchecked("P5.5", "messages are not counted at all")


def _request(exam: Examination) -> str:
    wish = {"type": "ticker", "codes": [exam.code], "is_only_snapshot": True}
    return json.dumps([{"ticket": "doctor"}, wish, {"format": "DEFAULT"}])


async def _is_refused(exam: Examination, line: Line) -> bool:
    answer = await line.answer(exam.waits.close * 3, exam.waits.close)
    exam.note_refusal(line, answer)
    return answer.error == "TOO_MANY_REQUEST"


@check("P8.3", stage=4)
async def send_too_much_in_a_minute(exam: Examination) -> None:
    """One message more than fits into a minute, at a pace that fits into each second."""
    if not exam.expected.exceed:
        exam.unchecked("P8.3", _WITHIN)
        return
    expected = exam.expected
    limit = expected.messages_per_minute
    step = 1.1 / expected.messages_per_second
    async with exam.line() as line:
        for _ in range(limit):
            await line.send_at_once(_request(exam))
            await line.rest(step)
        early = line.error()
        await line.send_at_once(_request(exam))
        refused = await _is_refused(exam, line)
        short = "" if limit == 100 else f" (it is set to {limit} a minute here)"
        exam.judge(
            "P8.3", refused and early is None, f"message {limit + 1}: {'refused' if refused else 'taken'}{short}"
        )


@check("P8.1", stage=2)
async def connect_too_often(exam: Examination) -> None:
    """One connect more than fits into a second."""
    if not exam.expected.exceed:
        exam.unchecked("P8.1", _WITHIN)
        return
    await asyncio.sleep(_WINDOW)  # what was opened before does not count any more
    await _connect_too_often(exam, exam.expected.connects_per_second)
    await asyncio.sleep(_WINDOW)  # nor does this for what is opened afterwards


async def _connect_too_often(exam: Examination, limit: int) -> None:
    loop = asyncio.get_running_loop()
    async with contextlib.AsyncExitStack() as lines:
        opened = 0
        began = loop.time()
        try:
            for _ in range(limit + 1):
                await lines.enter_async_context(exam.line(at_once=True))
                opened += 1
        except DialRefusedError as error:
            right = error.status == 429 and opened == limit
            exam.judge("P8.1", right, f"connect {opened + 1} of one second: HTTP {error.status}")
            return
    took = loop.time() - began
    if took < 1.0:
        exam.broken("P8.1", f"{limit + 1} connects at once were taken")
    else:
        exam.unchecked(
            "P8.1", f"this machine took {took:.1f} s for {limit + 1} connects, which are too slow to be too many"
        )


@check("P8.7", needs="key", stage=2)
async def ask_too_many_combinations(exam: Examination) -> None:
    """101 combinations of markets and indicators."""
    if not exam.expected.exceed:
        exam.unchecked("P8.7", _WITHIN)
        return
    codes = [f"KRW-X{number}" for number in range(101)]
    wish: dict[str, Any] = {"type": "indicator", "codes": codes, "timeframe": "5m"}
    wish["indicators"] = [{"type": "rsi", "params": {"period": 14}}]
    answer, _ = await exam.refused("info", [{"ticket": "doctor"}, wish, {"format": "DEFAULT"}])
    exam.judge("P8.7", answer.error == "TOO_MANY_REQUEST", answer.error or "taken")

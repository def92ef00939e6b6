"""The account's streams, read only: what is listed, that nothing comes by itself, and what comes (P1.2, P4.6, P9)."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

from upbit_ws_qt.doctor.checks.streams import missing_fields
from upbit_ws_qt.doctor.questions import check

if TYPE_CHECKING:
    from upbit_ws_qt.doctor.examination import Examination
    from upbit_ws_qt.doctor.line import Line


@check("P1.2", "P4.6", "P9.18", "P9.19", "P9.20", "P9.21", needs="key", waits=True)
async def listen(exam: Examination) -> None:
    """Listen to the account as long as the other questions take."""
    wanted = ["myOrder", "myAsset", *(["announcement"] if exam.target.region == "kr" else [])]
    async with exam.line("private", beside=True) as line:
        await line.request(*({"type": type_} for type_ in wanted))
        listed = await line.listing(exam.waits.patience)
        error = line.error()
        if error is not None and error[1].get("name") == "INVALID_AUTH":
            exam.unchecked("P1.2", "the key may not view orders and assets")
            return
        rows = listed.messages[0].get("result", []) if listed is not None else []
        told = sorted(str(row.get("type")) for row in rows)
        seen = f"refused: {error[1].get('name')}" if error else f"listed: {', '.join(told) or 'nothing'}"
        if not exam.judge("P1.2", told == sorted(wanted), seen) or error:
            return
        await _listen_on(exam, line)
        _judge(exam, list(line.messages()))


async def _listen_on(exam: Examination, line: Line) -> None:
    await line.rest(exam.waits.listen)
    every = exam.expected.idle[0] / 3 if exam.expected.idle else 15.0
    while not exam.others_done.is_set() and line.closed is None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(every):
                await exam.others_done.wait()
        await line.ping(exam.waits.patience)


def _judge(exam: Examination, messages: list[dict[str, Any]]) -> None:
    snapshots = [message for message in messages if message.get("stream_type") == "SNAPSHOT"]
    exam.judge("P4.6", not snapshots, f"{len(snapshots)} snapshots among {len(messages)} messages")
    if exam.is_broken("P4.6"):
        exam.unchecked("P9.18", "there are snapshots")
    else:
        exam.holds("P9.18", f"{len(messages)} messages, none of them a SNAPSHOT")
    for type_, number in (("myOrder", "P9.19"), ("myAsset", "P9.20"), ("announcement", "P9.21")):
        found = [message for message in messages if message.get("type") == type_]
        if not found:
            exam.unchecked(number, f"no {type_} came: nothing happened")
            continue
        problems, new = missing_fields(exam, type_, found)
        seen = "; ".join(problems) or f"all fields in {len(found)}"
        exam.judge(number, not problems, seen + (f"; new: {', '.join(sorted(new))}" if new else ""))

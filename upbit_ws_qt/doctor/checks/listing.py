"""LIST_SUBSCRIPTIONS (P5)."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from upbit_ws_qt.doctor.checks.requests import error_of
from upbit_ws_qt.doctor.questions import check

if TYPE_CHECKING:
    from upbit_ws_qt.doctor.examination import Examination

_SHORT = {"method": "mthd", "result": "rslt", "ticket": "tckt", "type": "ty", "codes": "cds", "level": "lv"}


@check("P5.1", "P5.2", "P5.4", "P5.6")
async def ask_listing(exam: Examination) -> None:
    """What is subscribed, in two formats."""
    codes = [exam.code, exam.second_code]
    async with exam.line() as line:
        await line.request({"type": "ticker", "codes": codes}, {"type": "orderbook", "codes": codes[:1]})
        await line.until(lambda: line.count(type_="orderbook"), exam.waits.patience)
        answer = await line.listing(exam.waits.patience, ticket="doctor's question")
        if answer is None:
            exam.broken("P5.1", error_of(line) or "no answer came")
            return
        reply = answer.messages[0]
        shaped = set(reply) == {"method", "result", "ticket"} and reply["ticket"] == "doctor's question"
        exam.judge("P5.1", shaped, f"keys {', '.join(reply)}; ticket {reply.get('ticket')!r}")
        with_level = exam.target.region == "kr"
        rows = _rows(reply.get("result"), with_level=with_level)
        wanted = {
            ("ticker", tuple(sorted(codes)), None),
            ("orderbook", (codes[0],), Decimal(0) if with_level else None),
        }
        exam.judge("P5.2", rows == wanted, answer.text[:200])
        await _ask_in_simple(exam, line, with_level=with_level)


async def _ask_in_simple(exam: Examination, line: Any, *, with_level: bool) -> None:
    answer = await line.listing(exam.waits.patience, format="SIMPLE", ticket="short")
    if answer is None:
        exam.broken("P5.6", error_of(line) or "no answer in SIMPLE came")
        return
    reply = answer.messages[0]
    keys = set(reply).union(*(row for row in reply.get("rslt", ()) if isinstance(row, dict)))
    expected = set(_SHORT.values()) - (set() if with_level else {"lv"})
    exam.judge("P5.6", keys - {"lv"} == expected - {"lv"} and expected <= keys, f"keys {', '.join(sorted(keys))}")
    start = line.frames.index(answer) + 1
    # The book of a busy market comes several times a second: two are enough to tell.
    flows = await line.until(lambda: line.count(start, type_="orderbook") >= 2, exam.waits.patience)
    shapes = {"short keys" if "ty" in message else "long keys" for message in line.messages(start)}
    # A message that was on its way may still have the old ones.
    newest = list(line.messages(start))[-1:]
    seen = f"after a question in SIMPLE: {' and '.join(sorted(shapes)) or 'nothing came'}"
    exam.judge("P5.4", flows and all("ty" in message for message in newest), seen)


def _rows(result: Any, *, with_level: bool) -> set[tuple[Any, ...]]:
    rows = set()
    for row in result if isinstance(result, list) else []:
        level = row.get("level")
        told = Decimal(str(level)) if with_level and level is not None else None
        rows.add((row.get("type"), tuple(sorted(row.get("codes") or ())), told))
    return rows

"""What differs in the other countries (P11)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from upbit_ws_qt.doctor.checks.refusals import expect, spell, told
from upbit_ws_qt.doctor.checks.requests import error_of
from upbit_ws_qt.doctor.line import DialRefusedError
from upbit_ws_qt.doctor.questions import check

if TYPE_CHECKING:
    from upbit_ws_qt.doctor.examination import Examination


@check("P11.1", needs="key")
async def knock_at_info(exam: Examination) -> None:
    """The info endpoint that should not be there."""
    try:
        async with exam.line("info") as line:
            answer = await line.answer(exam.waits.quiet, exam.waits.close)
            exam.broken("P11.1", f"it opens; {told(answer)}")
    except DialRefusedError as error:
        exam.judge("P11.1", error.status is not None, f"HTTP {error.status}" if error.status else str(error))


@check("P11.2", needs="key")
async def ask_for_announcements(exam: Examination) -> None:
    """Announcements, which should be refused."""
    answer, _ = await exam.refused("private", spell({"type": "announcement"}))
    exam.judge("P11.2", answer.error, told(answer))


@check("P11.3")
async def ask_with_level(exam: Examination) -> None:
    """Any grouping, the one that means none among them."""
    for level in (0, 10_000):
        text = spell({"type": "orderbook", "codes": [exam.code], "level": level})
        if not await expect(exam, "P11.3", "public", text, "WRONG_FORMAT"):
            return


@check("P11.4", "P11.7")
async def look_at_book(exam: Examination) -> None:
    """A book's keys, and how its prices are spelt."""
    async with exam.line() as line:
        await line.request({"type": "orderbook", "codes": [exam.code]}, {"type": "ticker", "codes": [exam.code]})
        await line.until(lambda: line.count(type_="orderbook") and line.count(type_="ticker"), exam.waits.patience)
        books = list(line.messages(type_="orderbook"))
        if not books:
            exam.unchecked("P11.4", error_of(line) or "no book came")
            return
        exam.judge("P11.4", all("level" not in book for book in books), f"keys {', '.join(books[0])}")
        prices = [frame.text for frame in line.frames if "trade_price" in frame.text]
        spelt = next((part for text in prices for part in text.split(",") if "trade_price" in part), "no price")
        exam.judge("P11.7", "E" in spelt.partition(":")[2], spelt)


@check("P11.5", "P11.6", stage=1)
async def look_at_language(exam: Examination) -> None:
    """The texts of the errors that came."""
    texts = sorted({refusal.answer.message for refusal in exam.refusals})
    if texts:
        exam.judge("P11.5", all(text.isascii() for text in texts), "; ".join(texts)[:200])

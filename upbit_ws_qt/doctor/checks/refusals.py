"""Requests that have to be refused: with which error, and what becomes of the line (P3, P7)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from upbit_ws_qt.doctor.questions import check

if TYPE_CHECKING:
    from upbit_ws_qt.doctor.examination import Examination
    from upbit_ws_qt.doctor.line import Answer

NAMES = (
    "INVALID_AUTH",
    "WRONG_FORMAT",
    "NO_TICKET",
    "NO_TYPE",
    "NO_CODES",
    "INVALID_PARAM",
    "TOO_MANY_REQUEST",
)
"""The names of errors that are documented."""

# Seconds after which the close of an error comes, as seen in each region; the way there and back belongs to it.
_CLOSE_SEEN = {"kr": (0.15, 0.18), "id": (0.603, 0.81)}
_TOLERANCE = 0.35


async def expect(exam: Examination, number: str, endpoint: str, text: str, name: str) -> bool:
    """Send a request and note whether it is refused with the error `name`."""
    answer, _ = await exam.refused(endpoint, text)
    return exam.judge(number, answer.error == name, told(answer))


def told(answer: Answer) -> str:
    """Return what came, in words."""
    if not answer.error:
        return "no error came" if answer.closed is None else f"the line was closed ({answer.closed}) without an error"
    return f"{answer.error}: {answer.message}"


def spell(*objects: dict[str, Any], ticket: bool = True) -> str:
    """Return a request as text."""
    return json.dumps([*([{"ticket": "doctor"}] if ticket else []), *objects, {"format": "DEFAULT"}])


@check("P3.1")
async def ask_bare_object(exam: Examination) -> None:
    """What is no array of objects."""
    for text in ('{"ticket": "doctor"}', "hello"):
        if not await expect(exam, "P3.1", "public", text, "WRONG_FORMAT"):
            return


@check("P3.2")
async def ask_without_ticket(exam: Examination) -> None:
    """A request without a ticket."""
    await expect(exam, "P3.2", "public", spell({"type": "ticker", "codes": [exam.code]}, ticket=False), "NO_TICKET")


@check("P3.4")
async def ask_without_type(exam: Examination) -> None:
    """A request without a type."""
    await expect(exam, "P3.4", "public", spell({"codes": [exam.code]}), "NO_TYPE")


@check("P3.5")
async def ask_without_codes(exam: Examination) -> None:
    """A type without the codes that it needs."""
    await expect(exam, "P3.5", "public", spell({"type": "ticker"}), "NO_CODES")


@check("P3.6")
async def ask_unknown_type(exam: Examination) -> None:
    """A type that does not exist."""
    await expect(exam, "P3.6", "public", spell({"type": "nope", "codes": [exam.code]}), "INVALID_PARAM")


@check("P3.21")
async def ask_both_flags(exam: Examination) -> None:
    """Only the snapshot and only what follows it."""
    both = {"type": "ticker", "codes": [exam.code], "is_only_snapshot": True, "is_only_realtime": True}
    await expect(exam, "P3.21", "public", spell(both), "INVALID_PARAM")


@check("P1.4")
async def ask_type_of_another_endpoint(exam: Examination) -> None:
    """A private type on the public endpoint."""
    await expect(exam, "P1.4", "public", spell({"type": "myOrder"}), "INVALID_PARAM")


@check("P3.7", needs="key")
async def ask_assets_with_codes(exam: Examination) -> None:
    """`myAsset` with codes."""
    await expect(exam, "P3.7", "private", spell({"type": "myAsset", "codes": [exam.code]}), "WRONG_FORMAT")


@check("P3.13")
async def ask_half_wrong(exam: Examination) -> None:
    """A request of which one half is right."""
    text = spell({"type": "orderbook", "codes": [exam.code]}, {"type": "nope", "codes": [exam.code]})
    answer, line = await exam.refused("public", text)
    served = line.count(type_="orderbook")
    if not answer.error and not served:
        exam.unchecked("P3.13", "neither an error nor data came")
    else:
        exam.judge(
            "P3.13", answer.error and not served, f"{told(answer)}; {served} messages of the half that was right"
        )


@check("P7.1", "P7.2", "P7.3", "P7.4", stage=1)
async def look_at_errors(exam: Examination) -> None:
    """What all errors have in common."""
    for format_ in ("SIMPLE", "SIMPLE_LIST"):
        text = json.dumps([{"ticket": "doctor"}, {"type": "ticker"}, {"format": format_}])
        await exam.refused("public", text)
    if not exam.refusals:
        return
    shapes = {keys for refusal in exam.refusals for keys in (refusal.keys,)}
    right = (frozenset({"error"}), frozenset({"name", "message"}))
    odd = [f"{sorted(outer)} with {sorted(inner)}" for outer, inner in shapes if (outer, inner) != right]
    exam.judge("P7.1", not odd, "; ".join(odd) or f"{len(exam.refusals)} errors, in three formats")
    names = {refusal.answer.error for refusal in exam.refusals}
    unknown = sorted(names.difference(NAMES))
    exam.judge("P7.2", not unknown, f"unknown: {', '.join(unknown)}" if unknown else ", ".join(sorted(names)))
    _judge_closes(exam)


def _judge_closes(exam: Examination) -> None:
    answers = [refusal.answer for refusal in exam.refusals]
    codes = {answer.closed for answer in answers}
    spelt = ", ".join(sorted("still open" if code is None else str(code) for code in codes))
    if not exam.judge("P7.3", codes == {1000}, f"after {len(answers)} errors: {spelt}") and None in codes:
        return
    delays = sorted(answer.closed_after for answer in answers if answer.closed_after is not None)
    number = "P11.6" if exam.target.region == "id" else "P7.4"
    seen = _CLOSE_SEEN.get(exam.target.region)
    if seen is None or not delays:
        return
    # The quickest tells: the others may have been held up on the way, or by a busy machine.
    fits = seen[0] - 0.05 <= delays[0] <= seen[1] + _TOLERANCE
    exam.judge(
        number,
        fits,
        f"{delays[0] * 1000:.0f} to {delays[-1] * 1000:.0f} ms; the quickest tells",
    )

"""The info endpoint (P1.3, P5.3, P10)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from upbit_ws_qt.doctor.checks.refusals import expect, spell, told
from upbit_ws_qt.doctor.checks.requests import error_of
from upbit_ws_qt.doctor.questions import check

if TYPE_CHECKING:
    from upbit_ws_qt.doctor.examination import Examination

_SIX: tuple[tuple[str, dict[str, Any]], ...] = (
    ("volume", {"period": 10}),
    ("rsi", {"period": 14}),
    ("moving_average", {"type": "SMA", "period": 20}),
    ("ma_crossover", {"type": "EMA", "short_period": 5, "long_period": 20}),
    ("bollinger_bands", {"period": 20, "multiplier": 2.0}),
    ("macd", {"fast": 12, "slow": 26, "signal_period": 9}),
)
_TIMEFRAMES = ("5m", "15m", "60m", "240m", "1d")
_RSI = {"type": "rsi", "params": {"period": 14}}


def _wish(
    exam: Examination, *entries: dict[str, Any], timeframe: str = "5m", type_: str = "indicator"
) -> dict[str, Any]:
    return {"type": type_, "codes": [exam.code], "timeframe": timeframe, "indicators": list(entries)}


async def _listed(exam: Examination, *wishes: dict[str, Any], format: str = "DEFAULT") -> tuple[list[Any], str]:
    """Subscribe and return the rows that are listed then, and the name of an error."""
    async with exam.line("info") as line:
        await line.request(*wishes, format=format)
        answer = await line.listing(exam.waits.patience, format=format)
        if line.error() is not None:
            await line.answer(exam.waits.close, exam.waits.close)
        rows = answer.messages[0].get("result", answer.messages[0].get("rslt", [])) if answer else []
        return rows, error_of(line)


@check("P1.3", "P5.3", needs="key")
async def ask_indicators(exam: Examination) -> None:
    """An indicator and a signal, as they are listed."""
    signal = {**_RSI, "trigger": "overbought", "event_params": {"threshold": 70}}
    rows, error = await _listed(exam, _wish(exam, _RSI), _wish(exam, signal, type_="indicator_signal"))
    types = sorted(str(row.get("type")) for row in rows)
    exam.judge("P1.3", types == ["indicator", "indicator_signal"], error or f"listed: {', '.join(types) or 'nothing'}")
    if rows:
        whole = all(row.get("timeframe") == "5m" and row.get("indicators") for row in rows)
        exam.judge("P5.3", whole, f"keys {', '.join(rows[0])}")


@check("P10.1", "P10.2", needs="key")
async def ask_all_indicators(exam: Examination) -> None:
    """Each time frame, and each indicator."""
    rows, error = await _listed(exam, *(_wish(exam, _RSI, timeframe=timeframe) for timeframe in _TIMEFRAMES))
    found = {row.get("timeframe") for row in rows}
    exam.judge("P10.1", found == set(_TIMEFRAMES), error or f"listed: {', '.join(sorted(map(str, found)))}")
    entries = [{"type": kind, "params": params} for kind, params in _SIX]
    rows, error = await _listed(exam, _wish(exam, *entries))
    kinds = {entry.get("type") for row in rows for entry in row.get("indicators", ())}
    exam.judge("P10.2", kinds == {kind for kind, _ in _SIX}, error or f"listed: {', '.join(sorted(map(str, kinds)))}")


@check("P10.3", needs="key")
async def ask_number_as_text(exam: Examination) -> None:
    """A period that is text."""
    wish = _wish(exam, {"type": "rsi", "params": {"period": "14"}})
    await expect(exam, "P10.3", "info", spell(wish), "WRONG_FORMAT")


@check("P10.4", needs="key")
async def ask_unsupported_value(exam: Examination) -> None:
    """A period that is not served."""
    wish = _wish(exam, {"type": "rsi", "params": {"period": 13_000}})
    await expect(exam, "P10.4", "info", spell(wish), "INVALID_PARAM")


@check("P10.5", needs="key")
async def ask_spellings(exam: Examination) -> None:
    """One number in three spellings, and its neighbour."""
    taken = []
    for spelt in ("2", "2.0", "2.00"):
        text = spell(_wish(exam, {"type": "bollinger_bands", "params": {"period": 20, "multiplier": 0}}))
        async with exam.line("info") as line:
            await line.send(text.replace('"multiplier": 0', f'"multiplier": {spelt}'))
            listed = await line.listing(exam.waits.patience)
            taken.append(f"{spelt} {'taken' if listed is not None and line.error() is None else error_of(line)}")
    near = _wish(exam, {"type": "bollinger_bands", "params": {"period": 20, "multiplier": 2.04}})
    answer, _ = await exam.refused("info", spell(near))
    right = all(each.endswith("taken") for each in taken) and answer.error == "INVALID_PARAM"
    exam.judge("P10.5", right, f"{', '.join(taken)}, 2.04 {told(answer)}")


@check("P10.6", needs="key")
async def ask_signals(exam: Examination) -> None:
    """A trigger with parameters, one without, and a signal that names none."""
    with_params = {"type": "volume", "params": {"period": 20}, "trigger": "volume_spike"}
    with_params["event_params"] = {"multiplier": 2.0}
    without = {"type": "macd", "params": dict(_SIX[5][1]), "trigger": "golden_cross"}
    rows, error = await _listed(exam, _wish(exam, with_params, without, type_="indicator_signal"))
    answer, _ = await exam.refused("info", spell(_wish(exam, _RSI, type_="indicator_signal")))
    seen = f"{error or f'{len(rows)} listed'}; without a trigger: {told(answer)}"
    exam.judge("P10.6", rows and not error and answer.error in ("INVALID_PARAM", "WRONG_FORMAT"), seen)


@check("P10.7", needs="key")
async def ask_market_without_indicators(exam: Examination) -> None:
    """A market that is not quoted in KRW: nothing may come of it, and nothing is known of the answer."""
    if not exam.markets.others:
        exam.unchecked("P10.7", "no other market is listed")
        return
    async with exam.line("info") as line:
        await line.request({**_wish(exam, _RSI), "codes": [exam.markets.others[0]]})
        await line.rest(exam.waits.quiet)
        seen = error_of(line) or f"{line.count()} messages, no error"
        exam.judge("P10.7", not line.count(), f"{exam.markets.others[0]}: {seen}")


@check("P10.9", needs="key")
async def ask_in_short(exam: Examination) -> None:
    """A request with short keys in the SIMPLE format."""
    short = {"ty": "indicator", "cds": [exam.code], "tf": "5m", "ind": [{"ty": "rsi", "p": {"p": 14}}]}
    answer, _ = await exam.refused("info", spell(short))
    rows, error = await _listed(exam, _wish(exam, _RSI), format="SIMPLE")
    right = bool(answer.error) and rows and not error
    exam.judge("P10.9", right, f"short keys: {told(answer)}; long ones with SIMPLE: {error or 'taken'}")

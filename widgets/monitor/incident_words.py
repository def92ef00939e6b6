"""An incident in words: its card, row by row, and the same as text for somebody who helps."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from ..base.text import age_text, said, tr
from .words import KST, NOTHING, clock, component_name, line_name, milliseconds

if TYPE_CHECKING:
    from upbit_ws_qt import Incident, IncidentLine, LineReading

__all__ = ["CardRow", "card_rows", "card_text", "incident_level", "moment", "time_text"]


class CardRow(NamedTuple):
    """One line of a card; without a title it is a heading of what follows."""

    title: str
    text: str


def incident_level(incident: Incident) -> str:
    """Return "bad" while it lasts or where something is lost for good, "warn" where a line was lost, else "good"."""
    if not incident.is_over or not incident.is_whole:
        return "bad"
    return "warn" if incident.lines else "good"


def moment(at: float) -> str:
    """Return a day and time in Korea."""
    return datetime.fromtimestamp(at, KST).strftime("%m-%d %H:%M:%S")


def time_text(seconds: float) -> str:
    """Return a length of time, exact where it is short."""
    if seconds < 1:
        return tr("{ms:.0f} ms", ms=seconds * 1000)
    if seconds < 60:
        return tr("{seconds:.1f} s", seconds=seconds)
    return age_text(int(seconds))


def card_rows(incident: Incident) -> list[CardRow]:
    """Return all that is known of an incident, in the order in which one asks for it."""
    end = tr("still going on") if incident.ended_at is None else clock(incident.ended_at)
    rows = [CardRow(tr("When"), f"{moment(incident.began_at)} – {end}")]
    rows.append(CardRow(tr("What to do"), said(incident.advice)))
    for line in incident.lines:
        rows.append(CardRow("", line_name(line.ws_type)))
        rows += _line_rows(line)
    rows += [
        CardRow(tr("Alert"), f"{said(alert.message)} ({tr('over') if alert.is_over else tr('lasts')})")
        for alert in incident.alerts
    ]
    return rows


def card_text(incident: Incident) -> str:
    """Return the card as plain text."""
    lines = [said(incident.headline)]
    lines += [f"{row.title}: {row.text}" if row.title else f"[{row.text}]" for row in card_rows(incident)]
    return "\n".join(lines) + "\n"


def _line_rows(line: IncidentLine) -> list[CardRow]:
    cause = said(line.cause) or NOTHING
    if line.close_code is not None:
        cause = f"{cause}, {tr('close {code}', code=line.close_code)}"
    dark = time_text(line.down_seconds)
    if line.losses > 1:
        dark = tr("{time}, lost {count} times", time=dark, count=line.losses)
    rows = [CardRow(tr("Cause"), cause), CardRow(tr("In the dark"), dark)]
    if line.is_given_up:
        rows.append(CardRow(tr("Now"), tr("Given up")))
    elif line.is_down:
        rows.append(CardRow(tr("Now"), tr("Reconnecting")))
    elif line.new_epoch:
        back = tr("{part} of {whole} streams back", part=line.restored, whole=line.restorable)
        rows.append(CardRow(tr("Back"), f"{back}, e{line.old_epoch}→e{line.new_epoch}"))
    missed = _missed_text(line)
    if missed:
        rows.append(CardRow(tr("Missed"), missed))
    if line.before is not None:
        rows.append(CardRow(tr("Before"), _reading_text(line.before)))
    if line.after is not None:
        rows.append(CardRow(tr("After"), _reading_text(line.after)))
    if line.stale:
        rows.append(CardRow(tr("Stale meanwhile"), ", ".join(component_name(name) for name in line.stale)))
    rows += [CardRow(tr("The exchange said"), said(text)) for text in line.said]
    return rows


def _missed_text(line: IncidentLine) -> str:
    if not line.is_healed:
        return tr("%n streams may have missed something", line.may_miss) if line.may_miss else ""
    text = tr("{missed:,} missed, {recovered:,} recovered", missed=line.missed, recovered=line.recovered)
    if line.not_whole:
        text += "; " + tr("%n streams are not whole ({reason})", line.not_whole, reason=said(line.reason) or NOTHING)
    return text


def _reading_text(reading: LineReading) -> str:
    return tr(
        "score {score:.0f}, round trip {rtt} ms, {rate:,.0f} messages/s",
        score=reading.score,
        rtt=milliseconds(reading.rtt),
        rate=reading.messages_per_second,
    )

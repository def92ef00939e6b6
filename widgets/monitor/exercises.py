"""Outages that can be tried on the embedded exchange: what is done, what should happen, and what did; no Qt."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from upbit_ws_qt import ConnectionState

from ..base.text import mark, tr
from .incident_words import time_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from upbit_ws_qt import ConnectionMetrics, GapReport, LineEvent

__all__ = ["EXERCISES", "Exercise", "FaultStep", "Observation", "observed_text"]

NOTICED_AT_ONCE = 2.0
"""Seconds within which a broken line must be noticed, on a machine that does other things too."""
LATE = 1.0
GARBAGE = 5
_DOWN = frozenset({ConnectionState.RECONNECTING, ConnectionState.FAILED})


@dataclass(frozen=True, slots=True)
class FaultStep:
    """A fault as the exchange's control path takes it."""

    name: str
    endpoint: str | None = "public"
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Observation:
    """What was seen of the public line since a fault began; times in seconds since then.

    Attributes:
        noticed: when the line was known to be lost; None where it was not.
        back: when it was up again.
        losses: how often it was lost.
        restored: streams that were proved on the new line, of `restorable`.
        restorable: see there.
        may_miss: whether streams may have missed something.
        healed: whether it is known what that was.
        missed: how much that was, of trades, candles, orders; `recovered` what of it was handed out.
        recovered: see there.
        not_whole: streams of which something is lost for good.
        unreadable: frames and errors that were counted.
        twice: events that were recognised as repeated.
        late: seconds by which most data were late at the worst moment.
    """

    noticed: float | None = None
    back: float | None = None
    losses: int = 0
    restored: int = 0
    restorable: int = 0
    may_miss: bool = False
    healed: bool = False
    missed: int = 0
    recovered: int = 0
    not_whole: int = 0
    unreadable: int = 0
    twice: int = 0
    late: float = 0.0

    def note_state(self, at: float, state: ConnectionState) -> None:
        """Take in a state of the line."""
        if state in _DOWN:
            self.losses += self.noticed is None or self.back is not None
            self.noticed = at if self.noticed is None else self.noticed
            self.back = None
        elif state is ConnectionState.CONNECTED and self.noticed is not None and self.back is None:
            self.back = at

    def note_restored(self, event: LineEvent) -> None:
        """Take in what came back with the new line."""
        self.restored, self.restorable = event.restored, event.restorable

    def note_report(self, report: GapReport) -> None:
        """Take in what was missed."""
        self.healed = True
        self.missed += sum(each.expected for each in report.streams)
        self.recovered += sum(each.recovered for each in report.streams)
        self.not_whole += sum(not each.is_whole for each in report.streams)

    def note_reading(self, before: ConnectionMetrics, now: ConnectionMetrics) -> None:
        """Take in figures of the line: those when the fault began, and those of now."""
        self.unreadable = max(self.unreadable, now.error_count - before.error_count)
        self.twice = max(self.twice, now.duplicates - before.duplicates)
        if now.event_age.count:
            self.late = max(self.late, now.event_age.p95)

    @property
    def is_whole(self) -> bool:
        """Whether the line is back with all its streams, and nothing is lost for good."""
        everything = self.restorable > 0 and self.restored == self.restorable
        looked_for = self.healed or not self.may_miss
        return self.back is not None and everything and looked_for and not self.not_whole


@dataclass(frozen=True, slots=True)
class Exercise:
    """One outage.

    Attributes:
        name: in plain words, marked for translation, as are the next two.
        does: what the exchange is made to do.
        should: what should happen then.
        faults: that are injected, in this order.
        lasts: seconds until they are taken back; 0 for faults that are over at once.
        within: seconds after which it is judged at the latest.
        as_it_should: judges what was seen.
        ends_early: whether it is over as soon as that is so.
    """

    name: str
    does: str
    should: str
    faults: tuple[FaultStep, ...]
    lasts: float
    within: float
    as_it_should: Callable[[Observation], bool]
    ends_early: bool = True


def _at_once(seen: Observation) -> bool:
    return seen.is_whole and seen.noticed is not None and seen.noticed <= NOTICED_AT_ONCE


def _in_the_end(seen: Observation) -> bool:
    return seen.is_whole


def _late_and_up(seen: Observation) -> bool:
    return seen.losses == 0 and seen.late >= LATE


def _counted_and_up(seen: Observation) -> bool:
    return seen.losses == 0 and seen.unreadable >= GARBAGE


def _recognised_and_up(seen: Observation) -> bool:
    return seen.losses == 0 and seen.twice > 0


EXERCISES = (
    Exercise(
        mark("The line breaks"),
        mark("The public line is cut without a word, as by a router that restarts."),
        mark("Noticed at once; a new line within seconds; all streams back; missed trades fetched."),
        (FaultStep("drop"),),
        0.0,
        60.0,
        _at_once,
    ),
    Exercise(
        mark("The exchange closes the line"),
        mark("The exchange says goodbye (close 1001), as before it restarts a server."),
        mark("As when the line breaks; the close code is told."),
        (FaultStep("close", options={"code": 1001, "text": "going away"}),),
        0.0,
        60.0,
        _at_once,
    ),
    Exercise(
        mark("The line goes dead"),
        mark("The line stays open and nothing comes any more, as behind a sleeping router."),
        mark("Noticed by the silence, and by pongs that do not come; then a new line, and nothing lost."),
        (FaultStep("half_open"),),
        0.0,
        120.0,
        _in_the_end,
    ),
    Exercise(
        mark("The exchange is away for 15 seconds"),
        mark("The line breaks, and new ones are refused for 15 seconds."),
        mark("Dialled again and again, with growing pauses; old prices are marked as old; then all is back."),
        (FaultStep("refuse"), FaultStep("drop")),
        15.0,
        120.0,
        _in_the_end,
    ),
    Exercise(
        mark("Everything comes 3 seconds late"),
        mark("What the exchange sends on the public line is held back for 3 seconds, for 20 seconds."),
        mark("The line stays up; it is said how late the data are."),
        (FaultStep("delay", options={"seconds": 3.0}),),
        20.0,
        30.0,
        _late_and_up,
        ends_early=False,
    ),
    Exercise(
        mark("Nonsense comes"),
        mark("Five frames come that are no JSON."),
        mark("They are counted; the line stays up, and no panel notices."),
        (FaultStep("garbage", options={"count": GARBAGE}),),
        0.0,
        15.0,
        _counted_and_up,
    ),
    Exercise(
        mark("Trades come twice"),
        mark("The next 20 trades are each sent twice."),
        mark("Each is shown once; the repeated ones are counted; the line stays up."),
        (FaultStep("duplicate_trades", options={"times": 20}),),
        20.0,
        25.0,
        _recognised_and_up,
    ),
    Exercise(
        mark("The line breaks, and REST refuses"),
        mark("The line is cut; the first 3 questions for what was missed are refused."),
        mark("They are asked again; in the end nothing is lost."),
        (FaultStep("rest_refuse", None, {"times": 3}), FaultStep("drop")),
        0.0,
        120.0,
        _in_the_end,
    ),
)


def observed_text(seen: Observation) -> str:
    """Return what was seen, in the language in force."""
    parts = []
    if seen.noticed is None:
        parts.append(tr("the line stayed up"))
    else:
        parts.append(tr("noticed after {time}", time=time_text(seen.noticed)))
        parts.append(
            tr("back after {time}", time=time_text(seen.back)) if seen.back is not None else tr("not back yet")
        )
    if seen.losses > 1:
        parts.append(tr("lost {count} times", count=seen.losses))
    if seen.restorable:
        parts.append(tr("{part} of {whole} streams back", part=seen.restored, whole=seen.restorable))
    if seen.healed:
        parts.append(tr("{missed:,} missed, {recovered:,} recovered", missed=seen.missed, recovered=seen.recovered))
    if seen.not_whole:
        parts.append(tr("{count} streams not whole", count=seen.not_whole))
    if seen.unreadable:
        parts.append(tr("{count} unreadable frames counted", count=seen.unreadable))
    if seen.twice:
        parts.append(tr("{count} repeated events recognised", count=seen.twice))
    if seen.late >= LATE:
        parts.append(tr("data up to {time} late", time=time_text(seen.late)))
    return ", ".join(parts)

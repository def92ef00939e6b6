"""One alarm at work: its judge, how often it may fire, and what each firing rests on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from .judges import Memory, judge_for
from .rules import BAR_SECONDS, Alarm, Condition, Repeat
from .seen import Basis

if TYPE_CHECKING:
    from .judges import Verdict
    from .seen import Seen

__all__ = ["AlarmState", "AlarmWatch", "Firing"]

APART_MS = 1000


class Firing(msgspec.Struct, frozen=True):
    """An alarm has fired.

    Attributes:
        alarm: its id.
        condition, market, comment: of the alarm as it was then.
        at: when it came true, by the exchange's time, ms.
        values: what was seen, exact, as text.
        basis: what that rests on.
        held_back: how often it came true since the last firing and was not told, for that would have been too often.
    """

    alarm: str
    condition: Condition
    market: str
    at: int
    values: dict[str, str]
    basis: Basis = Basis.LIVE
    held_back: int = 0
    comment: str = ""


class AlarmState(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of an alarm so far, for its file.

    Attributes:
        fired: how often.
        last: when, by the exchange's time, ms; 0 for never.
        held_back: see Firing.
        memory: of its judge.
    """

    fired: int = 0
    last: int = 0
    held_back: int = 0
    memory: Memory = Memory()


class AlarmWatch:
    """Watches one alarm.

    Example:
        >>> from decimal import Decimal
        >>> from upbit_ws_qt.widgets.alarm_rules.rules import PriceLevel
        >>> from upbit_ws_qt.widgets.alarm_rules.seen import PriceSeen
        >>> watch = AlarmWatch(Alarm("a", PriceLevel(Decimal(100)), "KRW-BTC"))
        >>> watch.see(PriceSeen(Decimal(99), at=1000)) is None
        True
        >>> firing = watch.see(PriceSeen(Decimal(101), at=2000))
        >>> firing.values["way"], firing.basis.value
        ('up', 'live')

    Args:
        alarm: what to watch.
        state: what became of it before; nothing was seen since then.
    """

    def __init__(self, alarm: Alarm, state: AlarmState | None = None) -> None:
        self.alarm = alarm
        self._state = state or AlarmState()
        self._judge = judge_for(alarm.condition, self._state.memory)
        before = self._state.memory.at
        # (what happened, exchange time of what was seen last before it): what rests on older things says so.
        self._interruption: tuple[Basis, int] | None = (Basis.START, before) if before else None

    @property
    def state(self) -> AlarmState:
        """What became of it so far."""
        return msgspec.structs.replace(self._state, memory=self._judge.memory)

    @property
    def seen_at(self) -> int:
        """Exchange time of what was seen last, ms; 0 where nothing was."""
        return self._judge.memory.at

    def interrupt(self) -> None:
        """The line is down: nothing may be seen of what happens now."""
        before = self.seen_at
        if before and (self._interruption is None or self._interruption[1] < before):
            self._interruption = (Basis.GAP, before)

    def see(self, seen: Seen) -> Firing | None:
        """Look at something; returns what is to be told.

        Where it came true several times before anybody could look, the last time is told, and the others are counted.
        """
        verdicts = list(self._judge.see(seen)) if self.alarm.on else []
        if not verdicts:
            return None
        more = len(verdicts) - 1
        self._state = msgspec.structs.replace(self._state, held_back=self._state.held_back + more)
        return self._fire(verdicts[-1], seen)

    def _fire(self, verdict: Verdict, seen: Seen) -> Firing | None:
        alarm, state = self.alarm, self._state
        if state.last and not self._may_repeat(verdict.at):
            self._state = msgspec.structs.replace(state, held_back=state.held_back + 1)
            return None
        if alarm.repeat is Repeat.ONCE:
            self.alarm = msgspec.structs.replace(alarm, on=False)
        self._state = AlarmState(state.fired + 1, verdict.at)
        return Firing(
            alarm.id, alarm.condition, alarm.market, verdict.at, verdict.values,
            self._basis(verdict, seen), state.held_back, alarm.comment,
        )  # fmt: skip

    def _may_repeat(self, at: int) -> bool:
        if self.alarm.repeat is Repeat.BAR:
            length = BAR_SECONDS[self.alarm.unit] * 1000
            return at // length > self._state.last // length
        return self.alarm.repeat is Repeat.ONCE or at - self._state.last >= APART_MS

    def _basis(self, verdict: Verdict, seen: Seen) -> Basis:
        if self._interruption is not None and verdict.since <= self._interruption[1]:
            return self._interruption[0]
        return seen.basis

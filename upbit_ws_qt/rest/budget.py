"""How many questions a group may ask: a window that stays inside the exchange's limit; no clock of its own.

Protocol sheet, "Rate limits": ten a second for each group of market data, by address; thirty for account data, by key.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass

__all__ = ["Budget", "BudgetUsage", "Remaining", "block_seconds", "read_remaining"]

SECOND = 1.0
"""For so long a question counts after its answer: it reached the exchange some time before that."""
GIVEN_UP = 1.0
"""For so many seconds more one counts that nobody waits for any longer: when it reaches the exchange is not seen."""
FIRST_WAIT, LONGEST_WAIT = 1.0, 30.0
"""Seconds of silence after a 429, which double with each one that follows another."""
FIRST_BLOCK, LONGEST_BLOCK = 60.0, 3600.0
"""The same for a 418 whose answer names no time."""
MARGIN = 0.05
"""Seconds added to what the exchange names: a question that comes a moment too early makes a block longer."""
_LONGEST_NAMED = 86_400.0

_PART = re.compile(r"\s*([a-z-]+)\s*=\s*([A-Za-z0-9._-]{1,60})\s*(?:;|$)")
_TIME = re.compile(
    r"(?<![\d.])(\d{1,7}(?:\.\d{1,3})?)\s*(ms|milliseconds?|sec(?:ond)?s?|s|min(?:ute)?s?|m|h(?:ou)?rs?|h|초|분|시간)(?![a-z])",
    re.IGNORECASE,
)
_UNITS = {"ms": 0.001, "mi": 60.0, "s": 1.0, "m": 60.0, "h": 3600.0, "초": 1.0, "분": 60.0, "시간": 3600.0}


@dataclass(frozen=True, slots=True)
class Remaining:
    """What a `Remaining-Req` header says.

    Attributes:
        group: a name that means nothing but itself; None where it is not told.
        left: questions left in this second, None where it is not told.
    """

    group: str | None = None
    left: int | None = None


def read_remaining(header: str | None) -> Remaining:
    """Read `group=candles; min=600; sec=9`; parts may be missing, and `min` is of no use any more."""
    parts = dict(_PART.findall(header or ""))
    left = parts.get("sec", "")
    return Remaining(parts.get("group"), int(left) if left.isascii() and left.isdigit() and len(left) < 7 else None)


def block_seconds(header: str | None, text: str) -> float | None:
    """Return for how long an answer says that nothing may be asked; None where it does not say.

    The documents do not tell where and in what form a 418 says so: `Retry-After` is looked at, then the first time
    with a unit in the text, English or Korean.
    """
    if header and header.isascii() and header.isdigit() and len(header) < 7:
        return min(float(header), _LONGEST_NAMED)
    found = _TIME.search(text)
    if found is None:
        return None
    unit = found[2].lower()
    if unit.startswith("mil"):
        unit = "ms"
    factor = _UNITS.get(unit) or _UNITS.get(unit[:2]) or _UNITS[unit[:1]]
    return min(float(found[1]) * factor, _LONGEST_NAMED)


@dataclass(frozen=True, slots=True)
class BudgetUsage:
    """How much of a group's budget is in use.

    Attributes:
        group: as the exchange names it, or as the documents do while nothing was answered.
        per_second: how many questions a second it allows.
        in_use: of these, how many are taken now.
        waiting: questions that wait for their turn.
        blocked_for: seconds that nothing may be asked, because the exchange said so.
        asked: questions so far, each try counted.
        refused: of these, how many were too many for the exchange (429, 418).
    """

    group: str
    per_second: int
    in_use: int
    waiting: int
    blocked_for: float
    asked: int
    refused: int


class Budget:
    """The questions of one group.

    Ask `delay()`, call `begin()`, and `finished()` however it ends. All times are seconds of one monotonic clock that
    the caller reads.

    Attributes:
        group: its name.
        asked, refused: see BudgetUsage.
    """

    def __init__(self, group: str, per_second: int) -> None:
        self.group = group
        self.per_second = per_second
        self.asked = 0
        self.refused = 0
        self._under_way = 0
        self._finished_at: deque[float] = deque(maxlen=per_second)
        self._others = 0  # questions of this second that were not ours, as the exchange's count tells
        self._others_until = float("-inf")
        self._blocked_until = float("-inf")
        self._waits_in_a_row = 0
        self._blocks_in_a_row = 0

    def delay(self, now: float) -> float:
        """Return the seconds to wait before the next question, 0 if it may leave now."""
        until = self._blocked_until
        others = self._others if now < self._others_until else 0
        room = self.per_second - self._under_way - others
        if room <= 0 and not others:
            # Whoever is under way ends, and is then asked again.
            return max(SECOND, until - now)
        if room <= 0:
            until = max(until, self._others_until)
        elif len(self._finished_at) >= room:
            free_at = self._finished_at[-room] + SECOND
            until = max(until, min(free_at, self._others_until) if others else free_at)
        return max(0.0, until - now)

    def begin(self) -> None:
        """Count a question that leaves now."""
        self._under_way += 1
        self.asked += 1

    def finished(self, now: float, *, given_up: bool = False) -> None:
        """Note that a question has ended, well or not; one that was given up may reach the exchange later than that."""
        self._under_way -= 1
        ended = now + GIVEN_UP if given_up else now
        if not self._finished_at or ended >= self._finished_at[-1]:
            self._finished_at.append(ended)
        else:
            self._finished_at = deque(sorted((*self._finished_at, ended)), maxlen=self.per_second)

    def told(self, now: float, left: int | None) -> None:
        """Take in what an answer says is left; others behind the same address may ask, too."""
        if left is not None:
            # Ours count for a little longer here than there, so that others are rather taken for too few than for ours.
            self._others = max(0, self.per_second - left - self._in_use(now))
            self._others_until = now + SECOND
        self._waits_in_a_row = self._blocks_in_a_row = 0

    def too_many(self, now: float, named: float | None = None) -> float:
        """Note a 429; return for how many seconds nobody asks: what it names, else until the next second is over."""
        self.refused += 1
        if now >= self._blocked_until:
            wait = min(FIRST_WAIT * 2**self._waits_in_a_row, LONGEST_WAIT) if named is None else named + MARGIN
            self._waits_in_a_row = min(self._waits_in_a_row + 1, 10)
            self._blocked_until = now + wait
        return self._blocked_until - now

    def blocked(self, now: float, named: float | None = None) -> float:
        """Note a 418; return for how many seconds nobody asks: what it names, else 60, doubled with each in a row."""
        self.refused += 1
        block = min(FIRST_BLOCK * 2**self._blocks_in_a_row, LONGEST_BLOCK) if named is None else named + MARGIN
        # Questions that were under way together are refused together: they are one offence.
        if now >= self._blocked_until or named is not None or not self._blocks_in_a_row:
            self._blocks_in_a_row = min(self._blocks_in_a_row + 1, 10)
            self._blocked_until = max(self._blocked_until, now + block)
        return self._blocked_until - now

    def hold(self, until: float) -> None:
        """Keep still as long as another group of the same address has to."""
        self._blocked_until = max(self._blocked_until, until)

    def take_over(self, other: Budget) -> None:
        """Count what was asked under another name as one's own: the exchange says that it is one group."""
        self._finished_at = deque(sorted((*self._finished_at, *other._finished_at)), maxlen=self.per_second)
        self._blocked_until = max(self._blocked_until, other._blocked_until)

    def usage(self, now: float, waiting: int) -> BudgetUsage:
        """Return the figures of this moment."""
        others = self._others if now < self._others_until else 0
        return BudgetUsage(
            group=self.group,
            per_second=self.per_second,
            in_use=min(self.per_second, self._in_use(now) + others),
            waiting=waiting,
            blocked_for=max(0.0, self._blocked_until - now),
            asked=self.asked,
            refused=self.refused,
        )

    def _in_use(self, now: float) -> int:
        return self._under_way + sum(1 for at in self._finished_at if now - at < SECOND)

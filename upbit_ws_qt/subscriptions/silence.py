"""What it means when something that was asked for does not come. Pure; all times are passed in."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from upbit_ws_qt.streams import StreamKey
    from upbit_ws_qt.subscriptions.lister import Lister
    from upbit_ws_qt.subscriptions.memory import EndpointMemory
    from upbit_ws_qt.subscriptions.splitting import SplitWatch
    from upbit_ws_qt.subscriptions.table import LineTable

__all__ = ["SilenceJudge"]


class SilenceJudge:
    """Tells what the exchange does not serve from what it left out because of how it was asked."""

    def __init__(self, memory: EndpointMemory, table: LineTable, split: SplitWatch, lister: Lister) -> None:
        self._memory = memory
        self._table = table
        self._split = split
        self._lister = lister

    def judge(self, now: float) -> bool:
        """Draw the conclusions that are due; return whether a stream flows on that only its snapshot was wanted of."""
        self._judge_streams(now)
        return self._judge_once(now)

    def _judge_streams(self, now: float) -> None:
        proof = self._table.proof
        overdue = proof.overdue(now)
        if not overdue:
            return
        if self._split.tries(now):
            self._prolong(self._split.trial.intersection(overdue), now + self._memory.patience.first_data)
            overdue = [stream for stream in overdue if stream not in self._split.trial]
        elif self._split.trial:
            self._split.end_trial()
        elif self._split.fresh.intersection(overdue):
            self._try_plainly((), now)
            return
        unlisted = [s for s in overdue if not proof.debts[s].needs_data]
        if unlisted and self._lister.is_busy:
            self._prolong(unlisted, now + self._memory.patience.list_answer)
            overdue = [stream for stream in overdue if stream not in unlisted]
        self._table.give_up(overdue, now)

    def _judge_once(self, now: float) -> bool:
        table = self._table
        overdue = [stream for stream, deadline in table.once.items() if deadline <= now]
        if not overdue:
            return False
        if beside := self._split.may_try(self._memory.desk.owed.keys() & set(overdue)):
            self._try_plainly(beside, now)
        elif self._split.trial and not self._split.tries(now):
            self._split.end_trial()
        leftover = [s for s in overdue if s in table.once and table.settle_once(s, served=False)]
        return bool(leftover)

    def _try_plainly(self, silent: Collection[StreamKey], now: float) -> None:
        """Ask plainly for what did not come beside others of its type: is it unknown, or is it the split?"""
        table = self._table
        self._split.begin_trial(self._split.fresh.union(silent))
        again = self._split.trial & table.proof.debts.keys()
        self._prolong(again, now + self._memory.patience.first_data)
        table.refresh |= again
        for stream in self._split.trial & table.once.keys():
            del table.once[stream]  # it goes with the repair
        table.start_repair()

    def _prolong(self, streams: Iterable[StreamKey], until: float) -> None:
        for stream in streams:
            self._table.proof.debts[stream].deadline = until

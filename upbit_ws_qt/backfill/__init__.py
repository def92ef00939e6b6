"""What was missed between two lines: where it begins and ends, and how it is made good."""

from __future__ import annotations

from upbit_ws_qt.backfill.account import AccountBalance, AccountState
from upbit_ws_qt.backfill.account_sync import AccountSync
from upbit_ws_qt.backfill.driver import BackfillDriver, BackfillListener, BackfillStats
from upbit_ws_qt.backfill.losses import LossLog
from upbit_ws_qt.backfill.report import Filling, GapReport, StreamRecovery
from upbit_ws_qt.backfill.wholeness import Wholeness

__all__ = [
    "AccountBalance",
    "AccountState",
    "AccountSync",
    "BackfillDriver",
    "BackfillListener",
    "BackfillStats",
    "Filling",
    "GapReport",
    "LossLog",
    "StreamRecovery",
    "Wholeness",
]

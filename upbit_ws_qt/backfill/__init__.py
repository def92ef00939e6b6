"""What was missed between two lines: where it begins and ends, and how it is made good."""

from __future__ import annotations

from upbit_ws_qt.backfill.gap_watch import GapWatch

__all__ = ["GapWatch"]

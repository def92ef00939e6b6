"""A doctor for exchanges: is it as docs/protocol.md says? Read only, on bare sockets, without the engine."""

from __future__ import annotations

from upbit_ws_qt.doctor.checks import CHECKS
from upbit_ws_qt.doctor.examination import Examination, NotExaminedError
from upbit_ws_qt.doctor.questions import Check
from upbit_ws_qt.doctor.recording import Recording
from upbit_ws_qt.doctor.report import Finding, Report, Verdict
from upbit_ws_qt.doctor.settings import Expected, Target, Waits
from upbit_ws_qt.doctor.statements import SECTIONS, STATEMENTS, Source, Statement, statement

__all__ = [
    "CHECKS",
    "SECTIONS",
    "STATEMENTS",
    "Check",
    "Examination",
    "Expected",
    "Finding",
    "NotExaminedError",
    "Recording",
    "Report",
    "Source",
    "Statement",
    "Target",
    "Verdict",
    "Waits",
    "statement",
]

"""What was found, statement by statement, for people and for programs."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from upbit_ws_qt.doctor.statements import SECTIONS, Source, statement

__all__ = ["Finding", "Report", "Verdict"]


class Verdict(StrEnum):
    """What an examination says of a statement."""

    HOLDS = "✔"
    """It is as stated."""
    BROKEN = "✘"
    """It is otherwise."""
    UNCHECKED = "–"
    """It could not be told; the finding says why."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found of one statement.

    Attributes:
        number: of the statement.
        verdict: whether it holds.
        seen: what was seen, or why nothing was.
    """

    number: str
    verdict: Verdict
    seen: str


@dataclass(frozen=True, slots=True)
class Report:
    """All findings, in the order of the statements.

    Attributes:
        findings: one for each statement.
        notes: what else there is to say.
        about: region, host, versions and time, by name.
        is_stopped: whether the examination was broken off because the exchange wanted no more connects.
    """

    findings: tuple[Finding, ...]
    notes: tuple[str, ...] = ()
    about: dict[str, str] = field(default_factory=dict)
    is_stopped: bool = False

    @property
    def broken(self) -> tuple[str, ...]:
        """The numbers of the statements that do not hold."""
        return tuple(each.number for each in self.findings if each.verdict is Verdict.BROKEN)

    @property
    def counts(self) -> Counter[Verdict]:
        """How many findings there are of each verdict."""
        return Counter(each.verdict for each in self.findings)

    @property
    def line_to_share(self) -> str:
        """The whole in one line, without anything private."""
        counts = self.counts
        parts = [
            *(f"{name} {value}" if name not in ("time", "host") else value for name, value in self.about.items()),
            " ".join(f"{counts[verdict]} {verdict}" for verdict in Verdict),
        ]
        return " · ".join(parts) + (f": {' '.join(self.broken)}" if self.broken else "")

    def text(self, *, with_statements: bool = True) -> str:
        """Return the report for people.

        Args:
            with_statements: say in full what each statement is; without, only of those that do not hold.
        """
        lines: list[str] = []
        section = ""
        for finding in self.findings:
            stated = statement(finding.number)
            if stated.section != section:
                section = stated.section
                lines += ["", f"{section} {SECTIONS[section]}"]
            known = "" if stated.source is Source.DOCUMENTED else f" [{stated.source}]"
            if with_statements or finding.verdict is Verdict.BROKEN:
                lines.append(f"  {finding.verdict} {finding.number:<6} {stated.text}{known}")
                lines.append(f"           {finding.seen}")
            else:
                lines.append(f"  {finding.verdict} {finding.number:<6} {finding.seen}")
        if self.notes:
            lines += ["", *(f"Note: {note}" for note in self.notes)]
        return "\n".join([*lines[1:], "", self.line_to_share])

    def to_json(self) -> str:
        """Return the report for programs, one JSON object."""
        value: dict[str, Any] = {
            "about": self.about,
            "counts": {verdict.name.lower(): self.counts[verdict] for verdict in Verdict},
            "broken": list(self.broken),
            "findings": [
                {
                    "number": each.number,
                    "verdict": each.verdict.name.lower(),
                    "source": statement(each.number).source.value,
                    "statement": statement(each.number).text,
                    "seen": each.seen,
                }
                for each in self.findings
            ],
            "notes": list(self.notes),
            "line": self.line_to_share,
        }
        return json.dumps(value, ensure_ascii=False, indent=1)

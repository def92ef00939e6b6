"""What a question is: how it is put, and which statements it answers. The questions themselves are in `checks/`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from upbit_ws_qt.doctor.examination import Examination

    Ask = Callable[[Examination], Awaitable[None]]

__all__ = ["Check", "check"]


@dataclass(frozen=True, slots=True)
class Check:
    """A question, and the statements that it answers.

    Attributes:
        numbers: of the statements.
        ask: puts it.
        needs: "" or "key": what has to be there.
        stage: 0 for the first; those of later stages are put one by one: what errors have in common, then limits.
        waits: whether it does little but wait, so that others may go on beside it.
    """

    numbers: tuple[str, ...]
    ask: Ask
    needs: str = ""
    stage: int = 0
    waits: bool = False


def check(*numbers: str, needs: str = "", stage: int = 0, waits: bool = False) -> Callable[[Ask], Check]:
    """Make a function the question that answers these statements; the arguments are those of `Check`."""

    def made(ask: Ask) -> Check:
        return Check(numbers, ask, needs, stage, waits)

    return made

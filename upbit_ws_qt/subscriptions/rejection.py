"""Who is to blame for a refused request: suspects are halved, one test at a time, over as many lines as it takes."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from upbit_ws_qt.subscriptions.wish import Standing, Wish

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from upbit_ws_qt.subscriptions.state import SubscriptionStateManager
    from upbit_ws_qt.types import WebSocketType

__all__ = ["RejectionSearch"]

# Refusals of a lone suspect before it is blamed: an error out of nowhere must not cost an innocent its wish. On a line
# that had answered nothing else the line may be at fault: more are needed.
_STRIKES = 2
_STRIKES_WITHOUT_CONTROL = 3
# Refusals in a row of requests that hold only what was taken before, until all of it is suspected again.
_SYSTEMIC = 2


class RejectionSearch:
    """Finds the guilty wishes of one endpoint; outlives the lines.

    The exchange refuses a request as a whole, says only what kind of error it was, and closes the line. Wishes that it
    took before are trusted; the others of the refused request are suspects. On the next line the trusted ones are asked
    for first, so that they are served, and then the suspects in halves until one is alone.

    Attributes:
        rejections: refused requests so far.
        tests: groups of suspects that were tried.
        systemic: refused requests in a row in which there was nobody to suspect.
    """

    def __init__(
        self,
        ws_type: WebSocketType,
        state: SubscriptionStateManager,
        on_guilty: Callable[[Wish, str], None],
    ) -> None:
        self._ws_type = ws_type
        self._state = state
        self._on_guilty = on_guilty
        self._groups: deque[list[Wish]] = deque()
        self._strikes: dict[Wish, int] = {}
        self.rejections = 0
        self.tests = 0
        self.systemic = 0

    @property
    def is_searching(self) -> bool:
        """Whether suspects wait for their test."""
        return bool(self._groups)

    def suspects(self) -> frozenset[Wish]:
        """Return the wishes that are asked for and not yet known to be taken."""
        return frozenset(self._state.wishes(self._ws_type, Standing.NEW))

    def accepted(self, wishes: Iterable[Wish]) -> None:
        """Note that the exchange took a request with these."""
        self.systemic = 0
        taken = [wish for wish in wishes if wish.standing is Standing.NEW]
        for wish in taken:
            self._strikes.pop(wish, None)
        self._state.set_standing(taken, Standing.TRUSTED)

    def rejected(self, wishes: Iterable[Wish], reason: str, *, has_control: bool) -> None:
        """Note that the exchange refused a request in which these were the suspects.

        Args:
            wishes: the suspects of all requests that were not answered yet.
            reason: what the exchange said.
            has_control: whether the same line took something else before. Without that the line, not the wish, may be
                what is wrong, and a lone suspect is only blamed after several lines.
        """
        self.rejections += 1
        named = frozenset(wishes)
        # In the order in which they came, so that the same course of things is always gone through in the same way.
        suspects = [wish for wish in self._state.wishes(self._ws_type, Standing.NEW) if wish in named]
        # One that nobody wants any more may have been the guilty one: the others are not blamed for being left over.
        is_alone = all(wish.owners for wish in named)
        if not suspects:
            if is_alone:
                self._nobody_to_suspect()
            return
        self.systemic = 0
        if len(suspects) > 1:
            middle = len(suspects) // 2
            self._state.set_standing(suspects, Standing.HELD)
            self._groups.extendleft([suspects[middle:], suspects[:middle]])
            return
        suspect = suspects[0]
        if is_alone and self._is_convicted(suspect, has_control=has_control):
            self._state.set_standing([suspect], Standing.QUARANTINED, reason)
            self._on_guilty(suspect, reason)
        else:
            self._state.set_standing([suspect], Standing.HELD)
            self._groups.appendleft([suspect])

    def release_next(self) -> bool:
        """Let the next group of suspects take part in the union; return whether there was one."""
        while self._groups:
            group = [wish for wish in self._groups.popleft() if wish.owners and wish.standing is Standing.HELD]
            if group:
                self.tests += 1
                self._state.set_standing(group, Standing.NEW)
                return True
        return False

    def _is_convicted(self, suspect: Wish, *, has_control: bool) -> bool:
        strikes = self._strikes.get(suspect, 0) + 1
        if strikes >= (_STRIKES if has_control else _STRIKES_WITHOUT_CONTROL):
            self._strikes.pop(suspect, None)
            return True
        self._strikes = {wish: count for wish, count in self._strikes.items() if wish.owners}
        self._strikes[suspect] = strikes
        return False

    def _nobody_to_suspect(self) -> None:
        self.systemic += 1
        if self.systemic >= _SYSTEMIC:
            self.systemic = 0
            self._state.set_standing(self._state.wishes(self._ws_type, Standing.TRUSTED), Standing.NEW)

"""Who is to blame for a refused request: suspects are halved, one test at a time, over as many lines as it takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from upbit_ws_qt.subscriptions.wishes import Standing, Wish

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from upbit_ws_qt.subscriptions.state import SubscriptionStateManager
    from upbit_ws_qt.types import WebSocketType

__all__ = ["RejectionSearch"]

# Refusals that only one suspect is left to explain before it is blamed: an error out of nowhere must not cost an
# innocent its wish. Where no line had answered anything before, the lines may be at fault: more are needed.
_STRIKES = 2
_STRIKES_WITHOUT_CONTROL = 3
# Refusals in a row of requests that hold only what was taken before, until all of it is suspected again.
_SYSTEMIC = 2


@dataclass(slots=True)
class _Refusal:
    """A request that was refused.

    Attributes:
        suspects: the wishes that may be why, less those that were taken since. One that nobody wants any more stays:
            it may have been the guilty one, and the others are not to be blamed for being left over.
        reason: what the exchange said.
        has_control: whether the same line took something else before.
        is_strike: whether it counts against the last suspect. What may have had another reason, or several wishes on
            a line that had answered nothing, only tells where to search.
    """

    suspects: set[Wish]
    reason: str
    has_control: bool
    is_strike: bool


class RejectionSearch:
    """Finds the guilty wishes of one endpoint; outlives the lines.

    The exchange refuses a request as a whole, says only what kind of error it was, and closes the line. Wishes that it
    took before are trusted; the others of the refused request are suspects. On the next line the trusted ones are asked
    for first, so that they are served, and then the suspects in parts. Each refusal is remembered with those who may
    explain it, and each part that is taken leaves fewer of them: so the halves that were not asked for are judged too,
    and a wish is quarantined once it alone explains two refusals. One for several codes is cut in two before that.

    Attributes:
        rejections: refused requests so far.
        convictions: wishes that were quarantined.
        systemic: refused requests in a row in which there was nobody to suspect.
    """

    def __init__(
        self,
        ws_type: WebSocketType,
        state: SubscriptionStateManager,
        on_guilty: Callable[[Wish], None],
    ) -> None:
        self._ws_type = ws_type
        self._state = state
        self._on_guilty = on_guilty
        self._held: list[Wish] = []
        self._refusals: list[_Refusal] = []
        self._known_whole: set[Wish] = set()  # of several codes, and refused whichever half is asked for
        self.rejections = 0
        self.convictions = 0
        self.systemic = 0

    @property
    def is_searching(self) -> bool:
        """Whether suspects wait for their test."""
        return bool(self._held)

    @property
    def is_open(self) -> bool:
        """Whether somebody is still under suspicion, waiting for a test or being tested."""
        return any(wish.owners for refusal in self._refusals for wish in refusal.suspects)

    def suspects(self) -> frozenset[Wish]:
        """Return the wishes that are asked for and not yet known to be taken."""
        return frozenset(self._state.wishes(self._ws_type, Standing.NEW))

    def accepted(self, wishes: Iterable[Wish]) -> None:
        """Note that the exchange took a request with these."""
        self.systemic = 0
        taken = [wish for wish in wishes if wish.standing is Standing.NEW]
        self._state.set_standing(taken, Standing.TRUSTED)
        for refusal in self._refusals:
            refusal.suspects.difference_update(taken)
        self._convict()

    def rejected(self, wishes: Iterable[Wish], reason: str, *, has_control: bool, is_doubtful: bool = False) -> None:
        """Note that the exchange refused a request in which these were the suspects.

        Args:
            wishes: the suspects of all requests that were not answered yet.
            reason: what the exchange said.
            has_control: whether the same line took something else before. Without that the line, not the wish, may be
                what is wrong, and a lone suspect is only blamed after several lines.
            is_doubtful: whether something else may have been the reason; then it only tells where to search.
        """
        self.rejections += 1
        # One that was cut in two meanwhile is suspected by its parts.
        named = {wish for wish in wishes if wish.standing is not Standing.TRUSTED and not self._state.was_cut(wish)}
        # In the order in which they came, so that the same course of things is always gone through in the same way.
        suspects = [wish for wish in self._state.wishes(self._ws_type, Standing.NEW) if wish in named]
        if not suspects:
            # A wish that has gone since may have been the guilty one: then nobody else is doubted for it.
            if all(wish.owners for wish in named):
                self._nobody_to_suspect()
            return
        self.systemic = 0
        self._state.set_standing(suspects, Standing.HELD)
        self._held += suspects
        # On a line that had answered nothing the line itself may be at fault. Of several suspects that proves nothing
        # against any; of one alone it counts, but takes one refusal more.
        is_strike = not is_doubtful and (has_control or len(named) == 1)
        self._refusals.append(_Refusal(named, reason, has_control, is_strike))
        self._convict()

    def release_next(self) -> bool:
        """Let the next suspects take part in the union; return whether there were any."""
        self._held = [wish for wish in self._held if wish.owners and wish.standing is Standing.HELD]
        if not self._held:
            return False
        group = self._next_group()
        self._held = [wish for wish in self._held if wish not in group]
        self._state.set_standing(group, Standing.NEW)
        return True

    def _next_group(self) -> list[Wish]:
        """Return who is asked for next: half of those who may explain a refusal, or all who have nothing to explain."""
        # Who alone explains a refusal is tested alone: beside others another refusal would say nothing.
        struck = {wish for refusal in self._refusals if len(refusal.suspects) == 1 for wish in refusal.suspects}
        others = [wish for wish in self._held if wish not in struck]
        if not others:
            return self._held[:1]
        groups = [
            group
            for refusal in self._refusals
            if refusal.suspects.isdisjoint(struck) and (group := [w for w in others if w in refusal.suspects])
        ]
        if not groups:
            return others
        # The smallest suspicion is decided soonest, and what is taken of it shrinks the others too.
        smallest = min(groups, key=len)
        return smallest[: max(1, len(smallest) // 2)]

    def _convict(self) -> None:
        """Look closer at who alone explains a refusal: cut it in two, or quarantine it once it explains enough.

        Of a wish for many codes one may be what is refused: then the others are not to be lost with it. Where both
        halves are refused it is the way of asking, or too many codes to look for one by one: all of it is quarantined.
        """
        while (lone := self._next_to_look_at()) is not None:
            half = lone.other_half
            if half is None or half.standing is Standing.TRUSTED:
                self._replace((lone,), self._state.halve(lone))
            else:
                whole = self._state.join(lone, half)
                self._known_whole.add(whole)
                self._replace((lone, half), (whole,))
        for wish in self._lone_suspects():
            strikes = self._strikes(wish)
            needed = _STRIKES if any(refusal.has_control for refusal in strikes) else _STRIKES_WITHOUT_CONTROL
            if len(strikes) < needed or not wish.owners or not self._is_small_enough(wish):
                continue
            self.convictions += 1
            self._known_whole.discard(wish)
            self._held = [held for held in self._held if held is not wish]
            self._refusals = [refusal for refusal in self._refusals if wish not in refusal.suspects]
            self._state.set_standing([wish], Standing.QUARANTINED, strikes[-1].reason)
            self._on_guilty(wish)
        self._refusals = [refusal for refusal in self._refusals if any(wish.owners for wish in refusal.suspects)]
        self._known_whole = {wish for wish in self._known_whole if wish.owners}

    def _lone_suspects(self) -> list[Wish]:
        return [next(iter(refusal.suspects)) for refusal in self._refusals if len(refusal.suspects) == 1]

    def _strikes(self, wish: Wish) -> list[_Refusal]:
        return [refusal for refusal in self._refusals if refusal.suspects == {wish} and refusal.is_strike]

    def _is_small_enough(self, wish: Wish) -> bool:
        """Whether a wish may be quarantined as it is: no part of it, and no other half, can be told from it."""
        if wish in self._known_whole:
            return True
        half = wish.other_half
        return not wish.is_divisible and (half is None or half.standing is Standing.TRUSTED)

    def _next_to_look_at(self) -> Wish | None:
        """Return a lone suspect of which more can be found out by cutting it, or that is one with its other half."""
        for wish in self._lone_suspects():
            if wish.standing is not Standing.HELD or not wish.owners or not self._strikes(wish):
                continue
            half = wish.other_half
            if half is not None and half.standing is Standing.HELD and self._strikes(half):
                return wish
            if (
                wish.is_divisible
                and wish not in self._known_whole
                and (half is None or half.standing is Standing.TRUSTED)
            ):
                return wish
        return None

    def _replace(self, old: tuple[Wish, ...], new: tuple[Wish, ...]) -> None:
        """Suspect `new` wherever one of `old` was suspected."""
        self._held = [*(wish for wish in self._held if wish not in old), *new]
        for refusal in self._refusals:
            if not refusal.suspects.isdisjoint(old):
                refusal.suspects.difference_update(old)
                refusal.suspects.update(new)

    def _nobody_to_suspect(self) -> None:
        self.systemic += 1
        # Once may be chance. Twice in a row something that was taken before is refused now: its rules changed, or its
        # market went.
        if self.systemic >= _SYSTEMIC:
            self.systemic = 0
            self._state.set_standing(self._state.wishes(self._ws_type, Standing.TRUSTED), Standing.NEW)

"""What to give up under load, in the order in which it costs the user least, and when to take it back."""

from __future__ import annotations

import logging
from collections import deque
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec import Struct

from upbit_ws_qt.monitoring.prediction import RateStore, ResourcePrediction
from upbit_ws_qt.text import Phrase
from upbit_ws_qt.types import Delivery, Priority

if TYPE_CHECKING:
    from collections.abc import Iterable

    from upbit_ws_qt.specs import SubscriptionSpec

__all__ = [
    "LADDER",
    "AdaptationKind",
    "AdaptationPlan",
    "AdaptationStep",
    "AdaptiveSubscriptionManager",
    "AdaptiveTuning",
    "LoadMetrics",
]

logger = logging.getLogger("upbit_ws_qt.monitoring.adaptive")

STEPS_KEPT = 200


class AdaptationKind(StrEnum):
    """One rung of the ladder."""

    LOW_BY_FRAME = "low_by_frame"
    """Delivery.FRAME for LOW priority."""
    BOOK_DEPTH_15 = "book_depth_15"
    """Order books of at most 15 units for LOW and NORMAL."""
    BOOK_DEPTH_5 = "book_depth_5"
    """Order books of at most 5 units for LOW and NORMAL."""
    HALF_FRAMES = "half_frames"
    """Half as many display frames."""
    QUARTER_FRAMES = "quarter_frames"
    """A quarter of the display frames."""


LADDER: tuple[AdaptationKind, ...] = tuple(AdaptationKind)
_MORE_OF = {
    AdaptationKind.BOOK_DEPTH_5: AdaptationKind.BOOK_DEPTH_15,
    AdaptationKind.QUARTER_FRAMES: AdaptationKind.HALF_FRAMES,
}
"""Rungs that take more of what another one takes: not while that one was undone by hand."""
_SPARED = frozenset({Priority.CRITICAL, Priority.HIGH})


class LoadMetrics(Struct, frozen=True, kw_only=True):
    """How much the program has to do.

    Attributes:
        loop_lag: seconds.
        backlog_seconds: seconds of work that waits.
        memory_bytes: resident.
    """

    loop_lag: float = 0.0
    backlog_seconds: float = 0.0
    memory_bytes: int = 0


@dataclass(frozen=True, slots=True)
class AdaptiveTuning:
    """When steps are taken. A pressure of 1 is what must not last.

    Attributes:
        lag_limit: seconds of loop lag that are a pressure of 1.
        backlog_limit: seconds of waiting work that are a pressure of 1.
        memory_limit: bytes that are a pressure of 1; 70 % of it are a pressure of 0.
        step_after: seconds of a pressure of 1 or more before each step down.
        ease_below: pressure under which things are taken back.
        ease_after: seconds of that before each step is taken back.
        undone_for: seconds for which a step that was undone by hand is not taken again.
    """

    lag_limit: float = 0.1
    backlog_limit: float = 1.0
    memory_limit: int = 1024**3
    step_after: float = 5.0
    ease_below: float = 0.5
    ease_after: float = 30.0
    undone_for: float = 600.0


class AdaptationPlan(Struct, frozen=True, kw_only=True):
    """What holds now; the manager applies it to every wish. CRITICAL is never touched.

    Attributes:
        steps: the rungs in force.
        frame_divisor: by how much the display frame rate is divided for all but CRITICAL.
    """

    steps: tuple[AdaptationKind, ...] = ()
    frame_divisor: int = 1

    def delivery_for(self, priority: Priority, wanted: Delivery) -> Delivery:
        """Return how a consumer is served that asked for `wanted`."""
        # A batch stays one: its callback takes a tuple, and is called seldom as it is.
        if wanted is Delivery.EVERY and priority is Priority.LOW and AdaptationKind.LOW_BY_FRAME in self.steps:
            return Delivery.FRAME
        return wanted

    def depth_for(self, priority: Priority, wanted: int) -> int:
        """Return the order book units a consumer gets that asked for `wanted`."""
        if priority in _SPARED:
            return wanted
        if AdaptationKind.BOOK_DEPTH_5 in self.steps:
            return min(wanted, 5)
        return min(wanted, 15) if AdaptationKind.BOOK_DEPTH_15 in self.steps else wanted


class AdaptationStep(Struct, frozen=True, kw_only=True):
    """One thing given up or taken back.

    Attributes:
        at: loop clock.
        kind: which rung.
        applied: True when given up, False when taken back.
        because: in words.
        by_hand: whether a person took it back.
    """

    at: float
    kind: AdaptationKind
    applied: bool
    because: str
    by_hand: bool = False


class AdaptiveSubscriptionManager:
    """Decides what is given up; it changes nothing itself.

    Attributes:
        plan: what holds now.
        rates: what streams were measured to bring, for predictions.
    """

    def __init__(self, tuning: AdaptiveTuning | None = None) -> None:
        self._tuning = tuning or AdaptiveTuning()
        self._steps: deque[AdaptationStep] = deque(maxlen=STEPS_KEPT)
        self._undone: dict[AdaptationKind, float] = {}
        self._pressed_since: float | None = None
        self._eased_since: float | None = None
        self.plan = AdaptationPlan()
        self.rates = RateStore()

    def adapt_to_load(self, now: float, load: LoadMetrics) -> AdaptationStep | None:
        """Weigh the load; return the one step that is due, or None."""
        pressure, what = self._pressure(load)
        if pressure >= 1:
            self._eased_since = None
            if self._pressed_since is None:
                self._pressed_since = now
            if now - self._pressed_since < self._tuning.step_after:
                return None
            self._pressed_since = now
            return self._give_up(now, what)
        self._pressed_since = None
        if pressure >= self._tuning.ease_below:
            self._eased_since = None
            return None
        if self._eased_since is None:
            self._eased_since = now
        if not self.plan.steps or now - self._eased_since < self._tuning.ease_after:
            return None
        self._eased_since = now
        return self._take_back(now, Phrase("the load is gone"), by_hand=False)

    def undo(self, now: float) -> AdaptationStep | None:
        """Take the latest step back by hand; it is not taken again for ten minutes. None where nothing is given up."""
        if not self.plan.steps:
            return None
        self._undone[self.plan.steps[-1]] = now + self._tuning.undone_for
        return self._take_back(now, Phrase("undone"), by_hand=True)

    def steps(self) -> tuple[AdaptationStep, ...]:
        """Return the last 200 steps, oldest first."""
        return tuple(self._steps)

    def predict_resource_usage(self, specs: Iterable[SubscriptionSpec]) -> ResourcePrediction:
        """Return what `specs` would cost together, from measured rates."""
        return self.rates.predict(specs)

    def _pressure(self, load: LoadMetrics) -> tuple[float, Phrase]:
        tuning = self._tuning
        low = 0.7 * tuning.memory_limit
        pressures = {
            "loop": load.loop_lag / tuning.lag_limit,
            "backlog": load.backlog_seconds / tuning.backlog_limit,
            "memory": (load.memory_bytes - low) / (tuning.memory_limit - low),
        }
        what = max(pressures, key=pressures.__getitem__)
        if what == "loop":
            return pressures[what], Phrase("the loop is {ms:.0f} ms late", ms=load.loop_lag * 1000)
        if what == "backlog":
            return pressures[what], Phrase("{seconds:.1f} s of work wait", seconds=load.backlog_seconds)
        return pressures[what], Phrase("{mebibytes:.0f} MiB are in use", mebibytes=load.memory_bytes / 1024**2)

    def _give_up(self, now: float, because: Phrase) -> AdaptationStep | None:
        for kind in LADDER:
            if kind not in self.plan.steps and not self._is_barred(now, kind):
                return self._set(now, (*self.plan.steps, kind), kind, because, applied=True)
        return None

    def _is_barred(self, now: float, kind: AdaptationKind) -> bool:
        return any(self._undone.get(each, now) > now for each in (kind, _MORE_OF.get(kind, kind)))

    def _take_back(self, now: float, because: Phrase, *, by_hand: bool) -> AdaptationStep:
        *kept, kind = self.plan.steps
        return self._set(now, tuple(kept), kind, because, applied=False, by_hand=by_hand)

    def _set(
        self,
        now: float,
        steps: tuple[AdaptationKind, ...],
        kind: AdaptationKind,
        because: Phrase,
        *,
        applied: bool,
        by_hand: bool = False,
    ) -> AdaptationStep:
        divisor = 4 if AdaptationKind.QUARTER_FRAMES in steps else 2 if AdaptationKind.HALF_FRAMES in steps else 1
        self.plan = AdaptationPlan(steps=steps, frame_divisor=divisor)
        step = AdaptationStep(at=now, kind=kind, applied=applied, because=because, by_hand=by_hand)
        self._steps.append(step)
        step_name = Phrase(kind.value)
        if applied:
            logger.info("%s", Phrase("gave up {step}: {why}", step=step_name, why=because))
        else:
            logger.info("%s", Phrase("took back {step}: {why}", step=step_name, why=because))
        return step

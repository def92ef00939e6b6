"""Whether a new line is proved, or cannot be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from upbit_ws_qt.errors import RecoveryError
from upbit_ws_qt.text import Phrase

if TYPE_CHECKING:
    from upbit_ws_qt.streams import StreamKey
    from upbit_ws_qt.subscriptions.lister import Lister
    from upbit_ws_qt.subscriptions.memory import EndpointMemory
    from upbit_ws_qt.subscriptions.restore import Proof

__all__ = ["SyncVerdict"]

_BLANK_LINES = 2


class SyncVerdict:
    """A line is proved when the list has what was asked for and the first data of all of it has come.

    What the exchange does not serve does not hold the rest up: streams that were silent on an earlier line are not
    waited for, others no longer than `settle` seconds after anything last happened. All stay owed until their deadline.
    """

    def __init__(self, memory: EndpointMemory, proof: Proof, lister: Lister) -> None:
        self._memory = memory
        self._proof = proof
        self._lister = lister

    def is_proved(self, last_sent: float, now: float) -> bool:
        """Whether the line may serve."""
        if not self._lister.is_done:
            return self._lister.has_failed and self._is_proved_by_data_alone()
        return (not self._awaited() or now >= self.settled_at(last_sent)) and not self._is_blank()

    def error(self, last_sent: float, now: float) -> RecoveryError | None:
        """Return why the line cannot be proved, None while it still may."""
        endpoint = self._memory.ws_type.value
        if self._lister.has_failed and not self._is_proved_by_data_alone():
            return RecoveryError(
                endpoint, Phrase("the list of subscriptions was not answered"), missing=self._missing()
            )
        is_late = now >= last_sent + self._memory.patience.first_data
        if is_late and not self._awaited() and self._is_blank():
            self._memory.blank_lines += 1
            return RecoveryError(endpoint, Phrase("nothing came of what came before"), missing=self._missing())
        return None

    def settled_at(self, last_sent: float) -> float:
        """Return from when on what is still awaited no longer holds the line up."""
        return max(self._lister.listed_at, self._proof.last_progress, last_sent) + self._memory.patience.settle

    def _awaited(self) -> list[StreamKey]:
        return [s for s in self._proof.owed(data=True) if s not in self._memory.unserved_before]

    def _is_proved_by_data_alone(self) -> bool:
        return bool(self._proof.served) and not self._proof.debts

    def _is_blank(self) -> bool:
        """Whether not one of the streams came that came on an earlier line; not believed more than twice in a row."""
        if self._memory.blank_lines >= _BLANK_LINES or self._proof.served:
            return False
        return any(stream in self._memory.served_before for stream in (*self._proof.debts, *self._proof.unserved))

    def _missing(self) -> tuple[str, ...]:
        return tuple(str(stream) for stream in (*self._proof.debts, *self._proof.unserved))

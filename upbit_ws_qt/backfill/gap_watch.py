"""Knows of the latest gap of each line where it begins for each stream, and what came first after it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from upbit_ws_qt.connection import GapEvent
    from upbit_ws_qt.routing import DataRoutingEngine
    from upbit_ws_qt.routing.stream_gate import StreamGate
    from upbit_ws_qt.types import WebSocketType

__all__ = ["GapWatch"]


class GapWatch:
    """Is told each gap before anything of the new line is handed on."""

    def __init__(self, routing: DataRoutingEngine) -> None:
        self._routing = routing
        self._latest: dict[WebSocketType, GapEvent] = {}
        self._gates: dict[WebSocketType, list[StreamGate]] = {}

    def found(self, gap: GapEvent) -> None:
        """Watch what comes first of each stream of a gap."""
        for gate in self._gates.pop(gap.ws_type, ()):
            gate.close()
        self._latest[gap.ws_type] = gap
        gates = [self._routing.watch(each, gap.new, _ignore) for each in gap.ranges]
        self._gates[gap.ws_type] = [gate for gate in gates if gate is not None]

    def latest(self, ws_type: WebSocketType) -> GapEvent | None:
        """Return the latest gap of an endpoint with what came first after it so far; None before the first gap."""
        gap = self._latest.get(ws_type)
        if gap is None:
            return None
        came = {gate.gap.stream: gate.gap for gate in self._gates[ws_type]}
        return replace(gap, ranges=tuple(came.get(each.stream, each) for each in gap.ranges))


def _ignore(gate: StreamGate) -> None:
    """Where nothing is to be made good, what came first is only noted."""

"""Faults on demand: injected per endpoint or connection, counted, cleared again."""

from __future__ import annotations

import itertools
from functools import partial
from typing import TYPE_CHECKING, Any

from .faultlist import Fault, FaultName, Place
from .filters import FILTERS
from .line_faults import apply_line_fault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .filters import Filter
    from .hub import Hub
    from .requests import Subscribe
    from .session import Session
    from .views import Counters


class FaultBoard:
    """All faults of one exchange."""

    def __init__(
        self,
        hub: Hub,
        counters: Counters,
        later: Callable[[float, Callable[[], None]], None],
        announce_maintenance: Callable[[], None],
    ) -> None:
        self._hub = hub
        self._counters = counters
        self._later = later
        self._announce_maintenance = announce_maintenance
        self._numbers = itertools.count(1)
        self._faults: list[Fault] = []

    @property
    def active(self) -> list[Fault]:
        """The faults that may still take effect, oldest first."""
        return [fault for fault in self._faults if not fault.is_exhausted()]

    def inject(
        self, name: FaultName | str, endpoint: str | None = None, connection: int | None = None, **options: Any
    ) -> Fault:
        """Start a fault on an endpoint (None: all), or on the one connection with that id.

        Raises:
            ValueError: If the name, an option or the connection is unknown.
        """
        fault_name = FaultName(name)
        if endpoint not in (None, "public", "private", "info"):
            raise ValueError(f"endpoint must be public, private or info, not {endpoint!r}")
        if connection is not None and connection not in self._hub.sessions:
            raise ValueError(f"there is no open connection {connection}")
        fault = Fault(next(self._numbers), fault_name, endpoint, connection, options, self._on_clear)
        if fault.place is Place.HANDSHAKE and connection is not None:
            raise ValueError(f"{fault_name} is met at the handshake: it takes an endpoint, not a connection")
        if fault.place is Place.REST and (endpoint, connection) != (None, None):
            raise ValueError(f"{fault_name} is met by REST calls: it takes a path, no endpoint and no connection")
        self._faults.append(fault)
        if fault.place is Place.OUTGOING:
            for session in self._hub.sessions.values():
                self._refresh(session)
        elif fault.place is Place.LINE and fault.options["on"] == "now":
            for session in self._matching_sessions(fault):
                self._apply_later(session, fault)
            self._later(max(0.0, fault.options["after"]), fault.clear)
        elif fault_name is FaultName.MAINTENANCE:
            self._announce_maintenance()
            self._later(fault.options["notice"], lambda: self._begin_maintenance(fault))
        return fault

    def clear(self) -> None:
        """End all faults."""
        for fault in list(self._faults):
            fault.clear()

    # What the exchange asks.

    def at_handshake(self, endpoint: str, *, without: FaultName | None = None) -> Fault | None:
        """Return the fault that a handshake for `endpoint` meets, and count it."""
        for fault in self.active:
            if fault.place is Place.HANDSHAKE and fault.name is not without and fault.matches(endpoint, None):
                if fault.name is FaultName.MAINTENANCE and not fault.hits:
                    continue  # announced, but not begun
                self._count(fault)
                return fault
        return None

    def at_rest(self, path: str, *names: FaultName) -> Fault | None:
        """Return the fault of one of these names that a REST call for `path` meets, and count it."""
        for fault in self.active:
            if fault.name in names and path.startswith(fault.options["path"]) and self._count(fault):
                return fault
        return None

    def on_open(self, session: Session) -> None:
        """Let faults have a new session."""
        self._refresh(session)
        self._apply_on("open", session)

    def on_request(self, session: Session) -> bool:
        """Let faults have a session whose message has arrived; False where it is to be ignored, or the line is gone."""
        self._apply_on("request", session)
        for fault in self._at(Place.REQUEST, session):
            if fault.name is FaultName.IGNORED_REQUEST and self._count(fault):
                return False
        return session.line.is_open

    def on_served(self, session: Session) -> None:
        """Let faults have a session whose request has been answered."""
        self._apply_on("served", session)

    def hide_codes(self, session: Session, request: Subscribe) -> None:
        """Note on the session which codes of a new request are not served, and which of them not listed either."""
        hidden: set[str] = set()
        unlisted: set[str] = set()
        codes = list(dict.fromkeys(code for wish in request.wishes for code in wish.codes))
        for fault in self._at(Place.REQUEST, session):
            if fault.name is FaultName.MISSING_CODES and self._count(fault):
                missing = fault.options["codes"] or codes[-fault.options["count"] :]
                hidden.update(missing)
                if not fault.options["listed"]:
                    unlisted.update(missing)
        session.hidden_codes, session.unlisted_codes = frozenset(hidden), frozenset(unlisted)

    # Inside.

    def _at(self, place: Place, session: Session) -> Iterator[Fault]:
        return (f for f in list(self._faults) if f.place is place and f.matches(session.endpoint, session.id))

    def _matching_sessions(self, fault: Fault) -> list[Session]:
        return [s for s in self._hub.sessions.values() if fault.matches(s.endpoint, s.id)]

    def _count(self, fault: Fault) -> bool:
        """Count a hit; False where the fault has had its share already."""
        if fault.is_exhausted() or not fault.active:
            return False
        fault.hits += 1
        self._counters.fault_hits[fault.name.value] += 1
        if fault.is_exhausted() and fault.place is not Place.OUTGOING and fault in self._faults:
            self._faults.remove(fault)  # a filter stays: it may hold something back
        return True

    def _apply_on(self, moment: str, session: Session) -> None:
        for fault in self._at(Place.LINE, session):
            if fault.options["on"] == moment:
                self._apply_later(session, fault)

    def _apply_later(self, session: Session, fault: Fault) -> None:
        if not self._count(fault):
            return
        if fault.options["after"] > 0:
            self._later(fault.options["after"], lambda: self._apply(session, fault))
        else:
            self._apply(session, fault)

    def _apply(self, session: Session, fault: Fault) -> None:
        if fault.active and not session.line.lost:
            apply_line_fault(self._hub, session, fault)

    def _refresh(self, session: Session) -> None:
        """Bring the session's filters, delay and stall in line with the faults in force."""
        faults = list(self._at(Place.OUTGOING, session))
        kept = {filter_.fault: filter_ for filter_ in session.filters}
        session.filters = []
        for fault in faults:
            if fault.name in FILTERS and not (fault.name is FaultName.STALL and fault.options["keep"]):
                session.filters.append(kept.pop(fault) if fault in kept else self._filter(fault))
        for filter_ in kept.values():
            for message in filter_.drain():
                session.push(message)
        session.delay = max((f.options["seconds"] for f in faults if f.name is FaultName.DELAY), default=0.0)
        late = next((f for f in faults if f.name is FaultName.LATE_SNAPSHOTS), None)
        session.snapshot_delays = () if late is None else (late.options["first"], late.options["second"])
        session.on_late_snapshots = _nothing if late is None else partial(self._count, late)
        session.stalled = any(f.name is FaultName.STALL and f.options["keep"] for f in faults)

    def _filter(self, fault: Fault) -> Filter:
        return FILTERS[fault.name](fault, lambda: self._count(fault))

    def _begin_maintenance(self, fault: Fault) -> None:
        if fault.active:
            self._count(fault)
            for session in self._matching_sessions(fault):
                session.line.close(1001, "maintenance", "fault maintenance")
            self._later(fault.options["seconds"], fault.clear)

    def _on_clear(self, fault: Fault) -> None:
        if fault in self._faults:
            self._faults.remove(fault)
        if fault.place is Place.OUTGOING:
            for session in self._hub.sessions.values():
                self._refresh(session)


def _nothing() -> bool:
    """Count nothing."""
    return True

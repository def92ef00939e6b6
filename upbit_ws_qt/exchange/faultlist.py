"""The faults by name: what each does and which options it takes. docs/exchange.md is checked against this list."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


class FaultName(StrEnum):
    """Every fault the exchange can be given."""

    DROP = "drop"
    HALF_OPEN = "half_open"
    CLOSE = "close"
    ERROR = "error"
    GARBAGE = "garbage"
    CUT_FRAME = "cut_frame"
    HUGE_MESSAGE = "huge_message"
    DECOMPRESSION_BOMB = "decompression_bomb"
    MASKED_FRAME = "masked_frame"
    PROTOCOL_VIOLATION = "protocol_violation"
    REFUSE = "refuse"
    TOO_MANY = "too_many"
    BLOCKED = "blocked"
    SLOW_ACCEPT = "slow_accept"
    INVALID_AUTH = "invalid_auth"
    MAINTENANCE = "maintenance"
    DELAY = "delay"
    STALL = "stall"
    MUTE = "mute"
    TRUNCATED = "truncated"
    WRONG_ORDER = "wrong_order"
    DUPLICATE_TRADES = "duplicate_trades"
    WRONG_SNAPSHOT = "wrong_snapshot"
    CLOCK_SKEW = "clock_skew"
    DUPLICATE_BOOKS = "duplicate_books"
    LATE_SNAPSHOTS = "late_snapshots"
    MICROSECONDS = "microseconds"
    OTHER_SPELLINGS = "other_spellings"
    MISSING_CODES = "missing_codes"
    IGNORED_REQUEST = "ignored_request"
    REST_REFUSE = "rest_refuse"
    REST_TOO_MANY = "rest_too_many"
    REST_BLOCKED = "rest_blocked"
    REST_SLOW = "rest_slow"
    REST_CUT = "rest_cut"
    REST_LAG = "rest_lag"


class Place(StrEnum):
    """Where a fault acts."""

    LINE = "line"
    HANDSHAKE = "handshake"
    OUTGOING = "outgoing"
    REQUEST = "request"
    REST = "rest"


@dataclass(frozen=True, slots=True)
class FaultSpec:
    """Where a fault acts and its options with their defaults."""

    place: Place
    options: dict[str, Any] = field(default_factory=dict)
    choices: dict[str, tuple[str, ...]] = field(default_factory=dict)


GARBAGE_KINDS = (
    "not_json", "binary", "empty", "deep", "scalar", "array", "unknown_type", "no_type", "wrong_types", "nan",
    "long_number", "duplicate_keys",
)  # fmt: skip
VIOLATION_KINDS = ("opcode", "continuation", "rsv", "long_ping", "fragmented_ping", "utf8", "length", "close_code")
SNAPSHOT_MODES = ("other_code", "stale", "missing", "twice", "realtime", "behind")
MOMENTS = ("now", "open", "request", "served")

# `on`: now = open connections at once; open = each new one; request = when a message arrives, before it is looked at;
# served = after a request has been answered. `after`: seconds from there. `times`: how often, None = until cleared.
_WHEN: dict[str, Any] = {"on": "now", "after": 0.0, "times": None}


def _line(choices: dict[str, tuple[str, ...]] | None = None, **options: Any) -> FaultSpec:
    return FaultSpec(Place.LINE, {**options, **_WHEN}, {"on": MOMENTS, **(choices or {})})


def _handshake(**options: Any) -> FaultSpec:
    return FaultSpec(Place.HANDSHAKE, {**options, "times": None})


def _rest(**options: Any) -> FaultSpec:
    return FaultSpec(Place.REST, {**options, "path": "", "times": None})


SPECS: dict[FaultName, FaultSpec] = {
    FaultName.DROP: _line(),
    FaultName.HALF_OPEN: _line(),
    FaultName.CLOSE: _line(code=1001, text=""),
    FaultName.ERROR: _line(error="TOO_MANY_REQUEST"),
    FaultName.GARBAGE: _line({"kind": GARBAGE_KINDS}, kind="not_json", count=1),
    FaultName.CUT_FRAME: _line(hold=False),
    FaultName.HUGE_MESSAGE: _line(size=16 * 1024 * 1024),
    FaultName.DECOMPRESSION_BOMB: _line(size=64 * 1024 * 1024, hold=True),
    FaultName.MASKED_FRAME: _line(hold=True),
    FaultName.PROTOCOL_VIOLATION: _line({"kind": VIOLATION_KINDS}, kind="opcode", hold=True),
    FaultName.REFUSE: _handshake(status=503),
    FaultName.TOO_MANY: _handshake(),
    FaultName.BLOCKED: _handshake(seconds=10.0),
    FaultName.SLOW_ACCEPT: _handshake(seconds=3.0),
    FaultName.INVALID_AUTH: _handshake(http=False),
    FaultName.MAINTENANCE: _handshake(notice=1.0, seconds=30.0),
    FaultName.DELAY: FaultSpec(Place.OUTGOING, {"seconds": 0.5}),
    FaultName.STALL: FaultSpec(Place.OUTGOING, {"keep": True}),
    FaultName.MUTE: FaultSpec(Place.OUTGOING, {"codes": ()}),
    FaultName.TRUNCATED: FaultSpec(Place.OUTGOING, {"every": 1, "times": None}),
    FaultName.WRONG_ORDER: FaultSpec(Place.OUTGOING, {"times": None}),
    FaultName.DUPLICATE_TRADES: FaultSpec(Place.OUTGOING, {"copies": 1, "times": None}),
    FaultName.WRONG_SNAPSHOT: FaultSpec(
        Place.OUTGOING,
        {"mode": "other_code", "code": "KRW-WRONG", "age": 600.0, "times": None},
        {"mode": SNAPSHOT_MODES},
    ),
    FaultName.CLOCK_SKEW: FaultSpec(Place.OUTGOING, {"seconds": 60.0}),
    FaultName.DUPLICATE_BOOKS: FaultSpec(Place.OUTGOING, {"copies": 1, "times": None}),
    FaultName.LATE_SNAPSHOTS: FaultSpec(Place.OUTGOING, {"first": 0.18, "second": 0.34}),
    FaultName.MICROSECONDS: FaultSpec(Place.OUTGOING, {"types": ("orderbook",), "times": None}),
    FaultName.OTHER_SPELLINGS: FaultSpec(Place.OUTGOING),
    FaultName.MISSING_CODES: FaultSpec(Place.REQUEST, {"codes": (), "count": 1, "listed": False, "times": 1}),
    FaultName.IGNORED_REQUEST: FaultSpec(Place.REQUEST, {"times": 1}),
    FaultName.REST_REFUSE: _rest(status=503, error="service_unavailable"),
    FaultName.REST_TOO_MANY: _rest(),
    FaultName.REST_BLOCKED: _rest(seconds=10.0),
    FaultName.REST_SLOW: _rest(seconds=3.0),
    FaultName.REST_CUT: _rest(),
    FaultName.REST_LAG: _rest(seconds=1.0),
}


class Fault:
    """A fault at work.

    Attributes:
        id: Number for the control path.
        name: Which fault.
        endpoint: Only this endpoint, None for all.
        connection: Only the connection with this id, None for all.
        options: All options, those not given with their defaults.
        hits: How often it has struck.
        active: Whether it has not been cleared.
    """

    def __init__(
        self,
        number: int,
        name: FaultName,
        endpoint: str | None,
        connection: int | None,
        options: dict[str, Any],
        on_clear: Callable[[Fault], None],
    ) -> None:
        self.id = number
        self.name = name
        self.endpoint = endpoint
        self.connection = connection
        self.options = checked_options(name, options)
        self.hits = 0
        self.active = True
        self._on_clear = on_clear

    def __repr__(self) -> str:
        return f"<Fault {self.id} {self.name} {self.endpoint or 'all'} hits={self.hits} active={self.active}>"

    @property
    def place(self) -> Place:
        """Where it acts."""
        return SPECS[self.name].place

    def is_exhausted(self) -> bool:
        """Whether it has struck as often as it may."""
        times = self.options.get("times")
        return times is not None and self.hits >= times

    def clear(self) -> None:
        """End it; what it held back goes out. What has been broken stays broken. Idempotent."""
        if self.active:
            self.active = False
            self._on_clear(self)

    def matches(self, endpoint: str, connection: int | None) -> bool:
        """Tell whether it is meant for this connection (None: one that has no id yet)."""
        return self.endpoint in (None, endpoint) and self.connection in (None, connection)


def checked_options(name: FaultName, given: dict[str, Any]) -> dict[str, Any]:
    """Return all options of a fault.

    Raises:
        ValueError: If an option is unknown, of another type than its default, or no choice.
    """
    spec = SPECS[name]
    for option, value in given.items():
        if option not in spec.options:
            raise ValueError(f"{name} takes no option {option!r}; it takes {', '.join(spec.options) or 'none'}")
        if option in spec.choices and value not in spec.choices[option]:
            raise ValueError(f"{option} of {name} must be one of {', '.join(spec.choices[option])}, not {value!r}")
        default = spec.options[option]
        if option != "times" and not isinstance(value, _accepted(default)):
            raise ValueError(f"{option} of {name} must be like {default!r}, not {value!r}")
        if option == "times" and not (value is None or (isinstance(value, int) and value > 0)):
            raise ValueError(f"times of {name} must be a positive number or None, not {value!r}")
    return {**spec.options, **given}


def _accepted(default: Any) -> tuple[type, ...]:
    if isinstance(default, bool):
        return (bool,)
    if isinstance(default, float):
        return (float, int)
    if isinstance(default, tuple):
        return (tuple, list)
    return (type(default),)

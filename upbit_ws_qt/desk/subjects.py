"""Names and headers on the desk's NATS server, and wishes as they travel; no I/O.

`upbit.<region>.<line>.<type>.<code>[.<variant>]` carries the exchange's frames as they came. What is not about a
market has the code `_`. A dot would begin another part of the name, so that `candle.1m` is written `candle_1m`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote, unquote

from upbit_ws_qt.errors import SubscriptionError
from upbit_ws_qt.specs import IndicatorSpec, SubscriptionSpec
from upbit_ws_qt.streams import ALL_SYMBOLS, StreamKey, key_of_event, plain_number, streams_of
from upbit_ws_qt.types import DataType, WebSocketType
from upbit_ws_qt.wire import decode, peek

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

__all__ = [
    "BEAT",
    "LINE",
    "ROOT",
    "Names",
    "Stamp",
    "Wish",
    "as_json",
    "read_json",
    "subject_finder",
    "wishes_of_request",
]

ROOT = "upbit"
BEAT, LINE = "beat", "line"
"""Types of messages that are the relay's own: it lives, and how it stands with its line."""
NO_CODE = "_"

_EPOCH, _RECEIVED, _NUMBER = "Upbit-Epoch", "Upbit-Received-At", "Upbit-Sequence"
_TYPES = {data_type.value.replace(".", "_"): data_type for data_type in DataType}


class Stamp(NamedTuple):
    """What the relay says of a frame, in its headers; of two frames the greater one is the later one.

    Attributes:
        term: counts the relays that led, one after the other; a frame of an older one is void once a newer one led.
        number: counts what one relay has published in its term, over all lines, from 1 on.
        epoch: of the relay's line that the frame came on.
        received_at: when the relay received it, seconds since 1970.
    """

    term: int
    number: int
    epoch: int = 0
    received_at: float = 0.0

    @property
    def order(self) -> tuple[int, int]:
        """What comes later is greater."""
        return self.term, self.number

    @property
    def line_epoch(self) -> tuple[int, int]:
        """The same for all that came on one line of one relay."""
        return self.term, self.epoch

    def headers(self) -> dict[str, str]:
        """Return it as the headers of a message."""
        return {
            _EPOCH: f"{self.term}.{self.epoch}",
            _RECEIVED: f"{self.received_at:.6f}",
            _NUMBER: str(self.number),
        }

    @classmethod
    def read(cls, headers: Mapping[str, str] | None) -> Stamp | None:
        """Return what headers say; None where it is no message of a relay's."""
        if headers is None:
            return None
        try:
            term, _, epoch = headers[_EPOCH].partition(".")
            return cls(int(term), int(headers[_NUMBER]), int(epoch), float(headers[_RECEIVED]))
        except (KeyError, ValueError):
            return None


@dataclass(frozen=True, slots=True)
class Names:
    """The names of one region's desk.

    Attributes:
        region: "kr", "sg", "id" or "th".
    """

    region: str

    @property
    def stream(self) -> str:
        """The JetStream stream that keeps the frames."""
        return f"UPBIT_{self.region.upper()}"

    @property
    def newest(self) -> str:
        """The stream that keeps the newest frame of each subject, however old it is."""
        return f"{self.stream}_NEWEST"

    @property
    def bucket(self) -> str:
        """The key-value bucket in which relays find out which one leads."""
        return f"{self.stream}_RELAY"

    @property
    def lines(self) -> tuple[WebSocketType, ...]:
        """The lines whose frames are in the stream: what belongs to an account stays with who has its key."""
        return WebSocketType.PUBLIC, WebSocketType.INFO

    @property
    def everything(self) -> tuple[str, ...]:
        """Subjects that the stream takes in."""
        return tuple(f"{ROOT}.{self.region}.{ws_type.value}.>" for ws_type in self.lines)

    def own(self, ws_type: WebSocketType, kind: str) -> str:
        """Return the subject of what the relay itself says about a line."""
        return f"{ROOT}.{self.region}.{ws_type.value}.{kind}.{NO_CODE}"

    def subject(self, stream: StreamKey) -> str:
        """Return the subject of a stream."""
        name = stream.data_type.value.replace(".", "_")
        parts = [ROOT, self.region, stream.websocket_type.value, name, stream.symbol or NO_CODE]
        if stream.variant:
            parts.append(quote(stream.variant, safe="").replace(".", "%2E"))
        return ".".join(parts)

    def stream_key(self, subject: str) -> StreamKey | None:
        """Return the stream whose frames a subject carries; None for what is no frame."""
        root, region, _, name, code, *variant = [*subject.split("."), "", "", "", ""][:6]
        data_type = _TYPES.get(name)
        if root != ROOT or region != self.region or data_type is None:
            return None
        return StreamKey(data_type, ALL_SYMBOLS if code == NO_CODE else code, unquote("".join(variant)))

    def asked(self, ws_type: WebSocketType) -> str:
        """Return the subject on which the leading relay is told wishes."""
        return f"desk.{self.region}.{ws_type.value}.want"

    @property
    def rest(self) -> str:
        """The subject on which the leading relay is asked for what only REST knows."""
        return f"desk.{self.region}.rest"


class Wish(NamedTuple):
    """One type object of a request.

    Attributes:
        spec: what is wanted.
        only_realtime: whether the present state is not to be sent first.
    """

    spec: SubscriptionSpec
    only_realtime: bool = False

    @property
    def streams(self) -> tuple[StreamKey, ...]:
        """The streams that it is about."""
        return streams_of(self.spec)


def wishes_of_request(objects: Iterable[Mapping[str, Any]]) -> list[Wish]:
    """Return the wishes that the type objects of a request to the exchange stand for.

    Raises:
        SubscriptionError: for what is no wish.
    """
    wishes = []
    for each in objects:
        try:
            indicators = [
                IndicatorSpec.of(
                    entry["type"],
                    _numbers(entry.get("params")),
                    trigger=entry.get("trigger"),
                    event_params=_numbers(entry.get("event_params")),
                )
                for entry in each.get("indicators", ())
            ]
            spec = SubscriptionSpec(
                each["type"],
                tuple(each.get("codes", ())),
                level=Decimal(str(each.get("level", 0))),
                only_snapshot=bool(each.get("is_only_snapshot")),
                categories=tuple(each.get("categories", ())),
                include_body=bool(each.get("include_body")),
                timeframe=each.get("timeframe"),
                indicators=tuple(indicators),
            )
        except (AttributeError, KeyError, TypeError, ArithmeticError) as error:
            raise SubscriptionError(f"this is no wish: {each!r:.100}") from error
        wishes.append(Wish(spec, bool(each.get("is_only_realtime"))))
    return wishes


def _numbers(params: Mapping[str, Any] | None) -> dict[str, Any]:
    return {name: _number(value) for name, value in (params or {}).items()}


def _number(value: Any) -> Any:
    return Decimal(str(value)) if isinstance(value, float) else value


def subject_finder(
    names: Names, stream_of: Callable[[bytes | str], tuple[str, str, bytes] | None]
) -> Callable[[bytes | str], str | None]:
    """Return what finds the subject of a frame by its first bytes; of the indicators alone by decoding it.

    Args:
        names: the desk's.
        stream_of: tells type, code and level of a frame, None where it cannot.
    """
    indicators = frozenset(data_type.value for data_type in DataType if data_type.is_indicator)

    @cache
    def named(data_type: str, code: str, level: bytes) -> str:
        number = Decimal(level.decode())
        return names.subject(StreamKey(DataType(data_type), code, plain_number(number) if number else ""))

    def find(frame: bytes | str) -> str | None:
        head = peek(frame)
        if head is None or head[0] in indicators:
            event = decode(frame)[0]
            key = key_of_event(event) if hasattr(event, "type") else None  # type: ignore[arg-type]
            return None if key is None else names.subject(key)
        seen = stream_of(frame) if head[0] == DataType.ORDERBOOK.value else (*head, b"0")
        return None if seen is None else named(*seen)

    return find


def as_json(value: object) -> bytes:
    """Return what two of the desk's programs say to each other."""
    return json.dumps(value, separators=(",", ":")).encode()


def read_json(data: bytes) -> dict[str, Any]:
    """Return what another program said; nothing where it is no object."""
    try:
        value = json.loads(data)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}

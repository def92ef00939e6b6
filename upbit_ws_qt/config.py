"""How the service is set up: one frozen object, checked when it is made."""

from __future__ import annotations

import dataclasses
import os
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, Self

from upbit_ws_qt.config_rules import (
    ENVIRONMENT_PREFIX,
    AlertLimits,
    check_desk_address,
    check_setting,
    from_plain,
    from_text,
    read_table,
    require_reachable,
)
from upbit_ws_qt.credentials import Credentials
from upbit_ws_qt.errors import ConfigurationError
from upbit_ws_qt.regions import REGIONS
from upbit_ws_qt.types import BackpressureConfig, DataFormat, IndependenceLevel, WebSocketType

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ENVIRONMENT_PREFIX", "REGIONS", "AlertLimits", "ServiceConfig", "require_reachable"]


class _Exchange(Protocol):
    """Where an exchange of one's own is, and the dummy keys it knows."""

    @property
    def public_url(self) -> str: ...
    @property
    def private_url(self) -> str: ...
    @property
    def info_url(self) -> str: ...
    @property
    def rest_url(self) -> str: ...
    @property
    def access_key(self) -> str: ...
    @property
    def secret_key(self) -> str: ...


@dataclass(frozen=True, kw_only=True)
class ServiceConfig:
    """Every setting of the service, with what it means and its unit.

    A value that cannot work raises ConfigurationError naming the field, the value and what is allowed. Without
    any argument the object describes public data of the Korean exchange.

    Example:
        >>> config = ServiceConfig(ping_interval=15.0)
        >>> config.replace(frame_rate=30).frame_rate
        30
        >>> ServiceConfig(ping_interval=90)
        Traceback (most recent call last):
        upbit_ws_qt.errors.ConfigurationError: ping_interval: 90 is not allowed; expected a number from 0.05 to 55

    Attributes:
        region: whose rules hold: "kr", "sg", "id" or "th"; what a region does not have is refused when it is asked
            for. `for_region` sets the addresses too, and so does a file or the environment that names a region and no
            addresses.
        public_url: address of the public endpoint, `wss://…` (or `ws://` on loopback).
        private_url: of own orders, assets and announcements; None where the region has no such endpoint.
        info_url: of indicators; None where the region has no such endpoint.
        rest_url: of the REST interface, `https://…` (or `http://` on loopback).
        credentials: the key; None gives public data only.
        desk_url: address of the NATS server of a desk, from which everything comes instead of from the exchange, see
            `for_desk`; None for none.
        desk_ca: a file with the certificates that are trusted there, instead of the computer's own.
        desk_plain: whether a server on another computer may be spoken to without TLS, where everybody on the way can
            read and forge.
        proxy: "http://host:port" or "socks5://…"; None goes straight, whatever the environment says.
        data_format: how the exchange spells its frames, see DataFormat.
        compression: whether permessage-deflate is offered.
        max_frame_bytes: bytes of one message, inflated; a longer one ends the line.
        max_bytes_per_second: bytes, inflated, per line, averaged over a second; a peer that sends more is cut off.
        max_frames_per_second: messages per line, likewise.
        connect_timeout: seconds for one dial, from the name to the handshake.
        close_timeout: seconds that a peer has to answer the close frame.
        rest_timeout: seconds that one answer of the REST interface may take, from the connection to its last byte.
        ping_interval: seconds; a line that is dead though nobody said so is found within this and `pong_timeout`;
            pings cost no budget.
        pong_timeout: seconds; time for which this program's own loop stood still does not count.
        busy_silence_timeout: seconds of silence after which a line that is known to be busy is given up.
        backoff_initial: seconds: the first pause before a line is dialled again is at most this long, each next one
            twice that.
        backoff_max: seconds that a pause is at most.
        stable_after: seconds of flowing data after which the back-off starts anew.
        idle_grace: seconds that a line which nothing wants stays open.
        token_lifetime: seconds; the private lines are renewed at 80 % of this.
        connects_per_second: dials a second, the exchange's limit.
        messages_per_second: requests a second on one line, the exchange's limit.
        messages_per_minute: requests a minute on one line, the exchange's limit.
        gather_interval: seconds that the first change of the wishes waits for others that belong to it.
        list_timeout: seconds that LIST_SUBSCRIPTIONS may take to answer.
        proof_timeout: seconds that the first data of a stream may take before it is reported unserved. Longer while
            the exchange has not shown that it took the request, or still sends what was asked for with it. Time in
            which the event loop was blocked does not count.
        drain_budget: seconds that one turn of the event loop may spend on handing out frames.
        inbox_frames: raw frames waiting per line; beyond it the oldest conflatable ones are dropped and counted.
        frame_rate: display frames a second for Delivery.FRAME.
        backpressure: the queue of consumers that name none, see BackpressureConfig.
        backfill: what is asked for by REST where it was missed while a line was down: any of "trade", "candle",
            "order", "asset". Of one's own orders and assets also how it stands with them at the beginning.
        backfill_hold: Seconds for which live events wait at most, so that what was missed before them comes first;
            only of streams that missed something, and only for components that want it.
        slow_callback: seconds; a callback that takes longer counts as blocking.
        quarantine_after: failures or blocking calls within `quarantine_window` after which a component is put aside.
        quarantine_window: seconds, see there.
        dead_component_timeout: seconds after which a component that stopped consuming is removed.
        independence_level: how much the lines are kept apart, see IndependenceLevel.
        metrics_interval: seconds between two readings of the figures.
        health_interval: seconds between two judgements of the health.
        cleanup_interval: seconds between two looks for owners that died without a word.
        data_pool: whether the newest of each stream is kept, which SimpleWebSocketClient reads.
        history_length: events kept per key in the data pool besides the newest; 0 keeps none.
        data_pool_bytes: bytes that the pool may take; beyond it the histories get shorter.
        metrics_history: whether figures are kept over time, up to a day.
        independence_monitor: whether it is measured how the lines disturb each other.
        raise_independence: whether the level may be raised while the program runs, where the lines are found to
            disturb each other.
        adaptive: whether things are given up under load, see `service.adaptations()`.
        alerts: whether alerts are raised.
        alert_limits: from which figures on alerts are raised; in a TOML file the table [alert_limits].
        collect_in_quiet: whether Python's full garbage collections, at which a window stands still, wait until no
            data flow, for ten minutes at most. It holds for the whole interpreter, so it is the program's to ask for.
        json_logs: while the service runs, send the package's log to stderr, one JSON object a line.
    """

    # -- where to -----------------------------------------------------------------------------------------------
    region: str = "kr"
    public_url: str = "wss://api.upbit.com/websocket/v1"
    private_url: str | None = "wss://api.upbit.com/websocket/v1/private"
    info_url: str | None = "wss://api.upbit.com/websocket/v1/info"
    rest_url: str = "https://api.upbit.com"
    credentials: Credentials | None = None
    desk_url: str | None = field(default=None, repr=False)  # it may carry a password
    desk_ca: str | None = None
    desk_plain: bool = False
    proxy: str | None = field(default=None, repr=False)  # likewise

    # -- how the wire is spoken -----------------------------------------------------------------------------------
    data_format: DataFormat = DataFormat.AUTO
    compression: bool = True
    max_frame_bytes: int = 1024 * 1024
    max_bytes_per_second: int = 64 * 1024 * 1024
    max_frames_per_second: int = 200_000

    # -- a line's life, in seconds ----------------------------------------------------------------------------------
    connect_timeout: float = 10.0
    close_timeout: float = 1.0
    rest_timeout: float = 10.0
    ping_interval: float = 5.0
    pong_timeout: float = 4.0
    busy_silence_timeout: float = 10.0
    backoff_initial: float = 0.5
    backoff_max: float = 30.0
    stable_after: float = 5.0
    idle_grace: float = 5.0
    token_lifetime: float = 3600.0

    # -- limits of the exchange (protocol sheet, "Rate limits") --------------------------------------------------------
    connects_per_second: int = 5
    messages_per_second: int = 5
    messages_per_minute: int = 100

    # -- subscribing, in seconds ----------------------------------------------------------------------------------
    gather_interval: float = 0.02
    list_timeout: float = 2.0
    proof_timeout: float = 3.0

    # -- handing out --------------------------------------------------------------------------------------------
    drain_budget: float = 0.004
    inbox_frames: int = 50_000
    frame_rate: float = 60.0
    backpressure: BackpressureConfig = field(default_factory=BackpressureConfig)
    backfill: frozenset[str] = frozenset()
    backfill_hold: float = 2.0
    slow_callback: float = 0.1
    quarantine_after: int = 10
    quarantine_window: float = 30.0
    dead_component_timeout: float = 60.0
    independence_level: IndependenceLevel = IndependenceLevel.ENHANCED

    # -- watching over it, in seconds -----------------------------------------------------------------------------
    metrics_interval: float = 10.0
    health_interval: float = 30.0
    cleanup_interval: float = 60.0

    # -- optional parts: off means absent --------------------------------------------------------------------------
    data_pool: bool = True
    history_length: int = 0
    data_pool_bytes: int = 64 * 1024 * 1024
    metrics_history: bool = True
    independence_monitor: bool = True
    raise_independence: bool = True
    adaptive: bool = True
    alerts: bool = True
    alert_limits: AlertLimits = field(default_factory=AlertLimits)
    collect_in_quiet: bool = False
    json_logs: bool = False

    def __post_init__(self) -> None:
        # Here and not where they are used: a setting that cannot work should fail where it is written.
        for item in dataclasses.fields(self):
            check_setting(item.name, str(item.type), getattr(self, item.name))
        if self.backoff_max < self.backoff_initial:
            raise ConfigurationError(
                "backoff_max", self.backoff_max, f"at least backoff_initial ({self.backoff_initial})"
            )
        if self.desk_url is not None:
            check_desk_address("desk_url", self.desk_url, plain=self.desk_plain)
            if self.credentials is not None:
                raise ConfigurationError("credentials", "***", "None with a desk: the relay alone has keys")
        if self.credentials is not None and not isinstance(self.credentials, Credentials):
            raise ConfigurationError("credentials", "***", "a Credentials object")
        if self.credentials is not None and not self.credentials.is_dummy:
            for name, plain in (("private_url", "ws"), ("info_url", "ws"), ("rest_url", "http")):
                if str(getattr(self, name)).startswith(f"{plain}:"):
                    allowed = f"{plain}s:// for real keys; {plain}:// is for dummy keys (Credentials.dummy(), say)"
                    raise ConfigurationError(name, getattr(self, name), allowed)

    # -- ready-made ---------------------------------------------------------------------------------------------
    @classmethod
    def production(cls, **overrides: Any) -> Self:
        """For real trading: the defaults."""
        return cls(**overrides)

    @classmethod
    def development(cls, **overrides: Any) -> Self:
        """For writing programs: plain frames that a person can read, figures every two seconds."""
        return cls(
            **{
                "data_format": DataFormat.DEFAULT,
                "compression": False,
                "metrics_interval": 2.0,
                "health_interval": 5.0,
                "cleanup_interval": 10.0,
                **overrides,
            }
        )

    @classmethod
    def testing(cls, exchange: _Exchange | None = None, /, **overrides: Any) -> Self:
        """For tests: everything that waits, waits shortly.

        Args:
            exchange: an EmbeddedExchange that was started; as in `for_exchange`. In a world that a test makes by hand a
                busy market may fall silent, so a line is not given up for that within 60 s.
            **overrides: other settings, which win.
        """
        make, world = (
            (cls, {}) if exchange is None else (partial(cls.for_exchange, exchange), {"busy_silence_timeout": 60.0})
        )
        return make(
            **{
                "connect_timeout": 3.0,
                "close_timeout": 0.2,
                "ping_interval": 1.0,
                "pong_timeout": 1.0,
                "busy_silence_timeout": 2.0,
                "backoff_initial": 0.02,
                "backoff_max": 0.2,
                "stable_after": 0.5,
                "idle_grace": 0.1,
                "list_timeout": 1.0,
                "proof_timeout": 1.0,
                "metrics_interval": 0.2,
                "health_interval": 0.2,
                "cleanup_interval": 0.5,
                **world,
                **overrides,
            }
        )

    @classmethod
    def for_region(cls, region: str, **overrides: Any) -> Self:
        """For one of the exchange's countries: "kr", "sg", "id" or "th".

        The last three have neither indicators nor announcements, "id" no levels of order books either: such wishes are
        refused with a SubscriptionError where they are made.
        """
        chosen = REGIONS.get(region)
        if chosen is None:
            raise ConfigurationError("region", region, f"one of {', '.join(REGIONS)}")
        host = chosen.host
        return cls(
            **{
                "region": region,
                "public_url": f"wss://{host}/websocket/v1",
                "private_url": f"wss://{host}/websocket/v1/private",
                "info_url": f"wss://{host}/websocket/v1/info" if chosen.has_info else None,
                "rest_url": f"https://{host}",
                **overrides,
            }
        )

    @classmethod
    def for_exchange(cls, exchange: _Exchange, **overrides: Any) -> Self:
        """For an embedded exchange: all of its addresses and its dummy keys, so that nothing goes to the real one.

        Args:
            exchange: an EmbeddedExchange that was started.
            **overrides: other settings, which win.
        """
        return cls(
            **{
                "region": getattr(exchange, "region", "kr"),
                "public_url": exchange.public_url,
                "private_url": exchange.private_url,
                "info_url": exchange.info_url or None,
                "rest_url": exchange.rest_url,
                "credentials": Credentials(exchange.access_key, exchange.secret_key),
                **overrides,
            }
        )

    @classmethod
    def for_desk(cls, url: str, **overrides: Any) -> Self:
        """For a program of a desk: everything comes from a relay (`upbit-ws-relay`), by way of its NATS server.

        Lines, channels and figures are as with the exchange; what the exchange's REST interface knows the relay asks.
        It takes no keys. Needs the extra: pip install "upbit-ws-qt[desk]".

        Args:
            url: the server, `tls://user:password@host`, or `nats://…` on this computer.
            **overrides: other settings, which win; the region is the relay's.
        """
        return cls.for_region(
            **{"region": "kr", "desk_url": url, "backoff_max": 1.0, "busy_silence_timeout": 60.0, **overrides}
        )

    @classmethod
    def load(cls, path: str | os.PathLike[str], **overrides: Any) -> Self:
        """Read a TOML file of settings; `overrides` win over it.

        A missing or malformed file, an unknown key and a wrong value raise ConfigurationError. Keys are never read from
        a file: use Credentials.from_keyring() or .from_env().
        """
        return cls._from_plain(read_table(path), overrides)

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None, **overrides: Any) -> Self:
        """Read settings from UPBIT_WS_<FIELD> variables, for example UPBIT_WS_PING_INTERVAL=15; `overrides` win."""
        table = {
            name.removeprefix(ENVIRONMENT_PREFIX).lower(): value
            for name, value in (os.environ if environ is None else environ).items()
            if name.startswith(ENVIRONMENT_PREFIX)
        }
        return cls._from_plain(
            {name: from_text(name, _TYPES.get(name, "str"), value) for name, value in table.items()}, overrides
        )

    def replace(self, **changes: Any) -> Self:
        """Return a copy with some settings changed, checked anew."""
        unknown = sorted(set(changes) - set(_TYPES))
        if unknown:
            raise _unknown_key(unknown[0])
        return dataclasses.replace(self, **changes)

    def differences(self, other: ServiceConfig) -> tuple[str, ...]:
        """Return the names of the settings in which another configuration differs."""
        return tuple(name for name in _TYPES if getattr(self, name) != getattr(other, name))

    def url(self, ws_type: WebSocketType) -> str | None:
        """Return the address of an endpoint, None where the region, or the desk, has none."""
        if self.desk_url is not None:
            has_it = ws_type is WebSocketType.PUBLIC or (ws_type is WebSocketType.INFO and self.info_url is not None)
            return self.desk_url if has_it else None
        addresses = {
            WebSocketType.PUBLIC: self.public_url,
            WebSocketType.PRIVATE: self.private_url,
            WebSocketType.INFO: self.info_url,
        }
        return addresses[ws_type]

    @classmethod
    def _from_plain(cls, table: Mapping[str, Any], overrides: Mapping[str, Any]) -> Self:
        values: dict[str, Any] = {}
        for name, value in table.items():
            if name == "credentials":
                raise ConfigurationError(
                    "credentials", "***", "keys in the keyring or the environment, never in a file"
                )
            if name not in _TYPES:
                raise _unknown_key(name)
            values[name] = from_plain(name, value)
        values |= overrides
        return cls.for_region(**values) if "region" in values else cls(**values)


_TYPES: dict[str, str] = {item.name: str(item.type) for item in dataclasses.fields(ServiceConfig)}


def _unknown_key(name: str) -> ConfigurationError:
    return ConfigurationError(name, "unknown setting", f"one of {', '.join(sorted(_TYPES))}")

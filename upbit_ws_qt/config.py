"""How the service is set up: one frozen object, checked when it is made."""

from __future__ import annotations

import dataclasses
import ipaddress
import os
import tomllib
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from upbit_ws_qt.credentials import Credentials
from upbit_ws_qt.errors import ConfigurationError
from upbit_ws_qt.types import BackpressureConfig, DataFormat, IndependenceLevel, WebSocketType

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ENVIRONMENT_PREFIX", "REGIONS", "ServiceConfig"]

ENVIRONMENT_PREFIX = "UPBIT_WS_"

# Protocol sheet, "Endpoints": region -> host. INFO is documented for Korea only.
REGIONS: Mapping[str, str] = {
    "kr": "api.upbit.com",
    "sg": "sg-api.upbit.com",
    "id": "id-api.upbit.com",
    "th": "th-api.upbit.com",
}


@dataclass(frozen=True, kw_only=True)
class ServiceConfig:
    """Every setting of the service, with what it means and its unit.

    A value that cannot work raises ConfigurationError naming the field, the value and what is allowed. Without
    any argument the object describes public data of the Korean exchange.
    """

    # -- where to -----------------------------------------------------------------------------------------------
    public_url: str = "wss://api.upbit.com/websocket/v1"
    private_url: str | None = "wss://api.upbit.com/websocket/v1/private"
    info_url: str | None = "wss://api.upbit.com/websocket/v1/info"
    """None where the region has no such endpoint."""
    rest_url: str = "https://api.upbit.com"
    credentials: Credentials | None = None
    proxy: str | None = None
    """"http://host:port" or "socks5://…"; None goes straight, whatever the environment says."""

    # -- how the wire is spoken -----------------------------------------------------------------------------------
    data_format: DataFormat = DataFormat.AUTO
    compression: bool = True
    max_frame_bytes: int = 1024 * 1024
    max_bytes_per_second: int = 64 * 1024 * 1024
    """Inflated, per line, averaged over a second; a peer that sends more is cut off."""
    max_frames_per_second: int = 200_000

    # -- a line's life, in seconds ----------------------------------------------------------------------------------
    connect_timeout: float = 10.0
    close_timeout: float = 1.0
    ping_interval: float = 20.0
    pong_timeout: float = 15.0
    busy_silence_timeout: float = 10.0
    """Silence after which a line that is known to be busy is given up."""
    backoff_initial: float = 0.5
    backoff_max: float = 30.0
    stable_after: float = 5.0
    """Seconds of flowing data after which the back-off starts anew."""
    idle_grace: float = 5.0
    """Seconds that a line which nothing wants stays open."""
    token_lifetime: float = 3600.0
    """The private lines are renewed at 80 % of this."""

    # -- limits of the exchange (protocol sheet, "Rate limits") --------------------------------------------------------
    connects_per_second: int = 5
    messages_per_second: int = 5
    messages_per_minute: int = 100

    # -- subscribing, in seconds ----------------------------------------------------------------------------------
    gather_interval: float = 0.02
    """How long the first change waits for others that belong to it."""
    list_timeout: float = 2.0
    """How long LIST_SUBSCRIPTIONS may take to answer."""
    proof_timeout: float = 3.0
    """How long the first data of a stream may take before it is reported unserved."""

    # -- handing out --------------------------------------------------------------------------------------------
    drain_budget: float = 0.004
    """Seconds that one turn of the event loop may spend on handing out frames."""
    inbox_frames: int = 50_000
    """Raw frames waiting per line; beyond it the oldest conflatable ones are dropped and counted."""
    frame_rate: float = 60.0
    """Display frames a second for Delivery.FRAME."""
    backpressure: BackpressureConfig = BackpressureConfig()
    slow_callback: float = 0.1
    """Seconds; a callback that takes longer counts as blocking."""
    quarantine_after: int = 10
    """Failures or blocking calls within `quarantine_window` after which a component is put aside."""
    quarantine_window: float = 30.0
    dead_component_timeout: float = 60.0
    """Seconds after which a component that stopped consuming is removed."""
    independence_level: IndependenceLevel = IndependenceLevel.ENHANCED

    # -- watching over it, in seconds -----------------------------------------------------------------------------
    metrics_interval: float = 10.0
    health_interval: float = 30.0
    cleanup_interval: float = 60.0

    # -- optional parts: off means absent --------------------------------------------------------------------------
    data_pool: bool = True
    history_length: int = 0
    """Events kept per key in the data pool besides the newest; 0 keeps none."""
    data_pool_bytes: int = 64 * 1024 * 1024
    metrics_history: bool = True
    independence_monitor: bool = True
    adaptive: bool = True
    alerts: bool = True
    json_logs: bool = False

    def __post_init__(self) -> None:
        for item in dataclasses.fields(self):
            _check(item.name, str(item.type), getattr(self, item.name))
        if self.backoff_max < self.backoff_initial:
            raise ConfigurationError("backoff_max", self.backoff_max, f"at least backoff_initial ({self.backoff_initial})")
        if self.credentials is not None and not isinstance(self.credentials, Credentials):
            raise ConfigurationError("credentials", "***", "a Credentials object")

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
    def testing(cls, **overrides: Any) -> Self:
        """For tests on the embedded exchange: everything that waits, waits shortly."""
        return cls(
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
                **overrides,
            }
        )

    @classmethod
    def for_region(cls, region: str, **overrides: Any) -> Self:
        """For one of the exchange's countries: "kr", "sg", "id" or "th"; the last three have no INFO endpoint."""
        host = REGIONS.get(region)
        if host is None:
            raise ConfigurationError("region", region, f"one of {', '.join(REGIONS)}")
        return cls(
            **{
                "public_url": f"wss://{host}/websocket/v1",
                "private_url": f"wss://{host}/websocket/v1/private",
                "info_url": f"wss://{host}/websocket/v1/info" if region == "kr" else None,
                "rest_url": f"https://{host}",
                **overrides,
            }
        )

    @classmethod
    def load(cls, path: str | os.PathLike[str], **overrides: Any) -> Self:
        """Read a TOML file of settings; `overrides` win over it.

        A missing or malformed file, an unknown key and a wrong value raise ConfigurationError. Keys are never read from
        a file: use Credentials.from_keyring() or .from_env().
        """
        try:
            with Path(path).open("rb") as file:
                table = tomllib.load(file)
        except OSError as error:
            raise ConfigurationError("path", str(path), f"a readable TOML file ({error.strerror})") from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ConfigurationError("path", str(path), f"a well-formed TOML file ({error})") from error
        return cls._from_plain(table, overrides)

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None, **overrides: Any) -> Self:
        """Read settings from UPBIT_WS_<FIELD> variables, for example UPBIT_WS_PING_INTERVAL=15; `overrides` win."""
        table = {
            name.removeprefix(ENVIRONMENT_PREFIX).lower(): value
            for name, value in (os.environ if environ is None else environ).items()
            if name.startswith(ENVIRONMENT_PREFIX)
        }
        return cls._from_plain({name: _from_text(name, value) for name, value in table.items()}, overrides)

    def replace(self, **changes: Any) -> Self:
        """Return a copy with some settings changed, checked anew."""
        unknown = sorted(set(changes) - set(_TYPES))
        if unknown:
            raise _unknown_key(unknown[0])
        return dataclasses.replace(self, **changes)

    def url(self, ws_type: WebSocketType) -> str | None:
        """Return the address of an endpoint, None where the region has none."""
        match ws_type:
            case WebSocketType.PUBLIC:
                return self.public_url
            case WebSocketType.PRIVATE:
                return self.private_url
            case WebSocketType.INFO:
                return self.info_url

    @classmethod
    def _from_plain(cls, table: Mapping[str, Any], overrides: Mapping[str, Any]) -> Self:
        values: dict[str, Any] = {}
        for name, value in table.items():
            if name == "credentials":
                raise ConfigurationError("credentials", "***", "keys in the keyring or the environment, never in a file")
            if name not in _TYPES:
                raise _unknown_key(name)
            values[name] = _from_plain(name, value)
        return cls(**{**values, **overrides})


_TYPES: dict[str, str] = {item.name: str(item.type) for item in dataclasses.fields(ServiceConfig)}

# field -> (smallest, largest) for numbers; what is not listed must just be positive.
_RANGES: dict[str, tuple[float, float]] = {
    "max_frame_bytes": (1024, 64 * 1024 * 1024),
    "max_bytes_per_second": (64 * 1024, 10**10),
    "max_frames_per_second": (100, 10**8),
    "connect_timeout": (0.05, 120),
    "close_timeout": (0.01, 10),
    "ping_interval": (0.05, 55),  # the exchange closes an idle line after 60 s
    "pong_timeout": (0.05, 120),
    "busy_silence_timeout": (0.05, 3600),
    "backoff_initial": (0.001, 60),
    "backoff_max": (0.001, 600),
    "stable_after": (0.0, 3600),
    "idle_grace": (0.0, 3600),
    "token_lifetime": (1.0, 86_400),
    "connects_per_second": (1, 5),
    "messages_per_second": (1, 5),
    "messages_per_minute": (5, 100),
    "gather_interval": (0.0, 1.0),
    "list_timeout": (0.05, 60),
    "proof_timeout": (0.05, 300),
    "drain_budget": (0.0005, 0.1),
    "inbox_frames": (100, 10_000_000),
    "frame_rate": (1, 240),
    "slow_callback": (0.001, 60),
    "quarantine_after": (1, 1_000_000),
    "quarantine_window": (0.1, 86_400),
    "dead_component_timeout": (0.1, 86_400),
    "metrics_interval": (0.05, 3600),
    "health_interval": (0.05, 3600),
    "cleanup_interval": (0.05, 3600),
    "history_length": (0, 100_000),
    "data_pool_bytes": (64 * 1024, 2**40),
}
_URL_SCHEMES = {"public_url": "ws", "private_url": "ws", "info_url": "ws", "rest_url": "http"}
_ENUMERATIONS: dict[str, type[StrEnum]] = {"data_format": DataFormat, "independence_level": IndependenceLevel}


def _unknown_key(name: str) -> ConfigurationError:
    return ConfigurationError(name, "unknown setting", f"one of {', '.join(sorted(_TYPES))}")


def _check(name: str, kind: str, value: object) -> None:
    if name in _URL_SCHEMES:
        if value is None and "None" in kind:
            return
        _check_url(name, value, _URL_SCHEMES[name])
    elif name == "proxy":
        _check_proxy(value)
    elif name in _ENUMERATIONS:
        if not isinstance(value, _ENUMERATIONS[name]):
            raise ConfigurationError(name, value, f"one of {', '.join(_ENUMERATIONS[name])}")
    elif kind == "bool":
        if not isinstance(value, bool):
            raise ConfigurationError(name, value, "true or false")
    elif name == "backpressure":
        if not isinstance(value, BackpressureConfig):
            raise ConfigurationError(name, value, "a BackpressureConfig")
    elif name in _RANGES:
        _check_number(name, kind, value)


def _check_number(name: str, kind: str, value: object) -> None:
    low, high = _RANGES[name]
    wanted = "a whole number" if kind == "int" else "a number"
    good = isinstance(value, int if kind == "int" else (int, float)) and not isinstance(value, bool)
    if not good or not low <= value <= high:  # type: ignore[operator]  # `good` has just checked it; NaN fails the comparison
        raise ConfigurationError(name, value, f"{wanted} from {low:g} to {high:g}")


def _check_url(name: str, value: object, scheme: str) -> None:
    allowed = f"a {scheme}s:// address without user, query or fragment, or {scheme}:// to a loopback address such as 127.0.0.1"
    try:
        parts = urlsplit(value) if isinstance(value, str) else None
        port = parts.port if parts else None
    except ValueError:
        parts = None
    if parts is None or not parts.hostname or parts.username or parts.query or parts.fragment or port == 0:
        raise ConfigurationError(name, value, allowed)
    if not (parts.scheme == f"{scheme}s" or (parts.scheme == scheme and is_loopback_literal(parts.hostname))):
        raise ConfigurationError(name, value, allowed)


def _check_proxy(value: object) -> None:
    if value is None:
        return
    allowed = "None, or http://host:port, https://host:port, socks5://host:port"
    try:
        parts = urlsplit(value) if isinstance(value, str) else None
        good = parts is not None and bool(parts.hostname) and parts.port is not None
    except ValueError:
        good = False
        parts = None
    if not good or parts is None or parts.scheme not in {"http", "https", "socks5", "socks5h", "socks4"}:
        # A proxy address may carry a password: it is not repeated in the error.
        raise ConfigurationError("proxy", "***", allowed)


def is_loopback_literal(host: str) -> bool:
    """Whether `host` is a loopback address written as a number; a name such as "localhost" could be pointed elsewhere."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _from_plain(name: str, value: object) -> object:
    """Turn what TOML or an environment variable can hold into the field's own type."""
    if name in _ENUMERATIONS and isinstance(value, str):
        enumeration = _ENUMERATIONS[name]
        wanted = value.upper() if name == "data_format" else value.lower()
        try:
            return enumeration(wanted)
        except ValueError:
            raise ConfigurationError(name, value, f"one of {', '.join(enumeration)}") from None
    if name == "backpressure":
        return _backpressure(value)
    if name in {"private_url", "info_url", "proxy"} and value == "":
        return None
    return value


def _backpressure(value: object) -> BackpressureConfig:
    names = {item.name for item in dataclasses.fields(BackpressureConfig)}
    if not isinstance(value, dict) or not set(value) <= names:
        raise ConfigurationError("backpressure", value, f"a table with any of {', '.join(sorted(names))}")
    strategy = BackpressureConfig().strategy
    if "strategy" in value:
        try:
            strategy = type(strategy)(str(value["strategy"]).lower())
        except ValueError:
            raise ConfigurationError(
                "backpressure.strategy", value["strategy"], f"one of {', '.join(type(strategy))}"
            ) from None
    try:
        return BackpressureConfig(**{**value, "strategy": strategy})
    except TypeError:
        raise ConfigurationError("backpressure", value, "numbers for all fields but strategy") from None


def _from_text(name: str, value: str) -> object:
    """Read an environment variable as the type of its field."""
    kind = _TYPES.get(name, "str")
    try:
        if kind == "bool":
            return {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}[value.strip().lower()]
        if kind == "int":
            return int(value)
        if kind == "float":
            return float(value)
        if kind == "BackpressureConfig":
            return tomllib.loads(f"value = {value}")["value"]
    except (KeyError, ValueError) as error:
        raise ConfigurationError(ENVIRONMENT_PREFIX + name.upper(), value, f"a value of type {kind}") from error
    return value

"""What a setting may be: the checks behind ServiceConfig, one for each kind of field."""

from __future__ import annotations

import dataclasses
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from upbit_ws_qt.errors import ConfigurationError
from upbit_ws_qt.regions import REGIONS
from upbit_ws_qt.types import BackpressureConfig, DataFormat, IndependenceLevel

if TYPE_CHECKING:
    from enum import StrEnum
    from urllib.parse import SplitResult

__all__ = [
    "ENVIRONMENT_PREFIX",
    "LOOPBACK_ONLY",
    "AlertLimits",
    "check_desk_address",
    "check_setting",
    "from_plain",
    "from_text",
    "is_loopback_literal",
    "read_table",
    "require_reachable",
]

ENVIRONMENT_PREFIX = "UPBIT_WS_"
LOOPBACK_ONLY = "UPBIT_LOOPBACK_ONLY"
"""An environment variable: set to "1", nothing outside of this machine is asked for anything, here or in a child."""
_LARGEST_FILE = 1024 * 1024  # bytes of TOML that are read

# field -> (smallest, largest) for numbers.
_RANGES: dict[str, tuple[float, float]] = {
    "max_frame_bytes": (1024, 64 * 1024 * 1024),
    "max_bytes_per_second": (64 * 1024, 10**10),
    "max_frames_per_second": (100, 10**8),
    "connect_timeout": (0.05, 120),
    "close_timeout": (0.01, 10),
    "rest_timeout": (0.05, 300),
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
    "backfill_hold": (0.0, 600),
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
_ALERT_RANGES: dict[str, tuple[float, float]] = {
    "connection_lost": (0.1, 3600),
    "reconnecting_often": (1, 10_000),
    "slow": (0.001, 60),
    "late": (0.01, 3600),
    "errors": (0.0001, 1),
    "memory": (16 * 1024**2, 2**50),
    "backlog": (0.01, 3600),
    "loop_lag": (0.001, 3600),
    "unserved": (1, 1_000_000),
    "rate_limit": (0.01, 1),
}
_URL_SCHEMES = {"public_url": "ws", "private_url": "ws", "info_url": "ws", "rest_url": "http"}
BACKFILL_KINDS = frozenset({"trade", "candle", "order", "asset"})
_ENUMERATIONS: dict[str, type[StrEnum]] = {"data_format": DataFormat, "independence_level": IndependenceLevel}


@dataclass(frozen=True, slots=True)
class AlertLimits:
    """From which figures on alerts are raised; each one is cleared well within its limit (docs/health.md).

    What cannot work raises ConfigurationError.

    Attributes:
        connection_lost: seconds for which a line is down.
        reconnecting_often: losses within ten minutes.
        slow: round trip, seconds.
        late: age of data on receipt (p95), seconds.
        errors: share of a minute's messages.
        memory: bytes in use; things are given up under load from there on, too.
        backlog: seconds of work that waits.
        loop_lag: seconds that the program's own loop is late.
        unserved: streams of a line that do not come.
        rate_limit: share of the minute's messages to the exchange.
    """

    connection_lost: float = 2.0
    reconnecting_often: int = 3
    slow: float = 0.4
    late: float = 3.0
    errors: float = 0.05
    memory: int = 1024**3
    backlog: float = 2.0
    loop_lag: float = 0.5
    unserved: int = 1
    rate_limit: float = 0.9

    def __post_init__(self) -> None:
        for item in dataclasses.fields(self):
            value, limits = getattr(self, item.name), _ALERT_RANGES[item.name]
            _check_number(f"alert_limits.{item.name}", str(item.type), value, limits)


def check_setting(name: str, kind: str, value: object) -> None:
    """Raise ConfigurationError unless `value` can be the setting `name`, whose field has the type `kind`."""
    if name in _URL_SCHEMES:
        if value is None and "None" in kind:
            return
        _check_url(name, value, _URL_SCHEMES[name])
    elif name == "proxy":
        _check_proxy(value)
    elif name == "region":
        if not isinstance(value, str) or value not in REGIONS:
            raise ConfigurationError(name, value, f"one of {', '.join(REGIONS)}")
    elif name in _ENUMERATIONS:
        if not isinstance(value, _ENUMERATIONS[name]):
            raise ConfigurationError(name, value, f"one of {', '.join(_ENUMERATIONS[name])}")
    elif kind == "bool":
        if not isinstance(value, bool):
            raise ConfigurationError(name, value, "true or false")
    elif name == "backpressure":
        if not isinstance(value, BackpressureConfig):
            raise ConfigurationError(name, value, "a BackpressureConfig")
    elif name == "backfill":
        if not isinstance(value, frozenset) or not value <= BACKFILL_KINDS:
            raise ConfigurationError(name, value, f"a frozenset of any of {', '.join(sorted(BACKFILL_KINDS))}")
    elif name == "alert_limits":
        if not isinstance(value, AlertLimits):
            raise ConfigurationError(name, value, "an AlertLimits")
    elif name in _RANGES:
        _check_number(name, kind, value, _RANGES[name])


def _check_number(name: str, kind: str, value: object, limits: tuple[float, float]) -> None:
    low, high = limits
    wanted = "a whole number" if kind == "int" else "a number"
    good = isinstance(value, int if kind == "int" else (int, float)) and not isinstance(value, bool)
    if not good or not low <= value <= high:  # type: ignore[operator]  # `good` has just checked it; NaN fails the comparison
        raise ConfigurationError(name, value, f"{wanted} from {low:g} to {high:g}")


def _check_url(name: str, value: object, scheme: str) -> None:
    allowed = (
        f"a {scheme}s:// address without user, query or fragment, or {scheme}:// to a loopback address (127.0.0.1)"
    )
    try:
        parts = urlsplit(value) if isinstance(value, str) else None
        port = parts.port if parts else None
    except ValueError:
        parts = None
    shown = "***" if isinstance(value, str) and "@" in value else value  # what stands before an @ may be a password
    if parts is None or not parts.hostname or "@" in parts.netloc or parts.query or parts.fragment:
        raise ConfigurationError(name, shown, allowed)
    if port == 0:
        raise ConfigurationError(name, value, "a port; an embedded exchange has one as soon as it was started")
    if not (parts.scheme == f"{scheme}s" or (parts.scheme == scheme and is_loopback_literal(parts.hostname))):
        raise ConfigurationError(name, shown, allowed)


def check_desk_address(name: str, value: object, *, plain: bool) -> None:
    """Raise ConfigurationError unless `value` can be a NATS server's address; without TLS only on this computer.

    Args:
        name: the setting.
        value: the address; what stands before an @ is not repeated in the error.
        plain: whether somebody has said that it may be elsewhere without TLS.
    """
    allowed = (
        "a tls:// address, or nats:// to a loopback address (127.0.0.1), with user:password@ before the host where "
        "needed; nats:// to another computer, where everybody on the way can read and forge, only with desk_plain"
    )
    try:
        parts = urlsplit(value) if isinstance(value, str) else None
        bad = parts is None or not parts.hostname or parts.port == 0 or bool(parts.query or parts.fragment)
    except ValueError:
        bad = True
    if bad or parts is None or parts.path not in ("", "/") or parts.scheme not in ("nats", "tls"):
        raise ConfigurationError(name, "***" if isinstance(value, str) and "@" in value else value, allowed)
    if parts.scheme == "nats" and not plain and not is_loopback_literal(parts.hostname or ""):
        raise ConfigurationError(name, f"nats://{parts.hostname}", allowed)


def _check_proxy(value: object) -> None:
    if value is None:
        return
    try:
        good = isinstance(value, str) and _is_proxy(urlsplit(value))
    except ValueError:
        good = False
    if not good:
        # A proxy address may carry a password: it is not repeated in the error.
        allowed = "None, or http://host:port, https:// or socks5://, with user:password@ before the host where needed"
        raise ConfigurationError("proxy", "***", allowed)


def _is_proxy(parts: SplitResult) -> bool:
    """Whether websockets can use it. What it could not use it would repeat in its errors, password and all."""
    return (
        parts.scheme in {"http", "https", "socks5", "socks5h", "socks4"}
        and bool(parts.hostname)
        and parts.port is not None
        and parts.path in ("", "/")
        and not (parts.query or parts.fragment)
        and (parts.username is None) == (parts.password is None)
    )


def is_loopback_literal(host: str) -> bool:
    """Whether `host` is a loopback address written as a number; a name like "localhost" could be pointed elsewhere."""
    import ipaddress  # where it is needed, as tomllib below: importing the service should cost little more than Qt

    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def require_reachable(name: str, url: str) -> None:
    """Raise ConfigurationError where an address must not be asked: UPBIT_LOOPBACK_ONLY=1 allows this machine only.

    Every way out of the library asks this before anything is sent. The pytest plugin sets the variable, so that no test
    reaches the real exchange by mistake.

    Args:
        name: the setting that the address is from.
        url: the address.
    """
    if os.environ.get(LOOPBACK_ONLY, "") in ("", "0"):
        return
    host = urlsplit(url).hostname or ""
    if not is_loopback_literal(host):
        raise ConfigurationError(
            name,
            url,
            f"an address of this machine, since {LOOPBACK_ONLY}=1 keeps the program (a test, say) from the real "
            f"exchange; give it a service on an embedded one, or set {LOOPBACK_ONLY}=0",
        )


def from_plain(name: str, value: object) -> object:
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
    if name == "backfill" and isinstance(value, (list, str)):
        parts = value.replace(",", " ").split() if isinstance(value, str) else value
        return frozenset(part for part in parts if isinstance(part, str))
    if name == "alert_limits":
        return AlertLimits(**_table(name, AlertLimits, value))
    if name in {"private_url", "info_url", "proxy"} and value == "":
        return None
    return value


def _backpressure(value: object) -> BackpressureConfig:
    value = _table("backpressure", BackpressureConfig, value)
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
    except ConfigurationError as error:
        raise ConfigurationError(f"backpressure.{error.field}", error.value, error.allowed) from None


def _table(name: str, kind: type, value: object) -> dict[str, Any]:
    names = {item.name for item in dataclasses.fields(kind)}
    if not isinstance(value, dict) or not set(value) <= names:
        raise ConfigurationError(name, value, f"a table with any of {', '.join(sorted(names))}")
    return value


def from_text(name: str, kind: str, value: str) -> object:
    """Read an environment variable as the type of its field."""
    try:
        if kind == "bool":
            return {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}[
                value.strip().lower()
            ]
        if kind == "int":
            return int(value)
        if kind == "float":
            return float(value)
        if kind in ("BackpressureConfig", "AlertLimits"):
            import tomllib

            return tomllib.loads(f"value = {value}")["value"]
    except (KeyError, ValueError, RecursionError):
        raise ConfigurationError(f"{ENVIRONMENT_PREFIX}{name.upper()}", value, f"a value of type {kind}") from None
    return value


def read_table(path: object) -> dict[str, Any]:
    """Read a TOML file; what cannot be opened or understood raises ConfigurationError for the field `path`."""
    try:
        with Path(path).open("rb") as file:  # type: ignore[arg-type]  # a wrong type is one of the errors
            raw = file.read(_LARGEST_FILE + 1)
    except OSError as error:
        raise ConfigurationError("path", path, f"a readable TOML file ({error.strerror})") from None
    except (TypeError, ValueError) as error:
        raise ConfigurationError("path", path, f"the path of a TOML file ({error})") from None
    if len(raw) > _LARGEST_FILE:
        raise ConfigurationError("path", path, f"a TOML file of at most {_LARGEST_FILE // 1024} KiB")
    import tomllib

    try:
        return tomllib.loads(raw.decode())
    except (ValueError, RecursionError) as error:
        raise ConfigurationError("path", path, f"a well-formed TOML file ({error})") from None

"""How an embedded exchange is set up: one frozen record, checked when made."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .regions import REGIONS

if TYPE_CHECKING:
    from pathlib import Path

# Dummy keys, as long as the real ones (40 characters) so that a client meets the same key lengths here.
ACCESS_KEY = "EmbeddedExchangeAccessKey000000000000001"
SECRET_KEY = "EmbeddedExchangeSecretKey000000000000001"  # noqa: S105 -- a dummy for loopback, known to everybody

SCOPES = ("view_assets", "view_orders")


class SettingsError(ValueError):
    """A setting that the exchange cannot run with; the message is one line and names the setting."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeSettings:
    """Everything that can be chosen about an exchange; the defaults are as strict as the real one.

    Attributes:
        host: Loopback literal to listen on; anything else is refused.
        port: TCP port, 0 for any free one.
        region: Country whose protocol is spoken: kr, sg, id or th.
        seed: Seed of the market; the same seed gives the same market.
        markets: Number of markets, None for all.
        full_market: All 855 pairs of Korea, at the pace and with the grid that were measured; `rate` 1000 is that pace.
        rate: Public messages a second of the whole market, before filtering by subscription.
        time_scale: Exchange seconds per real second.
        stopped: Start with the exchange's time standing still.
        start_ms: First exchange time in epoch milliseconds, None for now.
        demo: Drive the account and announcements by script.
        prepare: Get markets ready that nobody has asked for yet, beside everything else: about 5 ms each of the
            processor. Tests that ask for a few markets need none of it.
        access_key: The one key that is known.
        secret_key: Its secret, used as it is.
        scopes: What the key may see; `myAsset` needs `view_assets`, `myOrder` needs `view_orders`.
        auth_failure: `line` sends INVALID_AUTH after the handshake, `http` answers the handshake with 401.
        idle_timeout: Seconds without a byte either way before the line is cut without a close frame.
        status_interval: Seconds between `{"status":"UP"}` after `PING`.
        connects_per_second: Connects a second per address or key, None for no limit.
        messages_per_second: Messages a second per connection, None for no limit.
        messages_per_minute: Messages a minute per connection, None for no limit.
        rest_per_second: REST requests of Quotation a second, address and group, None for no limit.
        account_per_second: REST requests of Exchange a second and key, None for no limit.
        key_expires_ms: When the key expires for REST, in epoch milliseconds of exchange time; None for a year from the
            start.
        origin_seconds: A request with an Origin header is served once in so many seconds.
        block_after: That many violations within a minute turn 429 into 418.
        block_seconds: Length of the first block; each further one is twice as long.
        residual_frames: Most frames of a dropped stream that still arrive after a new request.
        deflate: Accept permessage-deflate when it is offered.
        max_connections: Open TCP connections; more are refused with 503.
        max_request: Largest message a client may send, in bytes.
        send_limit: Unsent bytes beyond which a client is cut off as a slow reader if it does not take them soon.
        control: Serve the HTTP control path.
        record: Folder to record all outgoing frames in, or a file of JSON lines where the name has a suffix.
        replay: Recording to serve instead of a market, of a client's or of an exchange's.
    """

    host: str = "127.0.0.1"
    port: int = 0
    region: str = "kr"
    seed: int = 1
    markets: int | None = None
    full_market: bool = False
    rate: float = 800.0
    time_scale: float = 1.0
    stopped: bool = False
    start_ms: int | None = None
    demo: bool = False
    prepare: bool = True
    access_key: str = ACCESS_KEY
    secret_key: str = SECRET_KEY
    scopes: tuple[str, ...] = SCOPES
    auth_failure: str = "line"
    idle_timeout: float = 60.0
    status_interval: float = 10.0
    connects_per_second: int | None = 5
    messages_per_second: int | None = 5
    messages_per_minute: int | None = 100
    rest_per_second: int | None = 10
    account_per_second: int | None = 30
    key_expires_ms: int | None = None
    origin_seconds: float = 10.0
    block_after: int = 3
    block_seconds: float = 2.0
    residual_frames: int = 2
    deflate: bool = True
    max_connections: int = 1000
    max_request: int = 256 * 1024
    send_limit: int = 8 * 1024 * 1024
    control: bool = False
    record: Path | None = None
    replay: Path | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot work, with one line that names the setting."""
        require_loopback(self.host)
        _within("port", self.port, 0, 65535)
        _within("rate", self.rate, 1, 50_000)
        _within("time_scale", self.time_scale, 0.001, 10_000)
        _within("idle_timeout", self.idle_timeout, 0.05, 86_400)
        _within("max_connections", self.max_connections, 1, 100_000)
        if self.markets is not None:
            _within("markets", self.markets, 1, 10_000)
        if self.region not in REGIONS:
            raise SettingsError(f"region must be one of {', '.join(REGIONS)}, not {self.region!r}")
        if self.full_market and self.region != "kr":
            raise SettingsError("full_market is Korea's: it goes with region 'kr' alone")
        if self.auth_failure not in ("line", "http"):
            raise SettingsError(f"auth_failure must be 'line' or 'http', not {self.auth_failure!r}")


def require_loopback(host: str) -> None:
    """Raise `SettingsError` unless `host` is a loopback address literal; names are not resolved."""
    try:
        loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise SettingsError(f"host must be a loopback address such as 127.0.0.1, not {host!r}")


def _within(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:  # a NaN is within nothing
        raise SettingsError(f"{name} must be between {low:g} and {high:g}, not {value!r}")

"""What is examined, how patiently, and within which limits."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from upbit_ws_qt.config import REGIONS, ServiceConfig
from upbit_ws_qt.config_rules import is_loopback_literal
from upbit_ws_qt.errors import ConfigurationError

if TYPE_CHECKING:
    from upbit_ws_qt.credentials import Credentials

__all__ = ["QUOTES", "Expected", "Target", "Waits"]

QUOTES = {"kr": "KRW", "sg": "SGD", "id": "IDR", "th": "THB"}
"""The currency in which the markets of a region are quoted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The exchange that is examined.

    Attributes:
        public_url: WebSocket address of the public endpoint.
        private_url: of the private one.
        info_url: of the info one; in a region that has none, where it would be.
        rest_url: address of the REST calls, without `/v1`.
        region: "kr", "sg", "id" or "th"; another one raises ConfigurationError.
        credentials: for the private endpoints, None to leave them out. Real keys for an address without TLS raise
            ConfigurationError.
    """

    public_url: str
    private_url: str
    info_url: str
    rest_url: str
    region: str = "kr"
    credentials: Credentials | None = None

    def __post_init__(self) -> None:
        if self.region not in REGIONS:
            raise ConfigurationError("region", self.region, f"one of {', '.join(REGIONS)}")
        # Checks the addresses, and that no real key goes out in the clear.
        ServiceConfig(
            public_url=self.public_url,
            private_url=self.private_url,
            info_url=self.info_url,
            rest_url=self.rest_url,
            credentials=self.credentials,
        )

    @classmethod
    def live(cls, region: str = "kr", credentials: Credentials | None = None) -> Self:
        """Return the real exchange of a region; an unknown one raises ConfigurationError."""
        known = REGIONS.get(region)
        if known is None:
            raise ConfigurationError("region", region, f"one of {', '.join(REGIONS)}")
        return cls.at(f"wss://{known.host}/websocket/v1", region=region, credentials=credentials)

    @classmethod
    def at(
        cls,
        public_url: str,
        *,
        rest_url: str | None = None,
        region: str = "kr",
        credentials: Credentials | None = None,
    ) -> Self:
        """Return the exchange whose public endpoint is at `public_url`; the other addresses follow from it."""
        parts = urlsplit(public_url)
        scheme = "https" if parts.scheme == "wss" else "http"
        base = public_url.rstrip("/")
        return cls(
            public_url=public_url,
            private_url=f"{base}/private",
            info_url=f"{base}/info",
            rest_url=rest_url or f"{scheme}://{parts.netloc}",
            region=region,
            credentials=credentials,
        )

    @property
    def host(self) -> str:
        """Its name and port, for people."""
        return urlsplit(self.public_url).netloc

    @property
    def is_loopback(self) -> bool:
        """Whether it runs on this machine."""
        return is_loopback_literal(urlsplit(self.public_url).hostname or "")

    @property
    def quote(self) -> str:
        """The currency in which its markets are quoted."""
        return QUOTES[self.region]


@dataclass(frozen=True, slots=True, kw_only=True)
class Waits:
    """How many seconds to wait for what.

    Attributes:
        patience: until what has to come is given up.
        close: until the close after an error is given up.
        quiet: for which nothing may come that must not come. On the real exchange snapshots come up to 0.36 s after
            the request, and a dropped stream stops within a few of its messages.
        watch: for which streams are watched at least.
        listen: for which the account's own streams are listened to at least.
        dial: until a handshake is given up.
        whole: until what has not been told by then is left out.
    """

    patience: float = 15.0
    close: float = 4.0
    quiet: float = 1.5
    watch: float = 8.0
    listen: float = 10.0
    dial: float = 10.0
    whole: float = 170.0

    @classmethod
    def quick(cls) -> Self:
        """For an exchange on this machine, which is silent for no longer than its market is."""
        return cls(patience=30.0, close=5.0, quiet=0.4, watch=2.5, listen=1.0, dial=30.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """The figures that an exchange is set to, where they can be chosen; those of the real one by default.

    Attributes:
        idle: earliest and latest second after which an idle line is closed; None leaves that out.
        status_interval: seconds between two `{"status":"UP"}`; None leaves them out.
        connects_per_second: per address or key.
        messages_per_second: per line.
        messages_per_minute: per line.
        exceed: Exceed the limits once each, at the end. For an exchange on this machine only: elsewhere it is refused
            with ConfigurationError, when the examination is made.
    """

    idle: tuple[float, float] | None = (60.0, 120.0)
    status_interval: float | None = 10.0
    connects_per_second: int = 5
    messages_per_second: int = 5
    messages_per_minute: int = 100
    exceed: bool = False

    @property
    def differences(self) -> tuple[str, ...]:
        """What differs from the real exchange, for the report."""
        real = Expected()
        names = ("status_interval", "connects_per_second", "messages_per_second", "messages_per_minute")
        told = {name: getattr(self, name) for name in names}
        found = [f"{name} {value}" for name, value in told.items() if value not in (None, getattr(real, name))]
        if self.idle is not None and self.idle[0] < 60.0:
            found.insert(0, f"idle {self.idle[0]:g} s")
        return tuple(found)

    def hurried(self) -> Expected:
        """Return the same without what takes a minute."""
        return replace(self, idle=None, status_interval=None)

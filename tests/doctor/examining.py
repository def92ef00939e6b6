"""The real doctor on a real embedded exchange, in seconds: what waits for a minute is set to wait shortly, and told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from upbit_ws_qt.credentials import Credentials
from upbit_ws_qt.doctor import Examination, Expected, Target, Waits
from upbit_ws_qt.exchange import EmbeddedExchange, ExchangeSettings

if TYPE_CHECKING:
    from upbit_ws_qt.doctor import Recording, Report

IDLE = 5.0  # as long as all that the exchange computes at once may take on a busy machine
SETTINGS: dict[str, Any] = {
    "markets": 12,
    "rate": 900,
    "demo": True,
    "idle_timeout": IDLE,
    "status_interval": 0.5,
    "connects_per_second": 50,
    "messages_per_second": 20,
    "messages_per_minute": 25,
}
EXPECTED = Expected(
    idle=(IDLE, IDLE),
    status_interval=0.5,
    connects_per_second=50,
    messages_per_second=20,
    messages_per_minute=25,
    exceed=True,
)
WAITS = Waits(patience=6.0, close=1.0, quiet=0.3, watch=1.5, listen=0.5, dial=10.0)


async def examine(
    *, expected: Expected = EXPECTED, recording: Recording | None = None, with_key: bool = True, **settings: Any
) -> tuple[Report, EmbeddedExchange]:
    """Examine an exchange with these settings beside `SETTINGS`; return what was found, and the exchange, stopped."""
    exchange = EmbeddedExchange(ExchangeSettings(**{**SETTINGS, **settings}))
    async with exchange:
        return await Examination(
            target_of(exchange, with_key=with_key), waits=WAITS, expected=expected, recording=recording
        ).run(), exchange


def target_of(exchange: EmbeddedExchange, *, with_key: bool = True) -> Target:
    """Return what an examination of this exchange is told of it."""
    return Target.at(
        exchange.public_url,
        rest_url=exchange.rest_url,
        region=exchange.settings.region,
        credentials=Credentials(exchange.access_key, exchange.secret_key) if with_key else None,
    )

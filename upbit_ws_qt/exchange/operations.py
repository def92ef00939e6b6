"""What can be asked of an exchange, and done to it by hand, whether it listens already or not."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Unpack

from .clock import ExchangeClock
from .faults import FaultBoard
from .hub import Hub
from .pump import Pump
from .requests import ENDPOINTS
from .views import ConnectionView, Counters

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from decimal import Decimal

    from .market.orders import OrderTerms
    from .messages import Change
    from .settings import ExchangeSettings
    from .world import World


class Operations:
    """The oracle, the time and the events of one exchange.

    Attributes:
        settings: What it was made with.
        world: Markets, account, announcements and indicators.
        faults: What goes wrong on demand.
    """

    def __init__(self, settings: ExchangeSettings, world: World, now: Callable[[], float]) -> None:
        self.settings = settings
        self.world = world
        self._now = now
        self._counters = Counters()
        self._clock = ExchangeClock(world.now_ms, now, settings.time_scale, running=False)
        self._hub = hub = Hub(settings, world, self._counters, now=now, later=self._later)
        self._pump = Pump(hub, self._clock, self._counters, now, prepare=settings.prepare)
        self.faults = FaultBoard(hub, self._counters, self._later, self._announce_maintenance)
        hub.hide_codes = self.faults.hide_codes

    # The oracle.

    @property
    def connections(self) -> list[ConnectionView]:
        """All open connections, oldest first."""
        return [session.view() for session in self._hub.sessions.values()]

    @property
    def closed_connections(self) -> list[ConnectionView]:
        """The last 1,000 connections that have ended, in the order of their ends."""
        return list(self._hub.closed)

    @property
    def counters(self) -> Counters:
        """All counters as they are now."""
        live = sum(session.frames_sent for session in self._hub.sessions.values())
        return replace(
            self._counters,
            frames_sent=self._counters.frames_sent + live,
            refused_by_status=self._counters.refused_by_status.copy(),
            errors=self._counters.errors.copy(),
            fault_hits=self._counters.fault_hits.copy(),
        )

    def subscribed(self, endpoint: str) -> set[tuple[Any, ...]]:
        """Return the realtime streams that open connections of `endpoint` have asked for.

        `(type, code)`; for order books `(type, code, level, depth)`; for indicators `(type, code, timeframe, wish)`;
        where no codes are named, code is "". Codes as they were sent, unknown ones included.
        """
        _require_endpoint(endpoint)
        sessions = [session for session in self._hub.sessions.values() if session.endpoint == endpoint]
        return set().union(*(session.subscribed() for session in sessions))

    # Time and rate.

    @property
    def clock(self) -> ExchangeClock:
        """The exchange's clock, to read."""
        return self._clock

    def stop_time(self) -> None:
        """Let exchange time stand still; lines, limits and timeouts go on in real time."""
        self._clock.stop()

    def continue_time(self) -> None:
        """Let exchange time run again."""
        self._clock.go_on()

    def set_time_scale(self, scale: float) -> None:
        """Set how many exchange seconds pass in a second: 0.001 to 10,000, else ValueError."""
        self._clock.set_scale(scale)

    def set_rate(self, rate: float) -> None:
        """Set how many public messages a second the whole market makes: 1 to 50,000."""
        self.world.set_rate(rate)

    async def advance(self, seconds: float) -> None:
        """Play so many exchange seconds at once, whether time is stopped or not."""
        await self._pump.advance(seconds)

    # Events by hand.

    async def publish(self, *changes: Change) -> None:
        """Deliver changes as if they had just happened."""
        self.deliver(changes)
        await asyncio.sleep(0)

    def deliver(self, changes: Iterable[Change]) -> None:
        """The same without waiting for anything."""
        self._hub.deliver(changes)
        self._hub.flush_all()

    def place_order(
        self,
        code: str,
        side: str,
        order_type: str = "limit",
        price: Decimal | int | str | None = None,
        volume: Decimal | int | str | None = None,
        **terms: Unpack[OrderTerms],
    ) -> list[Change]:
        """Place an order as `World.account.place` does and deliver what follows; the first change has its `.uuid`."""
        return self._delivered(self.world.account.place(code, side, order_type, price, volume, **terms))

    def fill_order(
        self,
        uuid: str,
        volume: Decimal | int | str | None = None,
        price: Decimal | int | str | None = None,
        *,
        is_maker: bool = True,
    ) -> list[Change]:
        """Fill an open order by `volume`, None for the rest (`World.account.fill`), and deliver what follows."""
        return self._delivered(self.world.account.fill(uuid, volume, price, is_maker=is_maker))

    def cancel_order(self, uuid: str) -> list[Change]:
        """Cancel an open order and deliver what follows."""
        return self._delivered(self.world.account.cancel(uuid))

    def trigger_order(self, uuid: str) -> list[Change]:
        """Turn a reserved order into a waiting one and deliver what follows."""
        return self._delivered(self.world.account.trigger(uuid))

    def prevent_order(self, uuid: str, volume: Decimal | None = None) -> list[Change]:
        """Let self-match prevention take `volume`, None for the rest, and deliver what follows."""
        return self._delivered(self.world.account.prevent(uuid, volume))

    def warn(
        self,
        code: str,
        *,
        caution: bool | None = None,
        cautions: Iterable[str] | None = None,
        delisting_date: str | None = None,
    ) -> list[Change]:
        """Change what is warned of a pair (`World.warn`) and deliver its ticker."""
        return self._delivered(self.world.warn(code, caution=caution, cautions=cautions, delisting_date=delisting_date))

    def delist(self, code: str) -> list[Change]:
        """End a market: its last ticker says DELISTED, then subscriptions to it are silent."""
        return self._delivered(self.world.delist(code))

    def publish_announcement(
        self, title: str, category: str = "notice", body: str | None = None, url: str | None = None
    ) -> list[Change]:
        """Publish an announcement (`World.publish_announcement`) and deliver it; the change has its `.uuid`."""
        return self._delivered(self.world.publish_announcement(title, category, body, url))

    def update_announcement(
        self,
        uuid: str,
        title: str | None = None,
        category: str | None = None,
        body: str | None = None,
        url: str | None = None,
    ) -> list[Change]:
        """Change what is given of an announcement and deliver the change."""
        return self._delivered(self.world.update_announcement(uuid, title, category, body, url))

    def send_raw(self, endpoint: str, frame: bytes | str) -> int:
        """Send a hand-made data frame to all connections of an endpoint; return how many got it."""
        _require_endpoint(endpoint)
        payload = frame.encode() if isinstance(frame, str) else frame
        sessions = [s for s in self._hub.sessions.values() if s.endpoint == endpoint and s.line.is_open]
        for session in sessions:
            session.push(payload)
            self._hub.flush(session)
        return len(sessions)

    # Inside.

    def _later(self, seconds: float, callback: Callable[[], None]) -> None:
        self._pump.later(seconds, callback)

    def _announce_maintenance(self) -> None:
        self.publish_announcement(
            "긴급 서버 점검 안내",
            "maintenance",
            body="곧 서버 점검이 시작됩니다. Maintenance begins shortly.",
        )

    def _delivered(self, changes: list[Change]) -> list[Change]:
        self.deliver(changes)
        return changes


def _require_endpoint(endpoint: str) -> None:
    if endpoint not in ENDPOINTS:
        raise ValueError(f"endpoint must be one of {', '.join(ENDPOINTS)}, not {endpoint!r}")

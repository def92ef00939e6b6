"""A recorded market played again: as it was, a hundred times as fast, and from the middle on, with the same events."""

from __future__ import annotations

import asyncio
import hashlib
import json
import tempfile

from upbit_ws_qt import (
    BaseWebSocketEvent,
    GlobalWebSocketManager,
    Recorder,
    ServiceConfig,
    SubscriptionSpec,
    TradeEvent,
)
from upbit_ws_qt.exchange import EmbeddedExchange
from upbit_ws_qt.recording.replay import Replay

CODE = "KRW-BTC"
TRADES = 40


async def record(folder: str) -> None:
    """Record some trades of an exchange of our own, and the books between them."""
    trades: asyncio.Queue[BaseWebSocketEvent] = asyncio.Queue()
    async with EmbeddedExchange() as exchange:
        manager = GlobalWebSocketManager(ServiceConfig.for_exchange(exchange))
        manager.register_component("trades", SubscriptionSpec("trade", [CODE]), trades.put_nowait)
        manager.register_component("books", SubscriptionSpec("orderbook", [CODE]), lambda _: None)
        async with Recorder(manager, folder) as recorder:
            await manager.start()
            for _ in range(TRADES):
                await trades.get()
        await manager.stop()
    figures = recorder.figures()
    print(f"recorded {figures.frames} frames, {figures.raw_bytes} bytes as {figures.bytes}")


async def play(folder: str, speed: float, begin: float = 0.0) -> None:
    """Play it from a share of its length on, and say what came."""
    events: list[BaseWebSocketEvent] = []
    replay = Replay(folder, ServiceConfig(), speed, paused=True)
    manager = GlobalWebSocketManager(replay.config, source=replay)
    for kind in ("trade", "orderbook"):
        manager.register_component("me", SubscriptionSpec(kind, [CODE]), events.append)
    clock, ended = replay.clock, asyncio.Event()
    clock.add_listener(lambda: ended.set() if clock.is_at_end else None)
    await manager.start()
    if begin:
        clock.seek(clock.begins + (clock.ends - clock.begins) * begin)
    clock.resume()
    await ended.wait()
    await asyncio.sleep(0.1)  # the last events are on their way
    await manager.stop()
    said = json.dumps([event.to_dict() for event in events], default=str)
    trades = sum(isinstance(event, TradeEvent) for event in events)
    print(f"{speed:g}x from {begin:.0%}: {trades} trades, digest {hashlib.sha256(said.encode()).hexdigest()[:16]}")


async def main() -> None:
    """Record, play, play faster, rewind."""
    with tempfile.TemporaryDirectory() as folder:
        await record(folder)
        await play(folder, 1.0)
        await play(folder, 100.0)
        await play(folder, 100.0, begin=0.5)


if __name__ == "__main__":
    asyncio.run(main())

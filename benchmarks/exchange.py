"""How many frames a second the embedded exchange gives to one client, on one core of its own; the issue asks 50,000."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import time

import psutil

from upbit_ws_qt.exchange import EmbeddedExchange, ExchangeSettings

_DRAIN = """
import os, socket, sys
if hasattr(os, "sched_setaffinity") and len(cores := sorted(os.sched_getaffinity(0))) > 1:
    os.sched_setaffinity(0, cores[1:])
line = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
line.sendall(sys.stdin.buffer.read())
total = 0
while data := line.recv(1 << 18):
    total += len(data)
"""


def _handshake_and_request(kinds: list[str], codes: list[str], format_: str) -> bytes:
    request = json.dumps([{"ticket": "b"}, *({"type": k, "codes": codes} for k in kinds), {"format": format_}]).encode()
    head = (
        b"GET /websocket/v1 HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    return head + b"\x82\xfe" + len(request).to_bytes(2, "big") + bytes(4) + request  # masked with zeros


async def measure(name: str, kinds: list[str], format_: str, seconds: float) -> float:
    """Return frames a second of this process's CPU time, with the market at its highest rate."""
    settings = ExchangeSettings(rate=50_000, stopped=True, start_ms=1_790_000_000_000)
    async with EmbeddedExchange(settings) as exchange:
        for code in exchange.world.codes:
            exchange.world.snapshot("ticker", code)  # histories are made when first needed; not what is measured
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", _DRAIN, str(exchange.port), stdin=subprocess.PIPE
        )
        assert process.stdin is not None
        process.stdin.write(_handshake_and_request(kinds, sorted(exchange.world.codes), format_))
        process.stdin.close()
        while not exchange.counters.subscribe_requests:
            await exchange.advance(0)  # lets the loop turn
        before, bytes_before = exchange.counters.frames_sent, exchange.connections[0].bytes_sent
        wall, cpu = time.perf_counter(), time.process_time()
        while time.perf_counter() - wall < seconds:
            await exchange.advance(0.1)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        frames = exchange.counters.frames_sent - before
        size = exchange.connections[0].bytes_sent - bytes_before
        print(
            f"{name:34} {frames / cpu:9,.0f} frames/s of CPU   {frames / wall:9,.0f} frames/s of wall clock"
            f"   {size / frames:5.0f} bytes/frame   {cpu / frames * 1e6:5.1f} µs/frame"
        )
    await process.wait()
    return frames / cpu


async def measure_memory(hours: float) -> None:
    """Print how this process's memory moves while an hour of simulated time is sent to a client."""
    settings = ExchangeSettings(markets=60, rate=200, stopped=True, start_ms=1_790_000_000_000)
    async with EmbeddedExchange(settings) as exchange:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", _DRAIN, str(exchange.port), stdin=subprocess.PIPE
        )
        assert process.stdin is not None
        codes = sorted(exchange.world.codes)
        process.stdin.write(_handshake_and_request(["ticker", "trade", "orderbook", "candle.1m"], codes, "DEFAULT"))
        process.stdin.close()
        for minute in range(round(hours * 60) + 1):
            if minute % 10 == 0:
                rss = psutil.Process().memory_info().rss / 1e6
                print(
                    f"after {minute:3} simulated minutes {rss:6.1f} MB, {exchange.counters.frames_sent:,} frames sent"
                )
            await exchange.advance(60)
    await process.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0, help="how long each measurement takes")
    parser.add_argument("--hours", type=float, default=1.0, help="simulated hours of the memory measurement")
    options = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:1])
    print(f"Python {sys.version.split()[0]}, {os.cpu_count()} cores, market at 50,000 messages a second, one client")
    for name, kinds, format_ in (
        ("ticker, DEFAULT", ["ticker"], "DEFAULT"),
        ("trade, DEFAULT", ["trade"], "DEFAULT"),
        ("orderbook, DEFAULT", ["orderbook"], "DEFAULT"),
        ("ticker + trade + orderbook, DEFAULT", ["ticker", "trade", "orderbook"], "DEFAULT"),
        ("ticker + trade + orderbook, SIMPLE", ["ticker", "trade", "orderbook"], "SIMPLE"),
    ):
        asyncio.run(measure(name, kinds, format_, options.seconds))
    asyncio.run(measure_memory(options.hours))


if __name__ == "__main__":
    main()

"""What a desk adds and takes: the way by the NATS server, and the relay's work for each message.

    python -m benchmarks.desk [--clients 10] [--rate 1000] [--seconds 20]

Exchange, server, relay and each program are processes of their own over loopback. The added latency is from the relay's
receipt of a frame to where the program's line takes it in, all frames of all programs. The relay's work is its CPU time
over what it has published. Beside it: as many programs with lines of their own, and what the exchange sends them.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import psutil

from benchmarks._child_exchange import child_exchange
from upbit_ws_qt.config import ServiceConfig
from upbit_ws_qt.desk.server import BundledServer
from upbit_ws_qt.manager import GlobalWebSocketManager
from upbit_ws_qt.specs import SubscriptionSpec
from upbit_ws_qt.types import WebSocketType

SETTLE = 5.0
TYPES = ("ticker", "trade", "orderbook")


def ignore(event: object) -> None:
    """Take an event."""


async def program(url: str, rest_url: str, seconds: float) -> None:
    """Be one program: of a desk where the address is a NATS server's, else with a line of its own."""
    is_desk = url.startswith("nats:")
    config = ServiceConfig.for_desk(url) if is_desk else ServiceConfig(public_url=url, rest_url=rest_url)
    manager = GlobalWebSocketManager(config)
    codes = json.loads(sys.stdin.readline())
    for name in TYPES:
        manager.register_component("bench", SubscriptionSpec(name, codes), ignore)
    await manager.start()
    await asyncio.sleep(SETTLE)
    process = psutil.Process()
    desk = manager.wiring.desk
    figures = None if desk is None else desk.figures(WebSocketType.PUBLIC)
    if figures is not None:
        figures.lags.reset()
    line = manager.wiring.endpoints[WebSocketType.PUBLIC].connection
    begun, frames = sum(process.cpu_times()[:2]), line.figures().carried.frames
    await asyncio.sleep(seconds)
    carried = line.figures().carried.frames - frames
    cpu = sum(process.cpu_times()[:2]) - begun
    lags = None if figures is None else figures.lags.summary()
    print(
        json.dumps(
            {
                "frames": carried,
                "cpu": cpu,
                "p50": None if lags is None else lags.p50,
                "p99": None if lags is None else lags.p99,
                "max": None if lags is None else lags.maximum,
            }
        )
    )
    await manager.stop()


async def run_programs(count: int, url: str, rest_url: str, codes: list[str], seconds: float) -> list[dict[str, Any]]:
    """Run that many programs at the same time; return what each says."""
    me = [sys.executable, "-m", "benchmarks.desk", "--program", url, "--rest", rest_url, "--seconds", str(seconds)]
    pipe = asyncio.subprocess.PIPE
    children = [await asyncio.create_subprocess_exec(*me, stdin=pipe, stdout=pipe) for _ in range(count)]
    answers = await asyncio.gather(*(child.communicate(json.dumps(codes).encode() + b"\n") for child in children))
    return [json.loads(said) for said, _ in answers]


async def measure(options: argparse.Namespace) -> None:
    """Measure with a desk, then without."""
    exchange = ("--rate", str(options.rate), "--markets", str(options.markets), "--idle-timeout", "600")
    with tempfile.TemporaryDirectory() as folder, child_exchange(*exchange) as told:
        server = BundledServer(Path(folder) / "nats")
        await server.start()
        settings = Path(folder) / "relay.toml"
        settings.write_text(f'public_url = "{told["public_url"]}"\nrest_url = "{told["rest_url"]}"\n')
        relay = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "upbit_ws_qt.desk.relay", "--nats", server.relay_url, "--config", str(settings),
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        assert relay.stdout is not None
        await relay.stdout.readline()
        codes = await markets(told)
        processes = {"relay": psutil.Process(relay.pid), "server": psutil.Process(server.pid)}
        before = {name: sum(each.cpu_times()[:2]) for name, each in processes.items()}
        said = await run_programs(options.clients, server.client_url, told["rest_url"], codes, options.seconds)
        after = {name: sum(each.cpu_times()[:2]) for name, each in processes.items()}
        report("desk", said, options.seconds)
        frames = max(each["frames"] for each in said) * (options.seconds + SETTLE) / options.seconds
        for name in processes:
            cpu = after[name] - before[name]
            print(f"  {name}: {cpu:.1f} s of CPU, {frames / cpu if cpu else 0:,.0f} messages a second and core")
        relay.terminate()
        await relay.wait()
        await server.stop()
        said = await run_programs(options.clients, told["public_url"], told["rest_url"], codes, options.seconds)
        report("lines of their own", said, options.seconds)


async def markets(told: dict[str, str]) -> list[str]:
    """Return the codes that there are."""
    from upbit_ws_qt.rest import RestClient

    async with RestClient(ServiceConfig(rest_url=told["rest_url"])) as rest:
        return [market.market for market in await rest.markets()]


def report(name: str, said: list[dict[str, Any]], seconds: float) -> None:
    """Print a row."""
    frames = [each["frames"] / seconds for each in said]
    cpu = [each["cpu"] / seconds for each in said]
    print(f"{name}: {len(said)} programs, {min(frames):,.0f} to {max(frames):,.0f} messages a second each, "
          f"{sum(cpu) / len(cpu):.3f} cores each")  # fmt: skip
    if said[0]["p50"] is not None:
        worst = {quantile: max(each[quantile] for each in said) * 1000 for quantile in ("p50", "p99", "max")}
        print(f"  added, the worst program: p50 {worst['p50']:.2f} ms, p99 {worst['p99']:.2f} ms, "
              f"longest {worst['max']:.1f} ms")  # fmt: skip


def main() -> None:
    """Measure, or be one of the programs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=10)
    parser.add_argument("--rate", type=float, default=1000)
    parser.add_argument("--markets", type=int, default=40)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--program", help=argparse.SUPPRESS)
    parser.add_argument("--rest", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.program is not None:
        os.environ.setdefault("UPBIT_LOOPBACK_ONLY", "1")
        asyncio.run(program(options.program, options.rest, options.seconds))
    else:
        asyncio.run(measure(options))


if __name__ == "__main__":
    main()

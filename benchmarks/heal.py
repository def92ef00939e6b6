"""How long it takes from a line that is up until all streams are whole again, and what REST and live events pay for it.

For 1, 20 and 100 streams of trades and gaps of 5 s and 10 min (of the exchange's time, which then goes faster):
seconds from the proved line to the report, questions asked of REST against the least possible (one for each 500 trades
of a stream, none where its first message tells that nothing was missed), and how late live tickers are handed out
meanwhile, against what is usual. The exchange has a process of its own, so that its work is not measured too.

    python -m benchmarks.heal [--streams 1 20 100] [--gaps 5 600]
"""

from __future__ import annotations

import argparse
import asyncio
import math
import urllib.request
from functools import partial
from typing import TYPE_CHECKING, Any

from benchmarks._child_exchange import child_exchange, config_for, http
from upbit_ws_qt import DataType, GlobalWebSocketManager, ManagerListener, SubscriptionSpec

if TYPE_CHECKING:
    from upbit_ws_qt import BaseWebSocketEvent, GapReport

PAGE = 500
DARK = 5.0  # seconds for which the line is really down; a longer gap is the exchange's clock going faster
USUAL = 5.0  # seconds of undisturbed tickers
RATE = 100.0  # messages a second of the whole market
PATIENCE = 300.0


class Watch(ManagerListener):
    """When a gap was healed, and how late live tickers were."""

    def __init__(self) -> None:
        self.report: GapReport | None = None
        self.late: list[float] = []

    def on_gap_healed(self, report: GapReport) -> None:
        """Note what became of the gap."""
        self.report = report

    def on_ticker(self, event: BaseWebSocketEvent) -> None:
        """Note for how long a live event was under way within this program."""
        self.late.append(asyncio.get_running_loop().time() - event.received_at)


def p99(values: list[float]) -> float:
    """Return the 99th percentile in ms; NaN for nothing."""
    return sorted(values)[int(len(values) * 0.99)] * 1000 if values else math.nan


def asked(manager: GlobalWebSocketManager) -> int:
    """Return how many questions REST was asked."""
    return sum(usage.asked for usage in manager.rest.usage())


async def tell(told: dict[str, str], path: str, given: dict[str, Any]) -> None:
    """Have the exchange do something, without holding the loop up."""
    await asyncio.to_thread(partial(http, told, path, given))


def end_faults(told: dict[str, str]) -> None:
    """End all faults of the exchange."""
    request = urllib.request.Request(told["rest_url"] + "/control/faults", method="DELETE")  # noqa: S310 - loopback
    urllib.request.urlopen(request, timeout=5).close()  # noqa: S310 - loopback


async def measure(told: dict[str, str], streams: int, gap: float) -> None:
    """Cut once, and print what healing took."""
    config = config_for(told, backfill=frozenset({"trade"}), backoff_initial=0.05, backoff_max=0.2)
    manager = GlobalWebSocketManager(config)
    watch = Watch()
    manager.add_listener(watch)
    try:
        await manager.start()
        codes = sorted(market.market for market in await manager.rest.markets())[:streams]
        manager.register_component("tape", SubscriptionSpec(DataType.TRADE, codes), lambda _: None)
        live = SubscriptionSpec(DataType.TICKER, codes)
        await manager.register_component("live", live, watch.on_ticker).wait_served(PATIENCE)
        await asyncio.sleep(USUAL)
        usual, watch.late = watch.late, []
        before = asked(manager)
        await tell(told, "/control/faults", {"name": "refuse", "endpoint": "public"})
        await tell(told, "/control/faults", {"name": "drop", "endpoint": "public"})
        await tell(told, "/control/time", {"scale": gap / DARK})
        await asyncio.sleep(DARK)
        await tell(told, "/control/time", {"scale": 1.0})
        watch.late.clear()
        await asyncio.to_thread(end_faults, told)
        async with asyncio.timeout(PATIENCE):
            while watch.report is None:  # noqa: ASYNC110 - a benchmark may poll
                await asyncio.sleep(0.01)
    finally:
        await manager.stop()
    report, questions = watch.report, asked(manager) - before
    gap_found = manager.wiring.backfill.latest(report.ws_type)
    assert gap_found is not None
    # What came first after the gap is what had come last: then nothing was missed, and nothing is to be asked.
    touched = {each.stream for each in gap_found.ranges if each.first_id != each.last_id}
    least = sum(max(each.stream in touched, math.ceil(each.expected / PAGE)) for each in report.streams)
    print(
        f"{streams:>3} streams, gap of {gap:g} s: whole after {report.duration:.2f} s, {report.recovered:,} of "
        f"{report.expected:,} trades, {questions} questions (least {least}, ratio {questions / max(1, least):.2f}), "
        f"tickers p99 {p99(watch.late):.1f} ms (usually {p99(usual):.1f} ms)",
        flush=True,
    )


def main() -> None:
    """Measure what is asked for, one after the other."""
    parser = argparse.ArgumentParser(description="How long gaps take to heal.")
    parser.add_argument("--streams", type=int, nargs="*", default=[1, 20, 100])
    parser.add_argument("--gaps", type=float, nargs="*", default=[5.0, 600.0])
    chosen = parser.parse_args()
    for gap in chosen.gaps:
        for streams in chosen.streams:
            with child_exchange("--control", "--quiet-account", "--markets", str(streams), "--rate", str(RATE)) as told:
                asyncio.run(measure(told, streams, gap))


if __name__ == "__main__":
    main()

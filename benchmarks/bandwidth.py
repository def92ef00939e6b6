"""What SIMPLE and deflate save on a stream like that of a trading program.

    python benchmarks/bandwidth.py [--messages 5000]

The stream is generated, seeded: 40 markets, prices that walk, books of 30 rows that change in a few of them at a time,
trades, tickers and candles in the proportions of a busy line. Deflate is one stream with context takeover, as
permessage-deflate keeps it.
"""

from __future__ import annotations

import argparse
import random
import sys
from dataclasses import dataclass, field

from upbit_ws_qt.wire import FormatSavings, SimpleFormatConverter

# Share of messages on a line with all four types subscribed.
MIX = {"ticker": 0.35, "trade": 0.2, "orderbook": 0.35, "candle.1s": 0.1}
START_MS = 1_795_148_460_000
SIMPLE_TARGET, BOTH_TARGET = 0.30, 0.60


@dataclass
class Market:
    """One market, its price in ticks and its book."""

    code: str
    tick: int
    price: int
    rng: random.Random
    volume: float = 1000.0
    rows: list[tuple[float, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.open = self.price
        self.rows = [self._row() for _ in range(30)]

    def _row(self) -> tuple[float, float]:
        return self.rng.expovariate(1.0), self.rng.expovariate(1.0)

    def move(self) -> None:
        """Let the price walk and a few rows of the book change."""
        self.price = max(40, self.price + self.rng.choice((-1, 0, 0, 1)))
        self.volume += self.rng.expovariate(50.0)
        for _ in range(self.rng.randint(1, 6)):
            self.rows[self.rng.randrange(30)] = self._row()

    def spelt(self, ticks: int) -> str:
        """Return a price as the exchange spells it."""
        return f"{ticks * self.tick}.0"

    def change(self) -> tuple[str, int]:
        """Return the direction and the ticks since the open."""
        moved = self.price - self.open
        return ("RISE" if moved > 0 else "FALL" if moved < 0 else "EVEN"), moved


def _clock(now: int) -> str:
    seconds = now // 1000 % 86_400
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def ticker(market: Market, now: int) -> str:
    change, moved = market.change()
    rate = f"{abs(moved) / market.open:.10f}"
    sign = "-" if moved < 0 else ""
    volume = market.volume
    return (
        f'{{"type":"ticker","code":"{market.code}","opening_price":{market.spelt(market.open)},'
        f'"high_price":{market.spelt(market.open + 40)},"low_price":{market.spelt(market.open - 40)},'
        f'"trade_price":{market.spelt(market.price)},"prev_closing_price":{market.spelt(market.open)},'
        f'"change":"{change}","change_price":{market.spelt(abs(moved))},'
        f'"signed_change_price":{sign}{market.spelt(abs(moved))},"change_rate":{rate},"signed_change_rate":{sign}{rate},'
        f'"trade_volume":{market.rng.expovariate(20.0):.8f},"acc_trade_volume":{volume:.8f},'
        f'"acc_trade_volume_24h":{volume * 2.3:.8f},"acc_trade_price":{volume * market.price * market.tick:.5f},'
        f'"acc_trade_price_24h":{volume * 2.3 * market.price * market.tick:.8f},"trade_date":"20261120",'
        f'"trade_time":"{_clock(now).replace(":", "")}","trade_timestamp":{now - 32},'
        f'"ask_bid":"{market.rng.choice(("ASK", "BID"))}","acc_ask_volume":{volume * 0.51:.8f},'
        f'"acc_bid_volume":{volume * 0.49:.8f},"highest_52_week_price":{market.spelt(market.open * 2)},'
        f'"highest_52_week_date":"2026-01-09","lowest_52_week_price":{market.spelt(market.open // 2)},'
        f'"lowest_52_week_date":"2026-08-14","market_state":"ACTIVE","is_trading_suspended":false,'
        f'"delisting_date":null,"market_warning":"NONE","timestamp":{now},"stream_type":"REALTIME"}}'
    )


def trade(market: Market, now: int) -> str:
    change, moved = market.change()
    rng = market.rng
    return (
        f'{{"type":"trade","code":"{market.code}","trade_price":{market.spelt(market.price)},'
        f'"trade_volume":{rng.expovariate(20.0):.8f},"ask_bid":"{rng.choice(("ASK", "BID"))}",'
        f'"prev_closing_price":{market.spelt(market.open)},"change":"{change}",'
        f'"change_price":{market.spelt(abs(moved))},"trade_date":"2026-11-20","trade_time":"{_clock(now)}",'
        f'"trade_timestamp":{now - 32},"timestamp":{now},"sequential_id":{now}{rng.randrange(10_000):04},'
        f'"best_ask_price":{market.spelt(market.price + 1)},"best_ask_size":{rng.expovariate(1.0):.8f},'
        f'"best_bid_price":{market.spelt(market.price)},"best_bid_size":{rng.expovariate(1.0):.8f},'
        f'"stream_type":"REALTIME"}}'
    )


def orderbook(market: Market, now: int) -> str:
    units = ",".join(
        f'{{"ask_price":{market.spelt(market.price + 1 + n)},"bid_price":{market.spelt(market.price - n)},'
        f'"ask_size":{ask:.8f},"bid_size":{bid:.8f}}}'
        for n, (ask, bid) in enumerate(market.rows)
    )
    asks, bids = (sum(row[side] for row in market.rows) for side in (0, 1))
    return (
        f'{{"type":"orderbook","code":"{market.code}","total_ask_size":{asks:.8f},"total_bid_size":{bids:.8f},'
        f'"orderbook_units":[{units}],"timestamp":{now},"level":0,"stream_type":"REALTIME"}}'
    )


def candle(market: Market, now: int) -> str:
    price = f"{market.price * market.tick}.00000000"
    return (
        f'{{"type":"candle.1s","code":"{market.code}","candle_date_time_utc":"2026-11-20T{_clock(now)}",'
        f'"candle_date_time_kst":"2026-11-20T{_clock(now + 32_400_000)}","opening_price":{price},"high_price":{price},'
        f'"low_price":{price},"trade_price":{price},"candle_acc_trade_volume":{market.rng.expovariate(5.0):.8f},'
        f'"candle_acc_trade_price":{market.rng.expovariate(1e-6):.8f},"timestamp":{now},"stream_type":"REALTIME"}}'
    )


MAKERS = {"ticker": ticker, "trade": trade, "orderbook": orderbook, "candle.1s": candle}


def stream(messages: int, mix: dict[str, float], seed: int = 1) -> list[str]:
    """Return DEFAULT frames in the order of a line; busy markets speak more often."""
    rng = random.Random(seed)
    markets = [Market(f"KRW-{name}", rng.choice((1, 10, 1000)), rng.randint(500, 110_000), rng) for name in _names(rng)]
    weights = [1 / (rank + 1) for rank in range(len(markets))]
    now = START_MS
    frames: list[str] = []
    for market in rng.choices(markets, weights, k=messages):
        now += rng.randint(0, 3)
        market.move()
        kind = rng.choices(list(mix), list(mix.values()))[0]
        frames.append(MAKERS[kind](market, now))
    return frames


def _names(rng: random.Random) -> list[str]:
    return ["BTC", "ETH", "XRP", *("".join(rng.choices("ABCDEFGHIJKLMNOPQRSTUVWXYZ", k=4)) for _ in range(37))]


def row(name: str, savings: FormatSavings) -> str:
    each = [savings.default_bytes, savings.simple_bytes, savings.default_deflated, savings.simple_deflated]
    return (
        f"{name:12}"
        + "".join(f"{size / savings.messages:12.0f}" for size in each)
        + "".join(f"{share:14.1%}" for share in (savings.simple, savings.deflate, savings.simple_deflate))
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=5000)
    messages = parser.parse_args().messages
    sizes = "".join(f"{name:>12}" for name in ("DEFAULT", "SIMPLE", "deflated", "S.+deflated"))
    saved = "".join(f"{name:>14}" for name in ("SIMPLE", "deflate", "both save"))
    print(f"bytes per message over {messages} messages, and what is saved over DEFAULT\n{'':12}{sizes}{saved}")
    for kind in MIX:
        print(row(kind, SimpleFormatConverter.analyze(stream(messages // 5, {kind: 1.0}))))
    mixed = SimpleFormatConverter.analyze(stream(messages, MIX))
    print(row("mixed", mixed))
    print(f"targets on the mixed stream: SIMPLE >= {SIMPLE_TARGET:.0%}, SIMPLE + deflate >= {BOTH_TARGET:.0%}")
    print(f"AUTO picks {mixed.pick(compressed=False).value}, with deflate {mixed.pick(compressed=True).value}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

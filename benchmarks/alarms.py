"""What a look at an alarm costs, by its kind, and what 50 of them cost of a core at 5,000 prices a second.

CPU time of the thread, so that what else the machine does counts less. Prices are reckoned for each event; candles are
looked at ten times a second at most.
"""

from __future__ import annotations

import random
import statistics
import time
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np

from widgets.alarm_rules.rules import (
    Alarm,
    Condition,
    Crossing,
    IndicatorLevel,
    PriceChange,
    PriceLevel,
    Repeat,
    SpreadWide,
    VolumeSpike,
)
from widgets.alarm_rules.seen import BookSeen, CandlesSeen, PriceSeen
from widgets.alarm_rules.watch import AlarmWatch
from widgets.formulas.candles import Columns

if TYPE_CHECKING:
    from collections.abc import Callable

    from widgets.alarm_rules.seen import Seen

_LOOKS = 2000
_ROUNDS = 15
_ALARMS, _MARKETS, _MESSAGES = 50, 200, 5000


def _prices(source: random.Random) -> Callable[[int], Seen]:
    prices = [Decimal(150_000_000 + source.randint(-400, 400) * 1000) for _ in range(997)]
    return lambda number: PriceSeen(prices[number % 997], number * 10)


def _candles(source: random.Random) -> Callable[[int], Seen]:
    close = np.cumsum([source.uniform(-1, 1) for _ in range(256)]) + 1000
    start = np.arange(256, dtype=np.int64) * 60
    columns = Columns(start, close, close + 1, close - 1, close, np.full(256, 2.0))
    return lambda number: CandlesSeen(columns, "1m", number * 100)


def microseconds(condition: Condition, seen: Callable[[int], Seen]) -> float:
    """Return the median CPU time of a look."""
    watch = AlarmWatch(Alarm("a", condition, "KRW-BTC", Repeat.ALWAYS))
    found, number = [], 0
    for _ in range(_ROUNDS):
        began = time.thread_time()
        for _ in range(_LOOKS):
            watch.see(seen(number))
            number += 1
        found.append((time.thread_time() - began) / _LOOKS * 1e6)
    return statistics.median(found)


def main() -> None:
    """Measure all kinds."""
    source = random.Random(3)
    prices, candles = _prices(source), _candles(source)
    level = microseconds(PriceLevel(Decimal(150_000_000)), prices)
    change = microseconds(PriceChange(Decimal(3), 10), prices)
    book = BookSeen(Decimal(1000), Decimal(1001), 5)
    kinds = {
        "price level": level,
        "change in 10 min": change,
        "spread": microseconds(SpreadWide(Decimal(1)), lambda _: book),
        "volume": microseconds(VolumeSpike(Decimal(5)), candles),
        "RSI, closed": microseconds(IndicatorLevel("rsi", (14.0,), "value", Crossing.UP, Decimal(70)), candles),
        "RSI, present": microseconds(
            IndicatorLevel("rsi", (14.0,), "value", Crossing.UP, Decimal(200), closed=False), candles
        ),
    }
    for name, spent in kinds.items():
        print(f"{name:18} {spent:8.2f} µs a look")
    looks = _MESSAGES / _MARKETS * _ALARMS
    print(
        f"{_ALARMS} alarms on prices of {_MARKETS} markets at {_MESSAGES:,} prices a second: "
        f"{looks * max(level, change) / 1e4:.2f} % of a core"
    )


if __name__ == "__main__":
    main()

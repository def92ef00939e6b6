"""What happens in a simulation, written down before it begins: a seed is a course, and a course can be shortened."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from random import Random
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["CODES", "Course", "Step"]

CODES = ("KRW-BTC", "KRW-ETH", "KRW-XRP", "KRW-SOL", "KRW-DOGE")
GARBAGE = ("not_json", "binary", "empty", "scalar", "array", "unknown_type", "no_type", "wrong_types", "nan",
           "duplicate_keys")  # fmt: skip
ERRORS = ("WRONG_FORMAT", "NO_TICKET", "NO_TYPE", "NO_CODES", "INVALID_PARAM", "TOO_MANY_REQUEST", "INTERNAL_ERROR")
CLOSES = (1000, 1001, 1008, 1011, 1012, 1013)
VIOLATIONS = ("opcode", "continuation", "rsv", "long_ping", "fragmented_ping", "utf8", "length", "close_code")
MOMENTS = ("now", "now", "open", "request", "served")
RATES = {120.0: (5.0, 30.0, 100.0), 300.0: (2.0, 5.0, 10.0, 20.0), 600.0: (1.0, 2.0, 5.0, 10.0),
         1200.0: (1.0, 2.0, 5.0, 10.0)}  # fmt: skip
"""Market messages a second, by the seconds that a course lasts: what is quiet is cheap."""
ENDPOINTS = ("public", "public", "public", "private")
ALL_KINDS = ("trade", "candle", "order", "asset")
SEES_THAT_IT_STANDS_STILL = 0.15
"""Share of the courses in which a line dies and somebody asks for another one before that is found out."""
STAYS = (("trade",), ("trade",), ("trade", "ticker"), ("trade", "candle.1s"))
"""What the component wants that is there from beginning to end."""
ABOUT_THE_ACCOUNT = 0.25
"""Share of the courses in which somebody listens to the account, and most goes wrong with its line."""


@dataclass(frozen=True)
class Step:
    """One thing that happens.

    Attributes:
        at: seconds after the beginning.
        what: the method of `acts.Acts` that does it.
        values: what that is given.
    """

    at: float
    what: str
    values: dict[str, Any] = field(default_factory=dict)

    @property
    def is_fault(self) -> bool:
        """Whether something goes wrong by it; the rest is what users do."""
        return self.what not in USERS

    def __str__(self) -> str:
        told = ", ".join(f"{name}={value!r}" for name, value in self.values.items())
        return f"{self.at:9.3f} s  {self.what}({told})"


@dataclass(frozen=True)
class Course:
    """A whole simulation.

    Attributes:
        seed: of all chance in it.
        order: "fifo", "shuffled" or "pct": the order in which the loop turns to tasks.
        rate: market messages a second.
        seconds: how long things happen.
        delay: of the network, seconds one way; `jitter` is what may come on top.
        fragments: share of what arrives in two pieces.
        skew: seconds by which the computer's clock is ahead of the exchange's.
        backfill: what is made good.
        hold: seconds for which live events wait for the past.
        data_format: as in ServiceConfig.
        compression: whether the lines ask for it.
        beat: seconds between two moments at which the exchange sends; the fewer, the more hours a processor plays.
        lag: seconds by which REST is behind the lines.
        steps: what happens, in order.
    """

    seed: int
    order: str
    rate: float
    seconds: float
    delay: float
    jitter: float
    fragments: float
    skew: float
    backfill: tuple[str, ...]
    hold: float
    data_format: str
    compression: bool
    beat: float
    lag: float
    steps: tuple[Step, ...]

    @classmethod
    def of(cls, seed: int) -> Course:
        """Return the course of a seed."""
        random = Random(f"course {seed}")
        seconds = random.choice((120.0, 300.0, 300.0, 600.0, 1200.0))
        steps = [Step(random.uniform(0.0, 2.0), "wish", _wish(random)) for _ in range(random.randrange(1, 4))]
        steps.append(Step(0.0, "wish", {"types": random.choice(STAYS), "codes": CODES[:2], "backfill": True,
                                        "private": False}))  # fmt: skip
        is_private = random.random() < ABOUT_THE_ACCOUNT
        if is_private:
            steps.append(Step(1.0, "wish", {**_wish(random), "private": True}))
        at = random.uniform(5.0, 15.0)
        # Things go wrong in bursts, and in between there is time to come back.
        while at < seconds:
            for _ in range(random.choice((1, 1, 2, 3, 5))):
                kind = random.choices(tuple(MAKERS), tuple(weight for weight, _ in MAKERS.values()))[0]
                values = MAKERS[kind][1](random)
                if is_private and "endpoint" in values and random.random() < 0.6:
                    values["endpoint"] = "private"
                steps.append(Step(round(at, 4), kind, values))
                at += random.choice((0.0, random.expovariate(20.0), random.expovariate(1.0)))
            at += random.expovariate(1 / random.choice((5.0, 20.0, 60.0)))
        own = Random(f"stuck {seed}")  # of its own, so that the other steps of a seed stay what they were
        if own.random() < SEES_THAT_IT_STANDS_STILL:
            values = {"endpoint": "public", "after": own.choice((0.5, 2.0, 4.0))}
            steps.append(Step(round(own.uniform(5.0, seconds), 4), "stuck", values))
        return cls(
            seed=seed,
            order=random.choice(("fifo", "shuffled", "shuffled", "pct")),
            rate=random.choice(RATES[seconds]),
            seconds=seconds,
            delay=random.choice((0.0005, 0.005, 0.02, 0.1)),
            jitter=random.choice((0.0, 0.0, 0.005, 0.05)),
            fragments=random.choice((0.0, 0.05)),
            skew=random.choice((0.0, 0.0, 0.4, -0.4, 5.0, -5.0, 3600.0, -3600.0)),
            backfill=ALL_KINDS if is_private else random.choice(((), ("trade",), ("trade", "candle"), ALL_KINDS)),
            hold=random.choice((0.0, 2.0, 60.0)),
            data_format=random.choice(("AUTO", "DEFAULT", "SIMPLE", "JSON_LIST", "SIMPLE_LIST")),
            compression=random.random() < 0.3,
            beat=random.choice((0.02, 0.05, 0.1, 0.1)),
            lag=random.choice((0.0, 0.0, 0.3, 1.5)),
            steps=tuple(sorted(steps, key=lambda step: step.at)),
        )

    @property
    def faults(self) -> int:
        """How much goes wrong."""
        return sum(step.is_fault for step in self.steps)

    def without(self, gone: frozenset[int]) -> Course:
        """Return the course without some of its steps, by their places."""
        return replace(self, steps=tuple(step for place, step in enumerate(self.steps) if place not in gone))

    def __str__(self) -> str:
        values = {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "steps"}
        head = ", ".join(f"{name}={value!r}" for name, value in values.items())
        return "\n".join([f"course of seed {self.seed}: {head}", *map(str, self.steps)])

    def shrunk(self, fails: Callable[[Course], bool], most: int = 150) -> Course:
        """Return the shortest course found that still fails, by leaving out ever smaller parts of it."""
        best, tries = self, 0
        size = max(1, len(best.steps) // 2)
        while size and tries < most:
            place, shorter = 0, False
            while place < len(best.steps) and tries < most:
                tried = best.without(frozenset(range(place, place + size)))
                tries += 1
                if fails(tried):
                    best, shorter = tried, True
                else:
                    place += size
            if not shorter or size > 1:
                size //= 2
        return best


def _wish(random: Random) -> dict[str, Any]:
    kinds = random.choice(
        (
            ("trade",),
            ("trade",),
            ("ticker",),
            ("trade", "ticker"),
            ("orderbook",),
            ("candle.1s",),
            ("candle.1m", "trade"),
        )
    )
    codes = tuple(sorted(random.sample(CODES, random.randrange(1, len(CODES) + 1))))
    return {
        "types": kinds,
        "codes": codes,
        "backfill": random.choice((None, True, False)),
        "private": random.random() < 0.2,
    }


def _line(random: Random) -> dict[str, Any]:
    return {
        "endpoint": random.choice(ENDPOINTS),
        "on": random.choice(MOMENTS),
        "after": random.choice((0.0, 0.0, random.expovariate(10.0))),
    }


def _with(**choices: Any) -> Callable[[Random], dict[str, Any]]:
    return lambda random: {**_line(random), **{name: random.choice(values) for name, values in choices.items()}}


def _some(**choices: Any) -> Callable[[Random], dict[str, Any]]:
    return lambda random: {name: random.choice(values) for name, values in choices.items()}


FLURRIES = (("ticker",), ("orderbook",), ("candle.5m",), ("candle.15m",))
_SECONDS = (0.2, 1.0, 3.0, 8.0, 20.0)
_TIMES = (1, 1, 2, 3)

MAKERS: dict[str, tuple[float, Callable[[Random], dict[str, Any]]]] = {
    # what users do
    "wish": (10, _wish),
    "close": (8, _some(which=range(8))),
    "change": (6, lambda random: {"which": random.randrange(8), **_wish(random)}),
    "flurry": (3, _some(types=FLURRIES, changes=(8, 30, 200), gap=(0.0, 0.05, 0.3))),
    "snapshot": (1, _some(code=CODES)),
    "reconnect": (2, _some(endpoint=ENDPOINTS, times=(1, 1, 12))),
    # a line
    "drop": (8, _line),
    "stutter": (2, _some(endpoint=ENDPOINTS, times=(2, 3, 5), after=(0.0, 0.2, 1.0))),
    "cut": (5, _some(on=("now", "now", "later"), endpoint=ENDPOINTS)),
    "close_line": (4, _with(code=CLOSES)),
    "error": (4, _with(error=ERRORS)),
    "garbage": (3, _with(kind=GARBAGE)),
    "violation": (2, _with(kind=VIOLATIONS)),
    "cut_frame": (2, _line),
    "half_open": (3, _line),
    "dead_line": (3, _some(endpoint=ENDPOINTS)),
    "partition": (4, _some(seconds=_SECONDS)),
    "slow_network": (2, _some(seconds=_SECONDS, delay=(0.2, 0.8), jitter=(0.0, 0.3))),
    # dialling
    "refuse": (4, _some(endpoint=ENDPOINTS, status=(500, 502, 503, 0), times=_TIMES)),
    "too_many": (2, _some(endpoint=ENDPOINTS, times=_TIMES)),
    "blocked": (1, _some(endpoint=ENDPOINTS, seconds=(2.0, 10.0), times=(1,))),
    "slow_accept": (2, _some(endpoint=ENDPOINTS, seconds=(0.5, 3.0, 12.0), times=(1, 2))),
    "maintenance": (1, _some(notice=(0.0, 1.0), seconds=(5.0, 20.0))),
    # requests
    "ignored_request": (2, _some(endpoint=ENDPOINTS, times=(1, 2))),
    # REST
    "rest_refuse": (2, _some(seconds=_SECONDS, status=(500, 503, 0))),
    "rest_too_many": (1, _some(times=_TIMES)),
    "rest_slow": (2, _some(seconds=_SECONDS, slow=(0.5, 3.0, 12.0))),
    "rest_cut": (1, _some(times=_TIMES)),
    "rest_lag": (1, _some(seconds=_SECONDS, lag=(0.5, 2.0))),
    # the computer
    "set_clock": (2, _some(by=(-3600.0, -5.0, -0.3, 0.3, 5.0, 3600.0))),
    "drift": (1, _some(share=(-0.01, 0.0, 0.001, 0.01))),
    "sleep": (2, _some(seconds=(10.0, 120.0, 1800.0))),
    "waking": (1, _some(seconds=(120.0, 1800.0), times=(1, 2, 4))),
    "busy": (2, _some(seconds=(0.05, 0.3, 2.0, 8.0))),
    # callbacks
    "raising": (1, _some(which=range(8), times=(1, 3, 20))),
    "slow_callback": (1, _some(which=range(8), times=(1, 3), seconds=(0.05, 0.2))),
    # the market
    "quiet": (1, _some(seconds=_SECONDS)),
    "delist": (0.3, _some(code=CODES[2:])),
    # the account
    "keys_refused": (1, _some(endpoint=("private",), times=(1, 2, 3), http=(True, False))),
    "order": (5, _some(volume=("0.001", "0.002", "0.01"))),
    "fill": (4, _some(which=range(8), volume=(None, "0.0003"))),
    "cancel": (2, _some(which=range(8))),
    "trading": (3, _some(fills=(5, 20), gap=(0.02, 0.2, 1.0))),
}  # fmt: skip
"""Everything that can happen, with how often it does beside the rest."""

USERS = frozenset({"wish", "close", "change", "flurry", "snapshot", "reconnect", "quiet", "order", "fill", "cancel",
                   "trading"})  # fmt: skip

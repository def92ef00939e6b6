"""An examination: questions are put to a running exchange, within its limits, and each statement gets a finding."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import platform
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

import websockets

from upbit_ws_qt.doctor.checks import CHECKS
from upbit_ws_qt.doctor.line import Answer, DialRefusedError, Line, dial
from upbit_ws_qt.doctor.pace import Pace
from upbit_ws_qt.doctor.report import Finding, Report, Verdict
from upbit_ws_qt.doctor.rest import RestAnswer, get
from upbit_ws_qt.doctor.settings import Expected, Target, Waits
from upbit_ws_qt.doctor.statements import STATEMENTS, statement
from upbit_ws_qt.doctor.tokens import make_token
from upbit_ws_qt.errors import ConfigurationError, DecodeError, WebSocketError
from upbit_ws_qt.text import safe_text
from upbit_ws_qt.wire import decode

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from upbit_ws_qt.doctor.questions import Check
    from upbit_ws_qt.doctor.recording import Recording

__all__ = ["Examination", "NotExaminedError", "Refusal"]

_LINES_AT_ONCE = 5
_PRIVATE_LINES_AT_ONCE = 1  # many connections of one key may get new ones refused
# Share of a limit that is used: other programs of the same address need room as well.
_SHARE = 0.6
_TOO_MANY = (418, 429)


class NotExaminedError(WebSocketError):
    """The exchange could not be examined: it cannot be reached, or it asked to be left alone (429 or 418)."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A request that was refused, for the statements about errors.

    Attributes:
        endpoint: where.
        answer: what came.
        keys: of the whole message and of what stands in `error`.
    """

    endpoint: str
    answer: Answer
    keys: tuple[frozenset[str], frozenset[str]]


@dataclass(slots=True)
class Markets:
    """Which markets there are, the busiest first.

    Attributes:
        codes: of the region's own currency.
        others: quoted in BTC or USDT.
        levels: supported groupings of order books by code, as text.
    """

    codes: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    levels: dict[str, list[str]] = field(default_factory=dict)


class Examination:
    """One examination of one exchange.

    Args:
        target: what is examined.
        waits: how patiently.
        expected: the figures it is set to.
        recording: where frames are written down, None for nowhere.
        on_finding: called with each finding as soon as there is one.

    Raises:
        ConfigurationError: if limits are to be exceeded on an exchange that is not on this machine.
    """

    def __init__(
        self,
        target: Target,
        *,
        waits: Waits | None = None,
        expected: Expected | None = None,
        recording: Recording | None = None,
        on_finding: Callable[[Finding], None] = lambda finding: None,
    ) -> None:
        self.target = target
        self.waits = waits or Waits()
        self.expected = expected or Expected()
        if self.expected.exceed and not target.is_loopback:
            raise ConfigurationError("exceed", True, "False: limits are exceeded on this machine's exchanges only")
        self.markets = Markets()
        self.refusals: list[Refusal] = []
        self.others_done = asyncio.Event()
        self._recording = recording
        self._on_finding = on_finding
        self._findings: dict[str, Finding] = {}
        self._notes: list[str] = []
        self._numbers = itertools.count(1)
        self._places = asyncio.Semaphore(_LINES_AT_ONCE)
        self._private_places = asyncio.Semaphore(_LINES_AT_ONCE if target.is_loopback else _PRIVATE_LINES_AT_ONCE)
        self._connects = Pace((max(1, int(self.expected.connects_per_second * _SHARE)), 1.0))
        self._rest = Pace((4, 1.0))
        self._used_private = False
        self._unread: dict[str, int] = defaultdict(int)
        self.messages_read = 0

    # Findings.

    def holds(self, number: str, seen: str) -> None:
        """Note that a statement holds, and what was seen."""
        self._find(number, Verdict.HOLDS, seen)

    def broken(self, number: str, seen: str) -> None:
        """Note that a statement does not hold, and what was seen."""
        self._find(number, Verdict.BROKEN, seen)

    def unchecked(self, number: str, why: str) -> None:
        """Note that a statement could not be checked, and why."""
        self._find(number, Verdict.UNCHECKED, why)

    def judge(self, number: str, holds: object, seen: str) -> bool:
        """Note whether a statement holds; return whether it does."""
        (self.holds if holds else self.broken)(number, seen)
        return bool(holds)

    def is_found(self, number: str) -> bool:
        """Tell whether there is a finding of a statement already."""
        return number in self._findings

    def is_broken(self, number: str) -> bool:
        """Tell whether a statement was found not to hold."""
        return number in self._findings and self._findings[number].verdict is Verdict.BROKEN

    def applies(self, number: str) -> bool:
        """Tell whether a statement is about the region that is examined."""
        regions = statement(number).regions
        return not regions or self.target.region in regions

    def _find(self, number: str, verdict: Verdict, seen: str) -> None:
        if not self.applies(number):
            return
        before = self._findings.get(number)
        if before is not None and before.verdict is Verdict.BROKEN:
            return  # what is broken once is not mended by what is seen later
        if before is not None and verdict is Verdict.UNCHECKED:
            return
        finding = Finding(number, verdict, safe_text(seen, 300))
        self._findings[number] = finding
        self._on_finding(finding)

    # What questions need.

    @property
    def code(self) -> str:
        """The busiest market."""
        return self.markets.codes[0]

    @property
    def second_code(self) -> str:
        """The second busiest market."""
        return self.markets.codes[1]

    @property
    def has_key(self) -> bool:
        """Whether there is a key for the private endpoints."""
        return self.target.credentials is not None

    def token(self, *, algorithm: str = "HS512", nonce: str | None = None, wrong_secret: bool = False) -> str:
        """Return a token of the key; there has to be one."""
        assert self.target.credentials is not None
        access_key, secret_key = self.target.credentials.reveal()
        if wrong_secret:
            secret_key = secret_key[::-1] + "x"
        return make_token(access_key, secret_key, algorithm=algorithm, nonce=nonce)

    @contextlib.asynccontextmanager
    async def line(
        self,
        endpoint: str = "public",
        *,
        token: str | None = "",
        compression: bool = False,
        beside: bool = False,
        at_once: bool = False,
    ) -> AsyncIterator[Line]:
        """Open a line for as long as the block lasts.

        Args:
            endpoint: "public", "private" or "info".
            token: None for none; "" for a good one where the endpoint wants one.
            compression: offer permessage-deflate.
            beside: it only waits: take no place of the lines that are open at once.
            at_once: whatever the limits.

        Raises:
            DialRefusedError: where it was not opened.
            NotExaminedError: where the exchange wants no more connects.
        """
        places = self._places if endpoint == "public" else self._private_places
        async with contextlib.nullcontext() if beside or at_once else places:
            line = await self._dial(endpoint, token, compression, at_once=at_once)
            try:
                yield line
            finally:
                await line.close()
                self._read_with_the_client(line)

    async def _dial(self, endpoint: str, token: str | None, compression: bool, *, at_once: bool) -> Line:
        if token == "":
            token = None if endpoint == "public" else self.token()
        if not at_once:
            await self._connects.step()
        if endpoint != "public":
            self._used_private = True
        expected = self.expected
        pace = Pace(
            (max(1, int(expected.messages_per_second * _SHARE)), 1.0), (int(expected.messages_per_minute * 0.9), 60.0)
        )
        try:
            return await dial(
                getattr(self.target, f"{endpoint}_url"),
                endpoint,
                next(self._numbers),
                token=token,
                pace=pace,
                recording=self._recording,
                seconds=self.waits.dial,
                compression=compression,
                local=self.target.is_loopback,
            )
        except DialRefusedError as error:
            if error.status in _TOO_MANY and not at_once:
                raise NotExaminedError(f"{error}: {error.body or 'too many connects'}; nothing more is asked") from None
            raise

    async def refused(
        self, endpoint: str, text: str | list[dict[str, Any]], *, token: str | None = "", line: Line | None = None
    ) -> tuple[Answer, Line]:
        """Send a request that should be refused, on a line of its own, and return what came."""
        if line is None:
            async with self.line(endpoint, token=token) as fresh:
                return await self.refused(endpoint, text, line=fresh)
        await line.send(text if isinstance(text, str) else json.dumps(text))
        answer = await line.answer(self.waits.patience if isinstance(text, str) else self.waits.close, self.waits.close)
        self.note_refusal(line, answer)
        return answer, line

    def note_refusal(self, line: Line, answer: Answer) -> None:
        """Keep an error for the statements about errors."""
        if not answer.error:
            return
        for frame in line.frames:
            for message in frame.messages:
                if isinstance(message.get("error"), dict):
                    keys = (frozenset(message), frozenset(message["error"]))
                    self.refusals.append(Refusal(line.endpoint, answer, keys))
                    return

    async def get(self, path: str, **query: str) -> RestAnswer:
        """Ask the REST interface; OSError where it does not answer."""
        await self._rest.step()
        return await get(self.target.rest_url, path, query, self.waits.dial)

    def _read_with_the_client(self, line: Line) -> None:
        """Try the client's own decoder on what came: it has to read whatever a real exchange sends."""
        for frame in line.frames:
            self.messages_read += 1
            try:
                decode(frame.text)
            except DecodeError as error:
                if frame.value is not None:
                    self._unread[error.reason] += 1

    # The whole.

    async def run(self) -> Report:
        """Put all questions and return what was found.

        Raises:
            NotExaminedError: if the exchange cannot be reached.
        """
        begun = datetime.now(UTC)
        await self._prepare()
        stopped: NotExaminedError | None = None
        try:
            async with asyncio.timeout(self.waits.whole):
                await self._ask_all()
        except* TimeoutError:
            stopped = NotExaminedError(f"after {self.waits.whole:g} s what was left was left out")
        except* NotExaminedError as group:
            stopped = next(error for error in _leaves(group) if isinstance(error, NotExaminedError))
        self._fill_in(stopped)
        notes = list(self._notes)
        if stopped is not None:
            notes.insert(0, str(stopped))
        expected = self.expected
        if expected.differences:
            notes.append(f"this exchange is set to other figures than the real one: {', '.join(expected.differences)}")
        for reason, times in self._unread.items():
            notes.append(f"this program's own decoder could not read {times} of {self.messages_read} frames: {reason}")
        return Report(
            tuple(self._findings[each.number] for each in STATEMENTS if each.number in self._findings),
            tuple(notes),
            {
                "upbit-ws-doctor": _version(),
                "websockets": websockets.version.version,
                "Python": platform.python_version(),
                "region": self.target.region,
                "host": self.target.host if not self.target.is_loopback else "loopback",
                "key": "yes" if self.has_key else "no",
                "time": begun.strftime("%Y-%m-%dT%H:%MZ"),
            },
            is_stopped=stopped is not None,
        )

    async def _prepare(self) -> None:
        """Learn which markets there are, and that anybody is at home."""
        quote = self.target.quote
        usual = [f"{quote}-{base}" for base in ("BTC", "ETH", "XRP", "SOL", "DOGE", "USDT")]
        try:
            listed = await self.get("/v1/market/all")
            codes = [
                row["market"] for row in listed.value if isinstance(row, dict) and isinstance(row.get("market"), str)
            ]
            own = [code for code in codes if code.startswith(f"{quote}-")]
            tickers = await self.get("/v1/ticker", markets=",".join(own[:200]))
            rank = {row["market"]: row["acc_trade_price_24h"] for row in tickers.value}
            own.sort(key=lambda code: -rank.get(code, 0))
            self.markets.others = [code for code in codes if code.startswith(("BTC-", "USDT-"))]
            instruments = await self.get("/v1/orderbook/instruments", markets=",".join(own[:6]))
            self.markets.levels = {row["market"]: row["supported_levels"] for row in instruments.value}
        except (OSError, LookupError, TypeError, AttributeError) as error:
            self._notes.append(f"markets are the usual ones, since REST did not tell: {type(error).__name__}: {error}")
            own = []
        self.markets.codes = own if len(own) >= 6 else usual
        try:
            async with self.line():
                pass
        except DialRefusedError as error:
            raise NotExaminedError(f"{error} {error.body}".strip()) from None

    async def _ask_all(self) -> None:
        async with asyncio.TaskGroup() as whole:
            for each in CHECKS:
                if each.waits:
                    whole.create_task(self._ask(each))
            async with asyncio.TaskGroup() as group:
                for each in CHECKS:
                    if not (each.waits or each.stage):
                        group.create_task(self._ask(each))
            self.others_done.set()
        for each in sorted(CHECKS, key=lambda each: each.stage):
            if each.stage:
                await self._ask(each)

    async def _ask(self, asked: Check) -> None:
        numbers = [number for number in asked.numbers if self.applies(number)]
        if not numbers:
            return
        if asked.needs == "key" and not self.has_key:
            for number in numbers:
                self.unchecked(number, "it takes a key (--key)")
            return
        try:
            await asked.ask(self)
        except DialRefusedError as error:
            why = f"no line: {error} {error.body}".strip()
            for number in numbers:
                self.unchecked(number, why)
        for number in numbers:
            if not self.is_found(number):
                self.unchecked(number, "nothing came from which it could be told")

    def _fill_in(self, stopped: NotExaminedError | None) -> None:
        for each in STATEMENTS:
            if self.applies(each.number) and not self.is_found(each.number):
                self.unchecked(
                    each.number, each.unchecked or ("the examination was stopped" if stopped else "never asked")
                )


def _leaves(group: BaseExceptionGroup[Any]) -> list[BaseException]:
    found: list[BaseException] = []
    for error in group.exceptions:
        found += _leaves(error) if isinstance(error, BaseExceptionGroup) else [error]
    return found


def _version() -> str:
    try:
        return version("upbit-ws-qt")
    except PackageNotFoundError:
        return "unknown"

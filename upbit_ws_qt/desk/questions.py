"""REST for a whole desk: programs ask the relay, which asks the exchange once for all that want the same."""

from __future__ import annotations

import asyncio
import base64
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from upbit_ws_qt.desk.nats_link import end_tasks
from upbit_ws_qt.desk.subjects import as_json, read_json
from upbit_ws_qt.errors import ConfigurationError, ConnectionLostError, RestError, WebSocketError
from upbit_ws_qt.rest.limiter import PER_SECOND
from upbit_ws_qt.rest.questions import Question
from upbit_ws_qt.rest.transport import HttpAnswer, TransportError
from upbit_ws_qt.text import Phrase, safe_text

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from upbit_ws_qt.rest import RestClient

__all__ = ["Answerer", "DeskTransport", "read_question"]

KEPT_FOR = 0.2
"""Seconds for which an answer is given to others who ask the same: less than a program waits before it asks again for
what REST does not know yet."""
MOST_KEPT = 256
_GROUP_OF = {"trades": "trade", "candles": "candle", "ticker": "ticker", "orderbook": "orderbook", "market": "market"}


def read_question(target: str) -> Question | None:
    """Return the question that a path with its query is; None for what no program of a desk may ask."""
    parts = urlsplit(target)
    group = _GROUP_OF.get(parts.path.removeprefix("/v1/").partition("/")[0])
    if not parts.path.startswith("/v1/") or group not in PER_SECOND:
        return None
    pairs = tuple(parse_qsl(parts.query, keep_blank_values=True))
    return Question(parts.path.removeprefix("/v1"), group, pairs)


class Answerer:
    """Asks the exchange for a desk's programs: the same question at the same time once.

    Attributes:
        asked: questions that programs have asked.
        passed_on: those of them that were asked of the exchange.
    """

    def __init__(self, rest: RestClient) -> None:
        self._rest = rest
        self._going: dict[str, asyncio.Task[dict[str, Any]]] = {}
        self.asked = 0
        self.passed_on = 0

    async def answer(self, data: bytes) -> bytes:
        """Return the answer to a program's question, as it travels."""
        target = str(read_json(data).get("target", ""))[:4096]
        question = read_question(target)
        if question is None:
            return as_json({"name": "not_for_a_desk", "reason": "a desk's relay answers market data only"})
        self.asked += 1
        going = self._going.get(target)
        if going is None:
            while len(self._going) >= MOST_KEPT:
                self._going.pop(next(iter(self._going)))
            self.passed_on += 1
            loop = asyncio.get_running_loop()
            going = self._going[target] = loop.create_task(self._ask(question), name="upbit_ws_qt desk rest")
            going.add_done_callback(lambda _: loop.call_later(KEPT_FOR, self._forget, target, going))
        return as_json(await asyncio.shield(going))

    async def stop(self) -> None:
        """End what is being asked."""
        tasks = set(self._going.values())
        self._going.clear()
        await end_tasks(tasks)

    def _forget(self, target: str, task: object) -> None:
        if self._going.get(target) is task:
            del self._going[target]

    async def _ask(self, question: Question) -> dict[str, Any]:
        try:
            body = await self._rest.body(question)
        except RestError as error:
            return {
                "status": error.status,
                "name": str(error.name),
                "reason": error.message,
                "temporary": error.is_temporary,
            }
        return {"status": 200, "body": base64.b64encode(body).decode()}


class DeskTransport:
    """Stands in for the HTTP transport of a program's REST client: the relay asks in its place.

    Args:
        ask: sends a question to the relay and returns the answer; ConnectionLostError where there is none.
        timeout: seconds that an answer may take.

    Attributes:
        is_closed: whether it was closed.
    """

    def __init__(self, ask: Callable[[bytes, float], Awaitable[bytes]], timeout: float) -> None:
        self._ask = ask
        self._timeout = timeout
        self.is_closed = False

    async def get(self, target: str, headers: Mapping[str, str]) -> HttpAnswer:
        """Ask for `target`, path and encoded query.

        Raises:
            TransportError: no answer came, or the exchange refused one to the relay.
        """
        if self.is_closed:
            raise TransportError("closed", Phrase("the program ends"))
        if "Authorization" in headers:
            raise TransportError("account", Phrase("a desk's relay answers no questions about accounts"))
        failure: TransportError
        try:
            answer = read_json(await self._ask(as_json({"target": target}), self._timeout))
        except ConfigurationError as error:
            failure = TransportError("desk", error.message)
        except ConnectionLostError as error:
            failure = TransportError("network", error.cause, is_temporary=True)
        except WebSocketError as error:
            failure = TransportError("network", error.message, is_temporary=True)
        else:
            if answer.get("status") == 200:
                return HttpAnswer(200, base64.b64decode(str(answer.get("body", ""))))
            reason = safe_text(str(answer.get("reason", "")), 200)
            temporary = bool(answer.get("temporary"))
            failure = TransportError(safe_text(str(answer.get("name", "desk")), 40), reason, is_temporary=temporary)
        raise failure

    async def close(self) -> None:
        """Ask nothing more; idempotent."""
        self.is_closed = True

    def abandon(self) -> None:
        """Ask nothing more, because the process ends."""
        self.is_closed = True

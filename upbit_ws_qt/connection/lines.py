"""The lines of one endpoint: opened, proved, and accounted for when they end."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any

from upbit_ws_qt.connection.dialer import INVALID_AUTH
from upbit_ws_qt.connection.failures import loss_cause
from upbit_ws_qt.connection.line import Line
from upbit_ws_qt.connection.rate_limit import MessageLimiter
from upbit_ws_qt.errors import AuthenticationError, ConnectionLostError, RecoveryError, WebSocketError
from upbit_ws_qt.text import Phrase, safe_text
from upbit_ws_qt.wire import ServerError, SubscriptionList

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from upbit_ws_qt.config import ServiceConfig
    from upbit_ws_qt.connection.dialer import Dialer
    from upbit_ws_qt.connection.figures import Tally
    from upbit_ws_qt.connection.inbox import RawFrame
    from upbit_ws_qt.connection.line import Control, Tap
    from upbit_ws_qt.connection.link import CloseInfo
    from upbit_ws_qt.types import WebSocketType

__all__ = ["Lines"]

TOO_MANY_REQUEST = "TOO_MANY_REQUEST"
# Redials after a refused request do not raise the back-off: the dial was fine, and the subscription side closes in on
# the guilty part with each of them. So many without a stable line between them are believed.
REFUSED_REQUESTS_FORGIVEN = 20


class Lines:
    """Opens lines and keeps account of them.

    Attributes:
        limiter: message budget of the line that serves; the next line takes over what refusals have taught it.
        open: lines whose socket is not gone yet.
        tap: of the lines to come, see Line.
    """

    def __init__(
        self,
        ws_type: WebSocketType,
        config: ServiceConfig,
        dialer: Dialer,
        tally: Tally,
        synchronize: Callable[[Line], Coroutine[Any, Any, None]],
        on_closed: Callable[[Line, CloseInfo], None],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._ws_type = ws_type
        self._dialer = dialer
        self._tally = tally
        self._synchronize = synchronize
        self._on_closed = on_closed
        self._refused_requests = 0
        self.limiter = MessageLimiter(config.messages_per_second, config.messages_per_minute)
        self.open: set[Line] = set()
        self.tap: Tap | None = None

    @property
    def refusals_are_forgiven(self) -> bool:
        """Whether the last line went for a refused request, and not too many did so in a row."""
        return 0 < self._refused_requests <= REFUSED_REQUESTS_FORGIVEN

    def forgive(self) -> None:
        """Note that a line was stable: refused requests count anew."""
        self._refused_requests = 0

    async def dial(self, epoch: int, sink: Callable[[list[RawFrame]], None]) -> Line:
        """Return a new open line; raises what Dialer.dial raises."""
        line = Line(self._ws_type, epoch, self.limiter.successor(), sink, self._on_control)
        line.tap = self.tap
        await self._dialer.dial(line)
        self._tally.connects += 1
        self.open.add(line)
        line.closed.add_done_callback(partial(self._closed, line))
        return line

    async def prove(self, line: Line) -> None:
        """Have the line synchronized; when that fails, or the line is lost meanwhile, cut it and raise the error."""
        proof = self._loop.create_task(self._synchronize(line), name=f"synchronize-{self._ws_type.value}")
        awaited: set[asyncio.Future[Any]] = {proof, line.closed}
        try:
            await asyncio.wait(awaited, return_when=asyncio.FIRST_COMPLETED)
            if not proof.done():
                raise self.loss_error(line)
            await proof
        except WebSocketError as error:
            line.abort(Phrase("not proved: {reason}", reason=error.message))
            if isinstance(error, RecoveryError) and (refused_key := self._refused_key(line)) is not None:
                # Whether the proof failed first or the socket closed first: a refused key is called what it is.
                raise refused_key from None
            raise
        finally:
            if not proof.done():
                proof.cancel()
                await asyncio.wait({proof})
            # Whoever was cancelled meanwhile, or lost the line, has a reason of its own; but a bug stays loud.
            failure = None if proof.cancelled() else proof.exception()
            if failure is not None and not isinstance(failure, WebSocketError):
                raise failure

    def loss_error(self, line: Line) -> WebSocketError:
        """Return why a line is gone, as the error to go on with."""
        refused_key = self._refused_key(line)
        if refused_key is not None:
            return refused_key
        return ConnectionLostError(self._ws_type.value, loss_cause(line), close_code=line.closed.result().code)

    def _refused_key(self, line: Line) -> AuthenticationError | None:
        """Return the error of a line whose token was refused; None where it has a good one, or another trouble."""
        refusal = line.refusal
        if refusal is None or refusal.name != INVALID_AUTH or line.has_answered:
            return None
        return self._dialer.auth_refused(self._loop.time(), safe_text(f"{refusal.name}: {refusal.message}", 200))

    async def end_all(self, within: float) -> None:
        """Wait for all lines to be gone; those that are not after `within` seconds are cut."""
        if self.open:
            await asyncio.wait({line.closed for line in self.open}, timeout=within)
        for line in tuple(self.open):
            line.abort("closed by us")
        if self.open:
            await asyncio.wait({line.closed for line in self.open}, timeout=within / 2)

    def _closed(self, line: Line, closed: asyncio.Future[CloseInfo]) -> None:
        self.open.discard(line)
        line.closed_at = self._loop.time()
        self._tally.line_ended(line.figures())
        self._on_closed(line, closed.result())

    def _on_control(self, line: Line, message: Control) -> None:
        """Act on what concerns the line, then pass the message on."""
        if isinstance(message, ServerError):
            line.refusal = message
            self._tally.add_refusal(safe_text(message.name, 40))
            if message.name == TOO_MANY_REQUEST:
                for limiter in {line.limiter, self.limiter}:
                    limiter.refused(self._loop.time())
            elif message.name == INVALID_AUTH:
                line.abort(Phrase("the exchange refuses the token"))
            else:
                self._refused_requests += 1
        elif isinstance(message, SubscriptionList):
            # A line that answers has a good token: an INVALID_AUTH after it is about a scope that a wish lacks.
            line.has_answered = True
            self._dialer.forgive()
        if line.control is not None:
            line.control(message)

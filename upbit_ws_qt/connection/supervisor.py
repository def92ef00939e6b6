"""The supervisor of one endpoint: keeps one proved line as long as somebody wants it."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any

from upbit_ws_qt.connection.dialer import Dialer, Lines, close_code_of, is_final, kind_of, loss_cause, short_cause
from upbit_ws_qt.connection.epoch import GapLog
from upbit_ws_qt.connection.figures import ConnectionCounters, ConnectionFigures
from upbit_ws_qt.connection.inbox import Inbox
from upbit_ws_qt.connection.retry import Askers, Backoff, Waker
from upbit_ws_qt.connection.socket import open_socket
from upbit_ws_qt.connection.states import StateMachine
from upbit_ws_qt.errors import ConnectionLostError, RecoveryStrategy, WebSocketError
from upbit_ws_qt.text import Phrase
from upbit_ws_qt.types import ConnectionState, WebSocketType

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Callable, Coroutine
    from random import Random

    from upbit_ws_qt.config import ServiceConfig
    from upbit_ws_qt.connection.auth import JWTManager
    from upbit_ws_qt.connection.epoch import EpochManager, GapEvent, HandedOn
    from upbit_ws_qt.connection.line import Line, Tap
    from upbit_ws_qt.connection.rate_limit import ConnectLimiter
    from upbit_ws_qt.connection.states import StateChange
    from upbit_ws_qt.connection.transport import CloseInfo, Connect
    from upbit_ws_qt.streams import StreamKey

__all__ = ["Supervisor"]

STOP_WITHIN = 1.0
TOKEN_DUE = "the token is due"  # noqa: S105 - a cause in words
# Seconds after which a token that is due is tried again, where the line that it was for came to nothing.
TOKEN_RETRY = 10.0
# Seconds after which it is looked at again where nothing was due: Qt's timers may fire some milliseconds early.
TOKEN_TIMER_TOO_EARLY = 0.05

_ENDED = frozenset({ConnectionState.RECONNECTING, ConnectionState.FAILED})


class Supervisor:
    """One endpoint's life: dial, prove, serve, replace, until nothing wants it any more.

    All callbacks are called from the loop, never from inside a Task, in the order in which things happened.

    Args:
        ws_type: endpoint.
        config: all times and limits.
        inbox: where data frames go; its epoch is kept by this connection.
        connect_limiter: shared by all endpoints.
        epochs: shared by all endpoints.
        jwt: makes the tokens.
        synchronize: sends what is wanted on a line and proves it; a WebSocketError means "drop this line".
        on_state: each change of state.
        on_gap: each change of epoch but the first.
        on_gap_found: the same at once, perhaps inside a Task and before anything of the new epoch is handed on; it
            must not block.
        on_resumed: told a new epoch once its line is proved and what had come on it by then is handed out.
        on_error: each failed dial, lost line and refusal.
        gap_streams: the streams that are carried now.
        handed_on: what has been handed on of them, in the exchange's terms.
        rng: for the back-off.
        wall_clock: seconds, to notice that the computer slept.
        connect: opens sockets.
    """

    def __init__(
        self,
        ws_type: WebSocketType,
        config: ServiceConfig,
        *,
        inbox: Inbox,
        connect_limiter: ConnectLimiter,
        epochs: EpochManager,
        jwt: JWTManager,
        synchronize: Callable[[Line], Coroutine[Any, Any, None]],
        on_state: Callable[[StateChange], None],
        on_gap: Callable[[GapEvent], None],
        on_gap_found: Callable[[GapEvent], None],
        on_resumed: Callable[[WebSocketType, int], None],
        on_error: Callable[[WebSocketError], None],
        gap_streams: Callable[[], tuple[StreamKey, ...]],
        handed_on: HandedOn,
        rng: Random,
        wall_clock: Callable[[], float],
        connect: Connect = open_socket,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self.ws_type = ws_type
        self._config = config
        self._inbox = inbox
        self._epochs = epochs
        self._jwt = jwt
        self._on_error = on_error
        self._on_gap, self._on_gap_found, self._on_resumed = on_gap, on_gap_found, on_resumed
        self._gaps = GapLog(ws_type, gap_streams, handed_on, self._gap_found)
        self._machine = StateMachine(ws_type, self._loop.time, wall_clock, partial(self._soon, on_state))
        self._counters = ConnectionCounters()
        self._dialer = Dialer(
            ws_type, config, connect_limiter, jwt, self._counters.add_rtt, connect=connect, wall_clock=wall_clock
        )
        self._lines = Lines(ws_type, config, self._dialer, self._counters, synchronize, self._line_closed)
        self._backoff = Backoff(config.backoff_initial, config.backoff_max, config.stable_after, rng)
        self._line: Line | None = None
        self.failure: WebSocketError | None = None  # what it was given up for; None unless it is FAILED
        self._proved_at = 0.0
        self._wanted = False
        self._supervisor: asyncio.Task[None] | None = None
        self._chores: set[asyncio.Task[None]] = set()
        self._idle_timer: asyncio.TimerHandle | None = None
        self._waker = Waker(wall_clock)
        self._asked_for: str | None = None  # why the line is to be replaced, None for no need
        self._token_timer: asyncio.TimerHandle | None = None
        self._askers = Askers()
        self._next_attempt_at: float | None = None
        jwt.attach(ws_type, partial(self.reconnect, TOKEN_DUE))

    # -- for everybody ------------------------------------------------------------------------------------------
    @property
    def state(self) -> ConnectionState:
        """The present state."""
        return self._machine.state

    @property
    def history(self) -> deque[StateChange]:
        """The last 200 changes of state, oldest first."""
        return self._machine.history

    @property
    def line(self) -> Line | None:
        """The line that serves now; None where there is none."""
        return self._line

    def set_wanted(self, wanted: bool) -> None:
        """Say whether anything wants this endpoint: opens it, or closes it after idle_grace seconds."""
        if self.state is ConnectionState.STOPPED:
            return
        self._wanted = wanted
        if self._idle_timer is not None:
            self._idle_timer.cancel()
            self._idle_timer = None
        # A program that closes one window and opens another is not to cost a handshake.
        if not wanted:
            if self._supervisor is not None:
                self._idle_timer = self._loop.call_later(self._config.idle_grace, self._grace_is_over)
        elif self.state is ConnectionState.DISCONNECTED and self._supervisor is None:
            self._start("wanted")

    async def reconnect(self, cause: str = "asked") -> None:
        """Replace the line, and return when the new one is proved.

        A line that serves is replaced by make-before-break; where that fails it stays, and the error is raised. Without
        one, the pause before the next dial is skipped; a FAILED connection tries again. Raises the WebSocketError that
        the attempt ended with. Nothing happens where nothing wants the endpoint.
        """
        if self.state is ConnectionState.STOPPED:
            raise ConnectionLostError(self.ws_type.value, "the service is stopped", recovery=RecoveryStrategy.NONE)
        if self.state is ConnectionState.DISCONNECTED:
            return
        answer = self._askers.add()
        # Somebody has looked at it: the key, or the setting, may be another one now.
        if self.state is ConnectionState.FAILED:
            self._dialer.forgive()
            self._backoff.reset()
            self._start(cause)
        else:
            if self.state is ConnectionState.CONNECTED:
                self._asked_for = cause
            self._waker.wake()
        await answer

    async def stop(self) -> None:
        """Close for good, within 2 s whatever the peer does; idempotent."""
        if self.state is not ConnectionState.STOPPED:
            self._machine.move(ConnectionState.STOPPED, "stopped")
            self._wanted = False
            self._jwt.detach(self.ws_type)
            if self._token_timer is not None:
                self._token_timer.cancel()
                self._token_timer = None
            if self._idle_timer is not None:
                self._idle_timer.cancel()
                self._idle_timer = None
            self._askers.settle(ConnectionLostError(self.ws_type.value, "stopped", recovery=RecoveryStrategy.NONE))
            self._chore(self._shut(None))
        while self._chores:
            await asyncio.wait(self._chores)

    def reset_figures(self) -> None:
        """Begin the round-trip figures anew; counters go on."""
        self._counters.reset_rtt()

    def set_tap(self, tap: Tap | None) -> None:
        """Have all frames of this endpoint seen by `tap` (see Line.tap), or by nobody."""
        self._lines.show_all_to(tap)

    def figures(self) -> ConnectionFigures:
        """Return how it stands."""
        return self._counters.figures(
            self._line,
            self._inbox,
            self._loop.time(),
            ws_type=self.ws_type,
            state=self.state,
            epoch=self._epochs.get_current_epoch(self.ws_type),
            dials=self._dialer.dials,
            addresses_avoided=self._dialer.addresses.avoided,
            attempts=self._backoff.attempts,
            next_attempt_at=self._next_attempt_at,
            ended=next((change for change in reversed(self.history) if change.new in _ENDED), None),
        )

    def _gap_found(self, gap: GapEvent) -> None:
        self._counters.epoch_changed(lossy=bool(gap.streams))
        self._on_gap_found(gap)
        self._soon(self._on_gap, gap)

    # -- the supervisor -----------------------------------------------------------------------------------------
    def _start(self, cause: str) -> None:
        self.failure = None
        self._move(ConnectionState.CONNECTING, cause)
        self._supervisor = self._loop.create_task(self._supervise(), name=f"connection-{self.ws_type.value}")
        self._supervisor.add_done_callback(self._supervisor_ended)

    async def _supervise(self) -> None:
        while True:
            try:
                await self._serve(await self._open())
            except WebSocketError as error:
                if is_final(error):
                    self._give_up(error)
                    return
                self._failed(error)
            if not self._askers.are_waiting:  # somebody asked between the loss and here
                # Full jitter, so that a thousand programs do not come back at the same moment.
                await self._pause()

    async def _open(self) -> Line:
        """Dial once and prove, and tell those who asked; the line is the present one as soon as it is open."""
        self._asked_for = None
        try:
            line = await self._lines.dial(self._next_epoch(), self._inbox.put)
            # The present one as soon as it is open: what it brings while it is proved is handed out at once.
            self._serves(line)
            # Before it is proved: what it brings meanwhile is of this epoch.
            self._epoch_begun(await self._epochs.increment_epoch(self.ws_type), line, "opened again")
            self._move(ConnectionState.SYNCING, "opened")
            await self._lines.prove(line)
        except WebSocketError as error:
            self._askers.settle(error)
            raise
        self._proved(line)
        return line

    async def _serve(self, line: Line) -> None:
        """Stay with the line until it is lost; raises what it was lost for."""
        while True:
            if not line.closed.done():
                await self._waker.wait(line.closed, None)
            if line.closed.done():
                # Whether this or the future's done-callback comes first is up to the loop: who comes first notes it.
                self._line_closed(line, line.closed.result())
                raise self._lines.loss_error(line)
            self._waker.take()
            if self._asked_for is not None:
                line = await self._rotate(line, self._asked_for)

    async def _pause(self) -> None:
        """Wait out the back-off and the exchange's block; being asked, or a clock that jumps, ends it."""
        delay = self._next_delay()
        now = self._loop.time()
        # The longer of the two: a dial into a block of the exchange would make the block longer.
        self._next_attempt_at = now + max(delay, self._dialer.blocked_for(now))
        await self._waker.pause(self._next_attempt_at)
        self._next_attempt_at = None

    def _next_delay(self) -> float:
        return self._backoff.next_delay(counts=not self._lines.refusals_are_forgiven)

    # -- make before break --------------------------------------------------------------------------------------
    async def _rotate(self, old: Line, cause: str) -> Line:
        """Open and prove a second line, then let it take over; return the line that serves from now on."""
        # What comes on the second line waits until it takes over; the first one brings the same meanwhile.
        held = Inbox(self.ws_type, self._config.inbox_frames)
        line: Line | None = None
        is_proved = False
        try:
            line = await self._lines.dial(self._next_epoch(), held.put)
            await self._lines.prove(line)
            is_proved = True
            # Both have carried the same if the old one still lives now; if not, nobody knows since when it was dead.
            lived = await old.answers(self._config.pong_timeout)
            await self._take_over(old, line, held, cause, lived=lived)
        except WebSocketError as error:
            self._asked_for = None
            self._counters.rotation_failed(kind_of(error))
            if not old.closed.done():
                # The old line serves on: nothing is dialled again, but for a token, which has to be renewed some time.
                error.followed_by(RecoveryStrategy.RETRY if cause == TOKEN_DUE else RecoveryStrategy.NONE)
            # A failed renewal costs nothing: the old line serves on.
            self._soon(self._on_error, error)
            self._askers.settle(error)
            if is_proved and not old.closed.done():
                # With its proof the wishes went over to the second line. They come back to the one that stays.
                await self._lines.prove(old)
            return old
        finally:
            if line is not None and self._line is not line:
                line.abort("replaced before it was proved")
        return line

    async def _take_over(self, old: Line, line: Line, held: Inbox, cause: str, *, lived: bool) -> None:
        """Make `line` the present one, behind everything that `old` has delivered so far."""
        if line.closed.done():
            raise self._lines.loss_error(line)
        reached: asyncio.Future[None] = self._loop.create_future()

        def switch() -> None:
            if not reached.done():
                if not lived:
                    self._gaps.lost(Phrase("{cause}; the line before it was dead", cause=cause), self._loop.time())
                self._begin_epoch(line, cause)
                reached.set_result(None)

        # What the old line still brings from here on is on the new one too. The switch itself waits in the inbox for
        # its turn, so that what came before it is handed out with the epoch on which it came.
        old.deliver_to(self._inbox.count_stale)
        self._inbox.put_marker(switch)
        self._inbox.put(held.take(len(held)))
        line.deliver_to(self._inbox.put)
        self._serves(line)
        # In the background: a peer that does not answer the close frame is not to hold the new line up.
        self._chore(old.close())
        try:
            await reached
        finally:
            if reached.cancelled():  # it ends here: the switch must not come when there is yet another line
                self._begin_epoch(line, cause)
        self._asked_for = None
        self._counters.rotated()
        if self.state is ConnectionState.RECONNECTING and not line.closed.done():
            self._move(ConnectionState.SYNCING, "opened")
        self._proved(line)

    # -- what happens to lines ------------------------------------------------------------------------------------
    def _next_epoch(self) -> int:
        return self._epochs.get_current_epoch(self.ws_type) + 1

    def _serves(self, line: Line) -> None:
        """Make an open line the present one."""
        self._line = line
        self._lines.serves(line)
        if self._jwt.needs_token(self.ws_type):
            self._jwt.handshake_done(self.ws_type)
            self._look_at_token_in(0.0)

    def _begin_epoch(self, line: Line, cause: str) -> None:
        self._epoch_begun(self._epochs.advance(self.ws_type), line, cause)

    def _epoch_begun(self, epoch: int, line: Line, cause: str) -> None:
        self._inbox.begin_epoch(epoch)
        self._gaps.epoch_begun(epoch, line.opened_at, cause)

    def _look_at_token_in(self, least: float) -> None:
        """Have the token renewed when it is due, though not within `least` seconds."""
        if self._token_timer is not None:
            self._token_timer.cancel()
        due_in = self._jwt.due_in(self.ws_type)
        if due_in is None or self.state is ConnectionState.STOPPED:
            self._token_timer = None
        else:
            self._token_timer = self._loop.call_later(max(least, due_in), self._token_is_due)

    def _token_is_due(self) -> None:
        self._token_timer = None
        self._chore(self._refresh_token())

    async def _refresh_token(self) -> None:
        pause = TOKEN_TIMER_TOO_EARLY
        try:
            await self._jwt.refresh_token_if_needed(self.ws_type)
        except WebSocketError:
            pause = TOKEN_RETRY  # the supervisor has said so, and the old line serves on
        if self._token_timer is None:  # there is no new line that has set it
            self._look_at_token_in(pause)

    def _proved(self, line: Line) -> None:
        if line.closed.done():
            return  # lost in the same turn; whoever waits for the line finds out next
        self._proved_at = self._loop.time()
        self._gaps.mended()
        self._move(ConnectionState.CONNECTED, "proved")
        self._askers.settle(None)
        # Behind what has come by now: whoever reloads when told so leaves no hole before the stream.
        self._inbox.put_marker(partial(self._resumed, line))

    def _resumed(self, line: Line) -> None:
        if line is self._line:  # else it was lost before anything of it was handed out, and the next one will be told
            self._on_resumed(self.ws_type, line.epoch)

    def _line_closed(self, line: Line, info: CloseInfo) -> None:
        """Note the end of a line in the turn in which it is known."""
        if line is not self._line:
            return
        self._line = None
        self._jwt.line_closed(self.ws_type)
        # An end that was asked for is no loss; with code 1000 alone the exchange ends lines too.
        if info.asked or self.state is ConnectionState.STOPPED:
            return
        self._counters.line_lost()
        figures = line.figures()
        # What came last, data or pong, is when the line was last known to live; losses may lie hidden after it.
        alive_at = max(figures.last_frame_at, figures.last_pong_at, line.opened_at)
        if self.state is ConnectionState.CONNECTED:
            # A line that was accepted and dropped at once does not make the next dial come sooner.
            self._backoff.flowed(self._proved_at)
            self._backoff.flowed(alive_at)
            if alive_at - self._proved_at >= self._config.stable_after:
                self._lines.forgive()
        self._backoff.line_lost()
        self._gaps.lost(loss_cause(line), self._loop.time())
        self._move(ConnectionState.RECONNECTING, loss_cause(line), info.code)

    # -- failing, ending ------------------------------------------------------------------------------------------
    def _failed(self, error: WebSocketError) -> None:
        """Count a failed attempt, or a lost line, and say so; the next attempt follows."""
        if isinstance(error, ConnectionLostError):
            error.failed_before(self._backoff.attempts)
        self._counters.failed(kind_of(error))
        self._drop_line(error)
        self._move(ConnectionState.RECONNECTING, short_cause(error), close_code_of(error))
        self._soon(self._on_error, error)

    def _drop_line(self, error: WebSocketError) -> None:
        """Cut a line that could not be proved, without waiting for its socket to be really gone."""
        if self._line is not None and self._line.closed.done():
            self._line_closed(self._line, self._line.closed.result())
        line, self._line = self._line, None
        if line is None:
            return
        # Not closed: a line that could not be proved may not answer a close frame either.
        line.abort(error.message)
        self._jwt.line_closed(self.ws_type)
        self._backoff.line_lost()
        self._gaps.lost(error.message, self._loop.time())

    def _give_up(self, error: WebSocketError) -> None:
        self.failure = error
        self._drop_line(error)
        self._counters.failed(kind_of(error))
        self._move(ConnectionState.FAILED, error.message, close_code_of(error))
        self._soon(self._on_error, error)
        self._askers.settle(error)

    def _supervisor_ended(self, task: asyncio.Task[None]) -> None:
        if self._supervisor is task:
            self._supervisor = None
        if task.cancelled() or (error := task.exception()) is None:
            return
        # A bug of this library: say so as loudly as a loop can, and do not look alive.
        self._give_up(ConnectionLostError(self.ws_type.value, Phrase("internal error"), recovery=RecoveryStrategy.NONE))
        self._loop.call_exception_handler(
            {"message": f"the {self.ws_type.value} connection failed", "exception": error, "task": task}
        )

    def _grace_is_over(self) -> None:
        self._idle_timer = None
        if not self._wanted and self._supervisor is not None:
            if self._line is not None:
                self._line.given_up()
            self._chore(self._shut(ConnectionState.DISCONNECTED))

    async def _shut(self, state: ConnectionState | None) -> None:
        """End the supervisor and its lines; with a state, go there and start anew if wanted meanwhile."""
        supervisor = self._supervisor
        if supervisor is not None:
            # It is in the middle of a dial, a proof or a pause: each of them puts its things away when it is cancelled.
            supervisor.cancel()
            await asyncio.wait({supervisor})
        line, self._line = self._line, None
        if line is not None:
            self._chore(line.close())
        await self._lines.end_all(STOP_WITHIN)
        self._jwt.line_closed(self.ws_type)
        self._gaps.mended()
        self._next_attempt_at = None
        if state is None or self.state in (ConnectionState.STOPPED, ConnectionState.FAILED):
            return
        self._move(state, "nothing wants it")
        self._askers.settle(ConnectionLostError(self.ws_type.value, "nothing wants it", recovery=RecoveryStrategy.NONE))
        if self._wanted:
            self._start("wanted again")

    def _move(self, state: ConnectionState, cause: str, close_code: int | None = None) -> None:
        """Go to another state; a supervisor that is ending after stop() changes nothing any more."""
        if self.state is not ConnectionState.STOPPED:
            self._machine.move(state, cause, close_code)

    def _chore(self, work: Coroutine[object, object, None]) -> None:
        task = self._loop.create_task(work)
        self._chores.add(task)
        task.add_done_callback(self._chores.discard)

    def _soon(self, callback: Callable[..., None], *values: object) -> None:
        """Call from the loop, not from the Task that is running now (facts: QT_ASYNCIO 1)."""
        self._loop.call_soon(callback, *values)

"""Keeps one endpoint's wishes subscribed: the shell that sends, listens, waits and tells."""

from __future__ import annotations

import asyncio
import uuid
from collections import deque
from typing import TYPE_CHECKING

from upbit_ws_qt.errors import ConnectionLostError, DecodeError, SubscriptionError
from upbit_ws_qt.events import BaseWebSocketEvent
from upbit_ws_qt.streams import ALL_SYMBOLS, StreamKey, key_of_event
from upbit_ws_qt.subscriptions.board import StatusBoard, names_of
from upbit_ws_qt.subscriptions.demand import demands_of, merge
from upbit_ws_qt.subscriptions.memory import EndpointMemory, Patience
from upbit_ws_qt.subscriptions.once import SnapshotDesk
from upbit_ws_qt.subscriptions.rejection import RejectionSearch
from upbit_ws_qt.subscriptions.session import LineSession, StepKind
from upbit_ws_qt.subscriptions.snapshot import SubscriptionStateSnapshot
from upbit_ws_qt.subscriptions.status import Quarantined, StreamStatus, SubscriptionStatistics
from upbit_ws_qt.subscriptions.wish import Standing
from upbit_ws_qt.types import DataFormat, DataType, WebSocketType
from upbit_ws_qt.wire import (
    ServerError,
    SubscriptionList,
    build_list_request,
    build_request,
    check_spec,
    decode,
    peek,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from upbit_ws_qt.config import ServiceConfig
    from upbit_ws_qt.subscriptions.demand import Demand
    from upbit_ws_qt.subscriptions.line import LineLike
    from upbit_ws_qt.subscriptions.state import SubscriptionStateManager
    from upbit_ws_qt.subscriptions.wish import Wish
    from upbit_ws_qt.types import SubscriptionSpec
    from upbit_ws_qt.wire import ServerStatus

__all__ = ["SubscriptionKeeper"]

_INFO_TYPES = (DataType.INDICATOR.value, DataType.INDICATOR_SIGNAL.value)


class _Lease:
    """A line, its session, and the event that wakes whoever drives them."""

    def __init__(self, line: LineLike, session: LineSession) -> None:
        self.line = line
        self.session = session
        self.wake = asyncio.Event()
        self.task: asyncio.Task[None] | None = None


class SubscriptionKeeper:
    """Keeps the union of all wishes for one endpoint subscribed on its line, and proves it.

    `on_status` and `on_rejected` are called from plain callbacks of the loop, never from inside a Task. Besides `stop`
    nothing has to be awaited for the keeper to work: `synchronize` is handed to the connection, `wishes_changed` is
    called after each change of the state.
    """

    def __init__(
        self,
        ws_type: WebSocketType,
        state: SubscriptionStateManager,
        config: ServiceConfig,
        *,
        on_status: Callable[[StreamKey, StreamStatus], None],
        on_rejected: Callable[[str, SubscriptionError], None],
        loop: asyncio.AbstractEventLoop | None = None,
        patience: Patience | None = None,
    ) -> None:
        self._ws_type = ws_type
        self._state = state
        self._on_rejected = on_rejected
        self._loop = loop if loop is not None else asyncio.get_running_loop()
        # AUTO: SIMPLE is never the larger one (benchmarks/bandwidth.py).
        self._format = DataFormat.SIMPLE if config.data_format is DataFormat.AUTO else config.data_format
        self._memory = EndpointMemory(
            ws_type=ws_type,
            state=state,
            search=RejectionSearch(ws_type, state, self._report_guilty),
            desk=SnapshotDesk(ws_type, state),
            patience=patience
            or Patience(
                gather=config.gather_interval, first_data=config.proof_timeout, list_answer=config.list_timeout
            ),
            per_second=config.messages_per_second,
        )
        self._current: _Lease | None = None
        self._candidates: list[_Lease] = []
        self._retired: set[asyncio.Task[None]] = set()
        self._board = StatusBoard(
            self._loop, streams=self._streams, wants=state.wants, status=self.status, tell=on_status
        )
        self._before_loss: SubscriptionStateSnapshot | None = None
        self._restores: deque[float] = deque(maxlen=1000)
        self._restored = (0, 0)
        self._stopped = False

    # -- for the connection -----------------------------------------------------------------------------------------

    async def synchronize(self, line: LineLike) -> None:
        """Subscribe everything wanted on a new line and prove it; the line is the current one when this returns.

        Raises:
            RecoveryError: the line took or served nothing of what it should; another line may do better.
            ConnectionLostError: the line was closed meanwhile, or the keeper has been stopped.
        """
        if self._stopped:
            raise ConnectionLostError(self._ws_type.value, "the subscriptions have been stopped")
        has_other = self._current is not None and self._current.line.is_open
        lease = _Lease(line, LineSession(self._memory, line.limiter, self._loop.time(), is_candidate=has_other))
        self._candidates.append(lease)
        line.control = lambda message: self._on_control(lease, message)
        try:
            await self._drive(lease)
        except BaseException:
            _let_go(lease)
            raise
        finally:
            self._candidates.remove(lease)
        await self._promote(lease)

    def line_lost(self) -> None:
        """Note that the current line has gone."""
        lease, self._current = self._current, None
        if lease is None:
            return
        self._before_loss = self.capture()
        _let_go(lease)
        self._retire(lease)
        self._board.refresh_soon()

    # -- for the manager --------------------------------------------------------------------------------------------

    def wishes_changed(self) -> None:
        """Note a change of the state; the newest state is sent as soon as the budget allows."""
        now = self._loop.time()
        for lease in self._leases():
            lease.session.wishes_changed(now)
            lease.wake.set()
        self._board.refresh_soon()

    @property
    def is_wanted(self) -> bool:
        """Whether a line is needed: something is wanted, or a snapshot is owed."""
        return self._state.is_wanted(self._ws_type) or bool(self._memory.desk.owed) or self._memory.search.is_searching

    @property
    def is_searching(self) -> bool:
        """Whether the guilty part of a refused request is being looked for."""
        return self._memory.search.is_searching

    def status(self, stream: StreamKey) -> StreamStatus:
        """Return how it stands with a stream."""
        carrier = self._state.carrier(stream)
        if self._state.asks_for(stream) or carrier in self._memory.desk.owed:
            return self._current.session.table.status_of(carrier) if self._current else StreamStatus.WANTED
        quarantined = self._state.wishes(self._ws_type, Standing.QUARANTINED)
        if any(stream in wish.demands for wish in quarantined):
            return StreamStatus.REJECTED
        return StreamStatus.WANTED

    async def wait_served(self, streams: Iterable[StreamKey]) -> None:
        """Wait until the exchange serves these streams; without a line that takes as long as it takes.

        Raises:
            SubscriptionError: names the streams that are unserved, rejected or not wanted by anybody.
            ConnectionLostError: the keeper was stopped meanwhile.
        """
        await self._board.wait_served(streams)

    async def fetch_snapshots(self, specs: Iterable[SubscriptionSpec]) -> None:
        """Ask for the present state of public streams once; returns when all of it has come in.

        The snapshots ride along with the union, what flows keeps flowing. Without a line this waits for one.

        Raises:
            SubscriptionError: a wish that the exchange would refuse, or names the streams that did not come.
            ConnectionLostError: the keeper was stopped meanwhile.
        """
        demands = self._snapshot_demands(specs)
        if self._stopped:
            raise ConnectionLostError(self._ws_type.value, "the subscriptions have been stopped")
        futures = {stream: self._loop.create_future() for stream in demands}
        self._memory.desk.ask(demands, futures)
        self.wishes_changed()
        try:
            await asyncio.gather(*futures.values())
        finally:
            self._memory.desk.withdraw(futures)
        missing = [stream for stream, future in futures.items() if not future.result()]
        if missing:
            raise SubscriptionError(
                f"no snapshot came of {names_of(missing)}; are these markets listed?",
                codes=tuple(stream.symbol for stream in missing),
            )

    def capture(self) -> SubscriptionStateSnapshot:
        """Return a picture of the wishes and of what is served."""
        return SubscriptionStateSnapshot.capture_state(self._state, served=self._board.served(), now=self._loop.time())

    def statistics(self) -> SubscriptionStatistics:
        """Return the figures of this endpoint."""
        memory, counters = self._memory, self._memory.counters
        quarantined = self._state.wishes(self._ws_type, Standing.QUARANTINED)
        statuses = {stream: self.status(stream) for stream in self._state.demand(self._ws_type)}
        used = 0.0
        if self._current is not None:
            usage = self._current.line.limiter.usage(self._loop.time())
            used = usage.last_minute / max(1, usage.minute_limit)
        return SubscriptionStatistics(
            ws_type=self._ws_type,
            wishes=len(self._state.wishes(self._ws_type)),
            streams=len(statuses),
            live=sum(1 for status in statuses.values() if status.is_served),
            unserved=tuple(stream for stream, status in statuses.items() if status is StreamStatus.UNSERVED),
            quarantined=tuple(Quarantined(w.spec, tuple(sorted(w.owners)), w.reason) for w in quarantined),
            conflicts=tuple(c for c in self._state.conflicts() if c.streams[0].websocket_type is self._ws_type),
            requests=counters.requests,
            lists=counters.lists,
            bytes_sent=counters.bytes_sent,
            snapshots=counters.snapshots,
            changes=counters.changes,
            cancelled=counters.cancelled,
            repairs=counters.repairs,
            rejections=memory.search.rejections,
            refusals=counters.refusals,
            lists_unanswered=counters.lists_unanswered,
            stray_errors=counters.stray_errors,
            efficiency_score=memory.planner.calculate_efficiency_score(memory.effort),
            budget_used=used,
            split=memory.planner.split,
            restores=len(self._restores),
            last_restore=self._restores[-1] if self._restores else None,
            restored=self._restored[0],
            restorable=self._restored[1],
        )

    @property
    def restore_times(self) -> tuple[float, ...]:
        """The latest seconds from the open line to the proof, up to 1,000 of them."""
        return tuple(self._restores)

    async def stop(self) -> None:
        """End all work; those who wait get ConnectionLostError. Idempotent."""
        self._stopped = True
        lease, self._current = self._current, None
        error = ConnectionLostError(self._ws_type.value, "the subscriptions have been stopped")
        self._board.close(error)
        self._memory.desk.fail_all(error)
        for candidate in self._candidates:
            candidate.wake.set()
        if lease is not None:
            await self._end(lease)
        await asyncio.gather(*self._retired, return_exceptions=True)

    # -- driving a line ---------------------------------------------------------------------------------------------

    async def _drive(self, lease: _Lease) -> None:
        """Do what the session says; while it is syncing, until it is proved; then until the line or the task ends."""
        session, line = lease.session, lease.line
        while True:
            now = self._loop.time()
            session.tick(now)
            self._publish(lease)
            if session.is_syncing:
                error = session.sync_error(now)
                if error is not None:
                    raise error
                if session.is_synchronised(now):
                    return
            if self._stopped or not line.is_open:
                raise ConnectionLostError(self._ws_type.value, "closed while its subscriptions were sent or proved")
            self._watch(lease)
            step = session.next_step(now)
            if step.kind is StepKind.REQUEST:
                await self._send_request(lease, now)
            elif step.kind is StepKind.LIST:
                ticket = str(uuid.uuid4())
                session.take_list(ticket, now)
                await self._send(lease, build_list_request(format=self._format, ticket=ticket))
            else:
                await self._pause(lease, step.delay)

    async def _send_request(self, lease: _Lease, now: float) -> None:
        plan = lease.session.take_request(now)
        if plan is None:
            return
        data = build_request(plan.specs, format=self._format)
        # Before the first await: the answer may be there before `send` returns.
        lease.session.on_request_sent(plan, len(data), now)
        self._watch(lease)
        await self._send(lease, data)

    async def _send(self, lease: _Lease, data: bytes) -> None:
        await lease.line.send(data)
        lease.line.limiter.record(self._loop.time())

    async def _pause(self, lease: _Lease, delay: float | None) -> None:
        """Wait to be woken, for `delay` seconds at most; a closed line is noticed within a quarter of a second."""
        longest = 0.25 if lease.session.is_syncing else None
        timer = None
        if delay is not None or longest is not None:
            seconds = min(value for value in (delay, longest) if value is not None)
            timer = self._loop.call_later(seconds, lease.wake.set)
        try:
            await lease.wake.wait()
            lease.wake.clear()
        finally:
            if timer is not None:
                timer.cancel()

    async def _serve(self, lease: _Lease) -> None:
        try:
            await self._drive(lease)
        except ConnectionLostError:
            if self._current is lease and not self._stopped:
                lease.task = None  # it ends here, by itself
                self.line_lost()

    async def _promote(self, lease: _Lease) -> None:
        old, self._current = self._current, lease
        now = self._loop.time()
        self._restores.append(now - lease.session.opened_at)
        self._note_restored(lease)
        lease.session.promoted(now)
        lease.wake.clear()
        lease.task = self._loop.create_task(self._serve(lease), name=f"subscriptions {self._ws_type}")
        lease.task.add_done_callback(self._on_served)
        self._board.refresh_soon()
        if old is not None:
            await self._end(old)

    def _note_restored(self, lease: _Lease) -> None:
        before, self._before_loss = self._before_loss, None
        wanted = self._state.demand(self._ws_type)
        due = [s for s in before.served if s in wanted] if before is not None else list(wanted)
        self._restored = (sum(1 for stream in due if lease.session.table.status_of(stream).is_served), len(due))

    def _retire(self, lease: _Lease) -> None:
        """Cancel what drives a line that has gone; `stop` awaits it if it has not ended before."""
        task = lease.task
        if task is not None and not task.done():
            task.cancel()
            self._retired.add(task)
            task.add_done_callback(self._retired.discard)

    async def _end(self, lease: _Lease) -> None:
        _let_go(lease)
        self._retire(lease)
        await asyncio.gather(*self._retired, return_exceptions=True)

    def _on_served(self, task: asyncio.Task[None]) -> None:
        """Let an error that nobody expected be seen: a line that is not kept any more is as bad as none."""
        if not task.cancelled() and (error := task.exception()) is not None:
            context = {"message": f"{task.get_name()} failed", "exception": error, "task": task}
            self._loop.call_exception_handler(context)

    def _leases(self) -> list[_Lease]:
        return [*self._candidates, *((self._current,) if self._current is not None else ())]

    # -- what arrives -----------------------------------------------------------------------------------------------

    def _on_control(self, lease: _Lease, message: ServerError | ServerStatus | SubscriptionList) -> None:
        now = self._loop.time()
        if isinstance(message, SubscriptionList):
            lease.session.on_list(message, now)
        elif isinstance(message, ServerError):
            lease.session.on_error(message, now)
        else:
            return
        lease.wake.set()

    def _watch(self, lease: _Lease) -> None:
        """Look at data frames only while they could prove something."""
        if not lease.session.table.watches_data:
            lease.line.observer = None
        elif lease.line.observer is None:
            lease.line.observer = lambda frame: self._on_frame(lease, frame)

    def _on_frame(self, lease: _Lease, frame: bytes | str) -> None:
        session = lease.session
        seen = peek(frame)
        if seen is None or seen[0] in _INFO_TYPES or (session.table.has_levels and seen[0] == DataType.ORDERBOOK.value):
            streams = _decoded_streams(frame)
        else:
            name, code = seen
            # A plain tuple finds its StreamKey, being equal; most frames are of no interest and need no key made.
            found = [symbol for symbol in (code, ALL_SYMBOLS) if session.table.is_watched((name, symbol, ""))]
            streams = [StreamKey(DataType(name), symbol) for symbol in dict.fromkeys(found)]
        if not streams:
            return
        now, is_snapshot = self._loop.time(), _is_snapshot(frame)
        for stream in streams:
            shows = session.on_data(stream, now, is_snapshot=is_snapshot)
            if shows and (not session.table.proof.debts or not session.is_syncing):
                lease.wake.set()

    # -- what is told -----------------------------------------------------------------------------------------------

    def _publish(self, lease: _Lease) -> None:
        """Tell what changed on the current line; a candidate's news wait until it is promoted."""
        changed, lease.session.table.changed = lease.session.table.changed, set()
        if lease is not self._current or not changed:
            return
        if self._ws_type is WebSocketType.PRIVATE:  # streams of single markets follow that of all markets
            self._board.refresh_soon()
        self._board.changed(changed)

    def _streams(self) -> set[StreamKey]:
        return {stream for wish in self._state.wishes(self._ws_type) for stream in wish.demands}

    def _report_guilty(self, wish: Wish, reason: str) -> None:
        for component_id in sorted(wish.owners):
            error = SubscriptionError(
                f"the exchange refuses this wish: {reason}",
                spec=wish.spec,
                codes=wish.spec.symbols,
                component_id=component_id,
            )
            self._loop.call_soon(self._on_rejected, component_id, error)
        self._board.refresh_soon()

    def _snapshot_demands(self, specs: Iterable[SubscriptionSpec]) -> dict[StreamKey, Demand]:
        demands: dict[StreamKey, Demand] = {}
        for index, spec in enumerate(specs):
            check_spec(spec, index)
            if not spec.data_type.has_snapshot or spec.data_type.websocket_type is not self._ws_type:
                raise SubscriptionError(f"{spec.data_type.value} has no snapshot", spec=spec, index=index)
            for stream, demand in demands_of(spec).items():
                alone = demand._replace(realtime=False, snapshot=True)
                demands[stream] = merge(demands[stream], alone) if stream in demands else alone
        return demands


def _let_go(lease: _Lease) -> None:
    lease.line.control = None
    lease.line.observer = None


def _is_snapshot(frame: bytes | str) -> bool:
    """Whether a frame says of itself, under the long name or the short one, that it is a snapshot."""
    return "SNAPSHOT" in frame if isinstance(frame, str) else b"SNAPSHOT" in frame


def _decoded_streams(frame: bytes | str) -> list[StreamKey]:
    try:
        messages = decode(frame)
    except DecodeError:
        return []  # it proves nothing; the drain counts and reports it
    keys = [key_of_event(message) for message in messages if isinstance(message, BaseWebSocketEvent)]
    return [key for key in keys if key is not None]

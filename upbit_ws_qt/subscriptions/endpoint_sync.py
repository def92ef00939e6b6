"""Keeps one endpoint in step with its wishes, over as many lines as it takes, and tells how it stands with them."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from upbit_ws_qt.computer import Computer
from upbit_ws_qt.errors import ConnectionLostError, RecoveryStrategy, SubscriptionError
from upbit_ws_qt.subscriptions.endpoint_memory import EndpointMemory, OneShotSnapshots, Patience
from upbit_ws_qt.subscriptions.line_driver import LineDriver
from upbit_ws_qt.subscriptions.refused_wish_search import RejectionSearch
from upbit_ws_qt.subscriptions.session import LineSession
from upbit_ws_qt.subscriptions.snapshot import SubscriptionStateSnapshot
from upbit_ws_qt.subscriptions.status import (
    StatusTracker,
    StreamStatus,
    SubscriptionStatistics,
    endpoint_statistics,
    names_of,
)
from upbit_ws_qt.subscriptions.wishes import demands_of, merge
from upbit_ws_qt.types import WebSocketType
from upbit_ws_qt.wire import FormatChoice, check_spec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from upbit_ws_qt.config import ServiceConfig
    from upbit_ws_qt.errors import WebSocketError
    from upbit_ws_qt.specs import SubscriptionSpec
    from upbit_ws_qt.streams import StreamKey
    from upbit_ws_qt.subscriptions.line_driver import LineLike
    from upbit_ws_qt.subscriptions.planner import OptimizationResult
    from upbit_ws_qt.subscriptions.snapshot import SnapshotData
    from upbit_ws_qt.subscriptions.state import SubscriptionStateManager
    from upbit_ws_qt.subscriptions.wishes import Demand, Wish

__all__ = ["EndpointSync"]


class EndpointSync:
    """Keeps the union of all wishes for one endpoint subscribed on its line, and proves it.

    `on_status` and `on_rejected` are called from plain callbacks of the loop, never from inside a Task. Where both tell
    of one refusal the error is the same (see SubscriptionError.for_component). Besides `stop` nothing has to be awaited
    for it to work: `synchronize` is handed to the connection, `wishes_changed` is called after each change of
    the state.
    """

    def __init__(
        self,
        ws_type: WebSocketType,
        state: SubscriptionStateManager,
        config: ServiceConfig,
        *,
        on_status: Callable[[StreamKey, StreamStatus, SubscriptionError | None], None],
        on_rejected: Callable[[str, SubscriptionError], None],
        loop: asyncio.AbstractEventLoop | None = None,
        patience: Patience | None = None,
        computer: Computer | None = None,
    ) -> None:
        self._ws_type = ws_type
        self._new_ticket = (computer or Computer()).new_id
        self._state = state
        self._region = config.region
        self._on_rejected = on_rejected
        self._loop = loop if loop is not None else asyncio.get_running_loop()
        self.format = FormatChoice(config.data_format, compressed=config.compression)
        self._memory = EndpointMemory(
            ws_type=ws_type,
            state=state,
            search=RejectionSearch(ws_type, state, self._report_guilty),
            snapshots=OneShotSnapshots(ws_type, state),
            patience=patience
            or Patience(
                gather=config.gather_interval, first_data=config.proof_timeout, list_answer=config.list_timeout
            ),
        )
        self._current: LineDriver | None = None
        self._candidates: list[LineDriver] = []
        self._retired: set[asyncio.Task[None]] = set()
        self._statuses = StatusTracker(
            self._loop,
            streams=lambda: state.wanted_streams(ws_type),
            wants=state.wants,
            status=self.status,
            why=self._why,
            tell=on_status,
        )
        self._before_loss: SnapshotData | None = None
        self._restores: deque[float] = deque(maxlen=1000)
        self._restored = (0, 0)
        self._has_served = False
        self._stopped = False
        self._given_up: WebSocketError | None = None

    # -- for the connection -----------------------------------------------------------------------------------------

    async def synchronize(self, line: LineLike) -> None:
        """Subscribe everything wanted on a new line and prove it; the line is the current one when this returns.

        Raises:
            RecoveryError: the line took or served nothing of what it should; another line may do better.
            ConnectionLostError: the line was closed meanwhile, or this has been stopped.
        """
        if self._stopped:
            raise self._stopped_error()
        # A planned change of lines: the old one serves on, and its streams are not to be taken for missing.
        has_other = self._current is not None and self._current.line.is_open
        session = LineSession(self._memory, line.limiter, self._loop.time(), is_candidate=has_other)
        driver = LineDriver(line, session, self.format, self._publish, self._new_ticket)
        self._candidates.append(driver)
        try:
            await driver.drive()
        # Cancelled, too: what arrives on this line must not reach a session that nobody drives any more.
        except BaseException:
            driver.let_go()
            raise
        finally:
            self._candidates.remove(driver)
        await self._promote(driver)

    def line_lost(self) -> None:
        """Note that the endpoint's line has gone.

        One that was to be replaced may go when the next one is proved and has not taken over yet: that one stays.
        """
        driver = self._current
        if driver is None or driver.line.is_open:
            return
        self._current = None
        # Before anything is told: the restore is measured against what was served until now.
        self._before_loss = self.capture()
        self._retire(driver)
        self._statuses.refresh_soon()

    def line_given_up(self, error: WebSocketError | None) -> None:
        """Note that nobody dials any more, and why, which those who wait are told; None once somebody does again."""
        self._given_up = error
        if error is not None:
            self._statuses.fail_waiters(error)

    # -- for the manager --------------------------------------------------------------------------------------------

    def wishes_changed(self) -> None:
        """Note a change of the state; the newest state is sent as soon as the budget allows."""
        # A line that is being proved, too: else it would be proved for a union that nobody wants any more.
        now = self._loop.time()
        for driver in self._drivers():
            driver.session.wishes_changed(now)
            driver.wake()
        self._look_at_touched()

    @property
    def is_wanted(self) -> bool:
        """Whether a line is needed: something is wanted, or a snapshot is owed."""
        return (
            self._state.is_wanted(self._ws_type)
            or bool(self._memory.snapshots.owed)
            or self._memory.search.is_searching
        )

    @property
    def is_searching(self) -> bool:
        """Whether the guilty part of a refused request is being looked for."""
        return self._memory.search.is_searching

    def status(self, stream: StreamKey) -> StreamStatus:
        """Return how it stands with a stream."""
        carrier = self._state.carrier(stream)
        if carrier is None and stream in self._memory.snapshots.owed:
            carrier = stream
        # All streams of the endpoint are looked at whenever the wishes change: each call in here counts a thousandfold.
        if carrier is not None:
            driver = self._current
            # A line that is being closed serves nobody who comes now, though what it brought was live until here.
            return driver.session.table.status_of(carrier) if driver and driver.line.is_open else StreamStatus.WANTED
        return StreamStatus.WANTED if self._state.refusal_of(stream) is None else StreamStatus.REJECTED

    def was_asked_in_vain(self, stream: StreamKey) -> bool:
        """Whether a stream has been asked for, and no line has brought it in this session."""
        return self._memory.was_unserved(stream) and not self._memory.was_served(stream)

    async def wait_served(self, streams: Iterable[StreamKey]) -> None:
        """Wait until the exchange serves these streams; without a line that takes as long as it takes.

        Raises:
            SubscriptionError: names the streams that are unserved, rejected or not wanted by anybody.
            ConnectionLostError: it was stopped meanwhile.
            WebSocketError: what the line was given up for; nobody dials then, unless asked.
        """
        if self._given_up is not None:
            raise self._given_up.again()
        await self._statuses.wait_served(streams)

    async def fetch_snapshots(self, specs: Iterable[SubscriptionSpec]) -> None:
        """Ask for the present state of public streams once; returns when all of it has come in.

        The snapshots ride along with the union, what flows keeps flowing. Without a line this waits for one.

        Raises:
            SubscriptionError: a wish that the exchange would refuse, or names the streams that did not come.
            ConnectionLostError: it was stopped meanwhile.
        """
        demands = self._snapshot_demands(specs)
        if self._stopped:
            raise self._stopped_error()
        futures = {stream: self._loop.create_future() for stream in demands}
        self._memory.snapshots.ask(demands, futures)
        self.wishes_changed()
        self._statuses.look_soon(demands)
        try:
            await asyncio.gather(*futures.values())
        finally:
            self._memory.snapshots.withdraw(futures)
        # All are waited for, so that one code that is not listed does not hide what came of the others.
        missing = [stream for stream, future in futures.items() if not future.result()]
        if missing:
            raise SubscriptionError(
                f"no snapshot came of {names_of(missing)}; are these markets listed?",
                codes=tuple(stream.symbol for stream in missing),
            )

    def capture(self) -> SnapshotData:
        """Return a picture of the wishes and of what is served."""
        snapshot = SubscriptionStateSnapshot(self._state)
        return snapshot.capture_state(served=self._statuses.served(), now=self._loop.time())

    def optimize(self) -> OptimizationResult:
        """Return the one request that would ask for all that is wanted now, as this session would send it.

        What the present line brings already is asked for without its snapshot, and what the session has learnt about
        the exchange is kept to.
        """
        flowing = self._current.session.table.flowing() if self._current is not None else {}
        return self._memory.planner.optimize_subscriptions(self._state.demand(self._ws_type), flowing=flowing)

    def statistics(self) -> SubscriptionStatistics:
        """Return the figures of this endpoint."""
        used, served = 0.0, 0
        unserved: tuple[StreamKey, ...] = ()
        if self._current is not None:
            usage = self._current.line.limiter.usage(self._loop.time())
            used = usage.last_minute / max(1, usage.minute_limit)
            served, unserved = self._current.session.table.tally(self._state.demand(self._ws_type))
        return endpoint_statistics(
            self._memory,
            served=served,
            unserved=unserved,
            budget_used=used,
            restores=self._restores,
            restored=self._restored,
            choice=self.format,
        )

    @property
    def restore_times(self) -> tuple[float, ...]:
        """The latest seconds from the open line to the proof, up to 1,000 of them."""
        return tuple(self._restores)

    async def stop(self) -> None:
        """End all work; those who wait get ConnectionLostError. Idempotent."""
        self._stopped = True
        driver, self._current = self._current, None
        error = self._stopped_error()
        self._statuses.close(error)
        self._memory.snapshots.fail_all(error)
        for candidate in self._candidates:
            candidate.end()
        if driver is not None:
            await self._end(driver)
        await asyncio.gather(*self._retired, return_exceptions=True)

    def _stopped_error(self) -> ConnectionLostError:
        reason = "the subscriptions have been stopped"
        return ConnectionLostError(self._ws_type.value, reason, recovery=RecoveryStrategy.NONE)

    # -- the line that serves ---------------------------------------------------------------------------------------

    def _on_lost(self, driver: LineDriver) -> None:
        if self._current is driver and not self._stopped:
            self.line_lost()

    async def _promote(self, driver: LineDriver) -> None:
        old, self._current = self._current, driver
        now = self._loop.time()
        if self._has_served:  # the first line restores nothing
            self._restores.append(now - driver.session.opened_at)
        self._has_served = True
        self._note_restored(driver)
        # Changes that came while it was proved are sent at once.
        driver.session.promoted(now)
        driver.serve(self._on_lost)
        self._statuses.refresh_soon()
        # Only now: it served until here, and its last data proved nothing of the new line.
        if old is not None:
            await self._end(old)

    def _note_restored(self, driver: LineDriver) -> None:
        before, self._before_loss = self._before_loss, None
        wanted = self._state.demand(self._ws_type)
        # What nobody wants any more need not come back.
        due = [s for s in before.served if s in wanted] if before is not None else list(wanted)
        self._restored = (sum(1 for stream in due if driver.session.table.status_of(stream).is_served), len(due))

    def _retire(self, driver: LineDriver) -> None:
        """End what drives a line that has gone; `stop` awaits it if it has not ended before."""
        task = driver.retire()
        if task is not None:
            self._retired.add(task)
            task.add_done_callback(self._retired.discard)

    async def _end(self, driver: LineDriver) -> None:
        self._retire(driver)
        await asyncio.gather(*self._retired, return_exceptions=True)

    def _drivers(self) -> list[LineDriver]:
        return [*self._candidates, *((self._current,) if self._current is not None else ())]

    # -- what is told -----------------------------------------------------------------------------------------------

    def _publish(self, driver: LineDriver) -> None:
        """Tell what changed on the current line; a candidate's news wait until it is promoted."""
        changed = driver.session.table.take_changed()
        # What a second line shows is not how it stands until it takes over.
        if driver is not self._current or not changed:
            return
        if self._ws_type is WebSocketType.PRIVATE:  # streams of single markets follow that of all markets
            self._statuses.refresh_soon()
        self._statuses.changed(changed)

    def _why(self, stream: StreamKey, status: StreamStatus) -> SubscriptionError | None:
        """Return why a stream is not served, None where nothing is wrong with it."""
        if status is StreamStatus.REJECTED:
            return self._state.refusal_of(stream)
        if status is StreamStatus.UNSERVED:
            reason = "the exchange does not serve it: delisted, misspelt, or nothing to say"
            return SubscriptionError(reason, spec=stream, codes=(stream.symbol,), recovery=RecoveryStrategy.RETRY)
        return None

    def _report_guilty(self, wish: Wish) -> None:
        assert wish.refusal is not None, "it has just been quarantined"
        # Each owner by its own call: one that raises, or opens a dialog, keeps the news from nobody else.
        for component_id in sorted(wish.owners):
            self._loop.call_soon(self._on_rejected, component_id, wish.refusal.for_component(component_id))
        self._look_at_touched()

    def _look_at_touched(self) -> None:
        """Have it told how it stands with the streams that changes of the wishes were about."""
        touched = self._state.take_touched(self._ws_type)
        if self._ws_type is WebSocketType.PRIVATE:  # streams of single markets follow that of all markets
            self._statuses.refresh_soon()
        else:
            self._statuses.look_soon(touched)

    def _snapshot_demands(self, specs: Iterable[SubscriptionSpec]) -> dict[StreamKey, Demand]:
        demands: dict[StreamKey, Demand] = {}
        for index, spec in enumerate(specs):
            check_spec(spec, index, region=self._region)
            if not spec.data_type.has_snapshot or spec.data_type.websocket_type is not self._ws_type:
                raise SubscriptionError(f"{spec.data_type.value} has no snapshot", spec=spec, index=index)
            for stream, demand in demands_of(spec).items():
                alone = demand._replace(realtime=False, snapshot=True)
                demands[stream] = merge(demands[stream], alone) if stream in demands else alone
        return demands

"""Wishes, changes, drops and rejections in any order: when it is quiet, the exchange's table equals the union."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.manager.conftest import config_for
from tests.waiting import until
from upbit_ws_qt.errors import WebSocketError
from upbit_ws_qt.exchange import EmbeddedExchange, ExchangeSettings
from upbit_ws_qt.manager import ComponentSubscription, GlobalWebSocketManager
from upbit_ws_qt.specs import SubscriptionSpec
from upbit_ws_qt.types import ConnectionState, DataType, WebSocketType

if TYPE_CHECKING:
    from collections.abc import Coroutine

_CODES = ["KRW-BTC", "KRW-ETH", "KRW-XRP", "KRW-SOL"]
_NAMES = st.sampled_from(["chart", "book", "list"])
_CODE_LISTS = st.lists(st.sampled_from(_CODES), min_size=1, max_size=4, unique=True)
_SPECS = st.lists(
    st.one_of(
        st.builds(
            SubscriptionSpec,
            st.sampled_from([DataType.TICKER, DataType.TRADE, DataType.CANDLE_1M]),
            _CODE_LISTS,
        ),
        st.builds(
            SubscriptionSpec,
            st.just(DataType.ORDERBOOK),
            _CODE_LISTS,
            depth=st.sampled_from([1, 5, 15, 30]),
            level=st.sampled_from([0, 100_000_000_000]),
        ),
    ),
    min_size=1,
    max_size=3,
)
_LINE = WebSocketType.PUBLIC


class Wishes(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        # The loop runs on in its thread while hypothesis thinks: with a loop that stands still between two rules the
        # exchange would read late what was sent in time, and count it in the wrong second.
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.thread.start()
        self.handles: dict[str, ComponentSubscription] = {}
        self._run(self._open())

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self.loop).result(60)

    async def _open(self) -> None:
        self.exchange = EmbeddedExchange(ExchangeSettings(seed=3, markets=20, rate=50, prepare=False))
        await self.exchange.start()
        self.manager = GlobalWebSocketManager(config_for(self.exchange, idle_grace=0.0))
        await self.manager.start()

    def teardown(self) -> None:
        try:
            self._run(self._agree())
        finally:
            self._run(self.manager.stop())
            self._run(self.exchange.stop())
            self.loop.call_soon_threadsafe(self.loop.stop)
            self.thread.join()
            self.loop.close()

    @rule(name=_NAMES, specs=_SPECS)
    def want(self, name: str, specs: list[SubscriptionSpec]) -> None:
        async def change() -> None:
            if name in self.handles:
                self.handles[name].set_specs(specs)
            else:
                self.handles[name] = self.manager.register_component(name, specs, lambda event: None)

        self._run(change())

    @rule(name=_NAMES)
    def leave(self, name: str) -> None:
        async def close() -> None:
            handle = self.handles.pop(name, None)
            if handle is not None:
                handle.close()

        self._run(close())

    @rule()
    def drop(self) -> None:
        async def cut() -> None:
            if self.exchange.connections:
                self.exchange.faults.inject("drop", endpoint="public", times=1)
            await asyncio.sleep(0)

        self._run(cut())

    @rule(error=st.sampled_from(["WRONG_FORMAT", "INVALID_PARAM"]))
    def reject(self, error: str) -> None:
        async def refuse() -> None:
            if self.exchange.connections:
                self.exchange.faults.inject("error", endpoint="public", times=1, error=error)
            await asyncio.sleep(0)

        self._run(refuse())

    @rule()
    def replace_line(self) -> None:
        async def replace() -> None:
            if self.manager.connection_state(_LINE) is ConnectionState.CONNECTED:
                with contextlib.suppress(WebSocketError):  # the line may be lost, or unwanted, before it is replaced
                    await self.manager.reconnect(_LINE)

        self._run(replace())

    @rule(seconds=st.sampled_from([0.0, 0.01, 0.05, 0.3]))
    def pause(self, seconds: float) -> None:
        self._run(asyncio.sleep(seconds))

    @rule()
    def settle(self) -> None:
        self._run(self._agree())

    @invariant()
    def no_limit_is_broken(self) -> None:
        assert self.exchange.counters.message_violations == 0
        assert self.exchange.counters.connect_violations == 0

    def _union(self) -> set[tuple[Any, ...]]:
        depths: dict[tuple[Any, ...], int] = {}
        for handle in self.handles.values():
            for spec in handle.specs:
                for code in spec.symbols:
                    if spec.data_type is DataType.ORDERBOOK:
                        key = (spec.data_type.value, code, Decimal(spec.level))
                        depths[key] = max(depths.get(key, 0), spec.depth)
                    else:
                        depths[spec.data_type.value, code] = 0
        return {(*key, depth) if depth else key for key, depth in depths.items()}

    async def _agree(self) -> None:
        union = self._union()
        try:
            await until(lambda: self.exchange.subscribed("public") == union, 25)
        except TimeoutError:
            table = sorted(map(str, self.exchange.subscribed("public")))
            state = self.manager.connection_state(_LINE)
            raise AssertionError(f"wanted {sorted(map(str, union))}, the exchange has {table}, {state}") from None
        if union:
            await until(lambda: self.manager.connection_state(_LINE) is ConnectionState.CONNECTED, 25)


TestWishes = Wishes.TestCase
TestWishes.settings = settings(
    max_examples=12,
    stateful_step_count=14,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)

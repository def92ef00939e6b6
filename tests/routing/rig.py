"""An engine on the running loop with everything it reports written down, and frames to feed it."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

from tests.frames import DEFAULT_FRAMES
from upbit_ws_qt.computer import Computer
from upbit_ws_qt.config import ServiceConfig
from upbit_ws_qt.connection.inbox import RawFrame
from upbit_ws_qt.events import stamp
from upbit_ws_qt.routing import DataPoolManager, DataRoutingEngine
from upbit_ws_qt.types import DataType, WebSocketType
from upbit_ws_qt.wire import decode

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from upbit_ws_qt.events import BaseWebSocketEvent

T = TypeVar("T")


@lru_cache
def _sample(kind: str) -> bytes:
    return next(frame for frame in DEFAULT_FRAMES if f'"type":"{kind}"'.encode() in frame[:40])


def raw(data_type: str = "ticker", code: str = "KRW-BTC", timestamp: int = 1, **changes: Any) -> bytes:
    """Return a frame in the DEFAULT format: the sample of its kind with some fields changed."""
    kind = "candle" if data_type.startswith("candle") else data_type
    sample = json.loads(_sample(kind if kind != "candle" else "candle.1s"))
    sample["type"] = data_type
    if "code" in sample:
        sample["code"] = code
    sample["timestamp"] = timestamp
    sample["stream_type"] = "REALTIME"
    return json.dumps(sample | changes, separators=(",", ":")).encode()


def event_of(*args: Any, epoch: int = 1, received_at: float = 0.0, **changes: Any) -> Any:
    """Return the stamped event of a frame made by raw()."""
    (event,) = decode(raw(*args, **changes))
    stamp(event, epoch, received_at)  # type: ignore[arg-type]
    return event


async def in_loop(function: Callable[..., T], *args: Any) -> T:
    """Call a function as the drain is called: by the loop, not from inside this test's Task."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def call() -> None:
        try:
            done.set_result(function(*args))
        except BaseException as error:
            done.set_exception(error)
            raise

    loop.call_soon(call)
    return await done


class StoppedWatch(Computer):
    """A computer whose stopwatch goes when it is told to, so that nobody is slow who was only kept waiting.

    Attributes:
        now: what it shows.
        looked: how often somebody looked at it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.now = 100.0
        self.looked = 0
        self.stopwatch = self._look

    def takes(self, seconds: float) -> Callable[[Any], None]:
        """Return a callback that takes so long."""

        def callback(event: Any) -> None:
            self.now += seconds

        return callback

    def _look(self) -> float:
        self.looked += 1
        return self.now


class Rig:
    """What a test needs around an engine."""

    def __init__(
        self,
        config: ServiceConfig,
        pool: DataPoolManager | None,
        backlog: Callable[[], int] | None,
        computer: Computer | None = None,
    ) -> None:
        self.loop = asyncio.get_running_loop()
        self.epoch = 1
        self.failed: list[tuple[str, Exception]] = []
        self.undecoded: list[tuple[WebSocketType, Exception]] = []
        self.control: list[Any] = []
        self.pool = pool
        self.engine = DataRoutingEngine(
            config,
            is_current_epoch=lambda ws_type, epoch: epoch == self.epoch,
            on_component_failed=lambda component_id, error: self.failed.append((component_id, error)),
            on_decode_error=lambda ws_type, error: self.undecoded.append((ws_type, error)),
            on_control=lambda ws_type, message: self.control.append(message),
            pool=pool,
            backlog=backlog,
            computer=computer,
        )

    async def feed(self, *frames: bytes | str, epoch: int | None = None) -> None:
        """Route frames in one turn of the loop."""
        await in_loop(self.feed_now, frames, epoch)

    def feed_now(self, frames: tuple[bytes | str, ...], epoch: int | None = None) -> None:
        """Route frames now; not from inside a Task."""
        for data in frames:
            self.engine.route_frame(self.frame(data, epoch))

    def frame(self, data: bytes | str, epoch: int | None = None) -> RawFrame:
        """Return a frame as an inbox would hand it out."""
        head = data if isinstance(data, str) else data.decode()
        ws_type = next(
            (t.websocket_type for t in DataType if f'"{t.value}"' in head[:40]),
            WebSocketType.PUBLIC,
        )
        return RawFrame(data, self.loop.time(), self.epoch if epoch is None else epoch, ws_type)

    async def settle(self) -> None:
        """Let everything that was queued by call_soon run."""
        for _ in range(5):
            await asyncio.sleep(0)


def no_time_passes() -> Computer:
    """Return a computer on which nothing takes any time, so that no budget of a turn runs out on a busy machine."""
    computer = Computer()
    computer.stopwatch = lambda: 0.0
    return computer


@asynccontextmanager
async def engine_rig(
    *,
    pool: DataPoolManager | None = None,
    backlog: Callable[[], int] | None = None,
    computer: Computer | None = None,
    **settings: Any,
) -> AsyncIterator[Rig]:
    """Make a rig, and stop its engine at the end."""
    rig = Rig(ServiceConfig.testing(**settings), pool, backlog, computer)
    try:
        yield rig
    finally:
        await rig.engine.stop()


class Listener:
    """A callback that keeps what it is given."""

    def __init__(self) -> None:
        self.events: list[BaseWebSocketEvent] = []

    def __call__(self, event: BaseWebSocketEvent) -> None:
        self.events.append(event)

    @property
    def timestamps(self) -> list[int]:
        return [event.timestamp for event in self.events]

    @property
    def codes(self) -> list[str]:
        return [event.code for event in self.events]

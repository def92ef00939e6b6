"""A relay's figures as Prometheus reads them, on loopback; needs prometheus-client, of the extra `desk`."""

from __future__ import annotations

import asyncio
import dataclasses
import importlib
from typing import TYPE_CHECKING, Any

from upbit_ws_qt.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from upbit_ws_qt.desk.station import RelayFigures

__all__ = ["MetricsServer"]

EVERY = 1.0
_NOW = frozenset({"leads", "term", "waiting", "kept_bytes", "clients", "streams", "behind"})
_HELP = {
    "leads": "1 for the relay that publishes",
    "term": "that it leads, or led last",
    "published": "messages given to the server",
    "sent_again": "messages that the server had lost",
    "waiting": "messages that wait for the server",
    "kept_bytes": "bytes kept until the server has them",
    "unnamed": "frames without a subject, not published",
    "dropped": "frames lost on the way in",
    "clients": "lines of programs that have wishes",
    "streams": "that all of them want",
    "expired": "wishes that were not renewed",
    "refused": "wishes that could not be taken",
    "asked": "questions for REST",
    "passed_on": "questions asked of the exchange",
    "terms": "times that it took the lead",
    "overflows": "terms that ended because the server was away too long",
    "server_losses": "connections to the server lost",
    "behind": "seconds from a frame's receipt to its publication",
}


class MetricsServer:
    """Serves figures at http://127.0.0.1:port/metrics, from a thread of its own; they are read off once a second.

    Args:
        port: where; 0 for any that is free.
        figures: reads them off, on the loop.

    Raises:
        ConfigurationError: the extra is not installed, or the port is taken.
    """

    def __init__(self, port: int, figures: Callable[[], RelayFigures]) -> None:
        try:
            library = importlib.import_module("prometheus_client")
            self._core = importlib.import_module("prometheus_client.core")
        except ImportError:
            raise ConfigurationError("metrics", port, 'the extra: pip install "upbit-ws-qt[desk]"') from None
        self._read = figures
        self._loop = asyncio.get_running_loop()
        registry = library.CollectorRegistry()
        self._refresh()
        registry.register(self)
        failure = ""
        try:
            self._server, self._thread = library.start_http_server(port, addr="127.0.0.1", registry=registry)
        except OSError as error:
            failure = str(error.strerror or error)
        if failure:
            self._timer.cancel()
            raise ConfigurationError("metrics", port, f"a port that is free ({failure})")

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_port)

    def collect(self) -> Iterator[Any]:
        """Return the figures of the last second; called by prometheus-client, from its thread."""
        for name, value in dataclasses.asdict(self._figures).items():
            family = self._core.GaugeMetricFamily if name in _NOW else self._core.CounterMetricFamily
            yield family(f"upbit_relay_{name}", _HELP[name], value=float(value))

    def close(self) -> None:
        """Serve no more."""
        self._timer.cancel()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _refresh(self) -> None:
        self._figures = self._read()
        self._timer = self._loop.call_later(EVERY, self._refresh)

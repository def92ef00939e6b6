"""The relay's figures as Prometheus reads them."""

from __future__ import annotations

import asyncio
import dataclasses
import socket
import urllib.request

import pytest

from upbit_ws_qt.desk.metrics import MetricsServer
from upbit_ws_qt.desk.station import RelayFigures
from upbit_ws_qt.errors import ConfigurationError

pytestmark = pytest.mark.real_time  # prometheus-client has a thread of its own


def read(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=300) as answer:
        return str(answer.read().decode())


async def test_each_figure_is_served() -> None:
    server = MetricsServer(0, lambda: RelayFigures(leads=True, term=7, published=12))
    try:
        text = await asyncio.to_thread(read, server.port)
    finally:
        server.close()
    lines = text.splitlines()
    assert {"upbit_relay_leads 1.0", "upbit_relay_term 7.0", "upbit_relay_published_total 12.0"} <= set(lines)
    for field in dataclasses.fields(RelayFigures):
        assert any(line.startswith(f"upbit_relay_{field.name}") for line in lines)


async def test_a_port_that_is_taken_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other, pytest.raises(ConfigurationError, match="free"):
        MetricsServer(other.getsockname()[1], RelayFigures)

"""The groupings of a book are those the exchange tells, and the rule's where it tells none."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from tests.qt.serving import served
from tests.rest.peers import nobody
from tests.waiting import until
from tests.widgets.showing import shown
from upbit_ws_qt import RestClient, ServiceConfig
from widgets.base.price_format import group_levels
from widgets.order_book.levels import GroupingLevels
from widgets.order_book.panel import OrderBookWidget

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from upbit_ws_qt import WebSocketService

D = Decimal
PRICE = D(150_000_000)


@asynccontextmanager
async def telling(body: str) -> AsyncIterator[tuple[str, list[str]]]:
    """A server that gives everybody the same answer; yields its address and the paths it was asked for."""
    asked: list[str] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        asked.append(head.split()[1].decode())
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}".encode())
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", asked


def offered(widget: OrderBookWidget) -> tuple[Decimal, ...]:
    return tuple(widget.grouping.itemData(place) for place in range(widget.grouping.count()))


@pytest.mark.qasync_loop
async def test_what_the_exchange_tells_is_offered_and_asked_for_once(qapp: object) -> None:
    body = '[{"market": "KRW-BTC", "quote_currency": "KRW", "tick_size": "1000",'
    body += '"supported_levels": ["0", "30000", 2000]}]'
    async with telling(body) as (url, asked), RestClient(ServiceConfig(rest_url=url)) as rest:
        levels = GroupingLevels(lambda: rest)
        told: list[str] = []
        levels.changed.connect(told.append)
        assert levels.levels("KRW-BTC", PRICE) == group_levels("KRW-BTC", PRICE)
        await until(lambda: told == ["KRW-BTC"])
        assert levels.levels("KRW-BTC", PRICE) == (D(0), D(2000), D(30000))
        assert levels.levels("BTC-ETH", D("0.03")) == (D(0),)
        assert asked == ["/v1/orderbook/instruments?markets=KRW-BTC"]
        levels.levels("KRW-BTC", D(90_000))  # other ticks, other levels
        await until(lambda: len(asked) == 2)


@pytest.mark.qasync_loop
@pytest.mark.parametrize(
    "body",
    [
        "no JSON",
        "[]",
        '[{"market": "KRW-BTC"}]',
        '[{"market": "KRW-ETH", "quote_currency": "KRW", "tick_size": 1, "supported_levels": [0, 7]}]',
        f'[{{"market": "KRW-BTC", "quote_currency": "KRW", "tick_size": 1, "supported_levels": {list(range(50))}}}]',
    ],
)
async def test_an_answer_that_cannot_be_used_leaves_the_rule(qapp: object, body: str) -> None:
    async with telling(body) as (url, asked), RestClient(ServiceConfig(rest_url=url)) as rest:
        levels = GroupingLevels(lambda: rest)
        levels.levels("KRW-BTC", PRICE)
        await until(lambda: bool(asked) and not levels.children())
        assert levels.levels("KRW-BTC", PRICE) == group_levels("KRW-BTC", PRICE)
        assert len(asked) == 1


@served()
async def test_the_book_offers_what_the_exchange_tells(service: WebSocketService) -> None:
    body = '[{"market": "KRW-BTC", "quote_currency": "KRW", "tick_size": 1, "supported_levels": [0, 50000]}]'
    async with (
        telling(body) as (url, _),
        RestClient(ServiceConfig(rest_url=url)) as rest,
        shown(OrderBookWidget(service, "KRW-BTC", rest=rest)) as book,
    ):
        await until(lambda: offered(book) == (D(0), D(50000)))


@served()
async def test_without_rest_the_book_offers_those_of_the_rule(service: WebSocketService) -> None:
    async with nobody() as rest, shown(OrderBookWidget(service, "KRW-BTC", rest=rest)) as book:
        await until(lambda: len(offered(book)) > 1)
        price = book.view.model.last_price
        assert price is not None
        assert offered(book) == group_levels("KRW-BTC", price)

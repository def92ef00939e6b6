"""A relay gives the exchange's frames to the server as they came, for as long as somebody wants them."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.waiting import until
from upbit_ws_qt.desk.nats_link import DeskAddress, NatsLink, end_tasks
from upbit_ws_qt.desk.server import BundledServer
from upbit_ws_qt.desk.station import RelaySettings
from upbit_ws_qt.desk.subjects import Names, Stamp, as_json, read_json
from upbit_ws_qt.errors import ConfigurationError, ConnectionLostError
from upbit_ws_qt.types import WebSocketType

if TYPE_CHECKING:
    from pathlib import Path

    from tests.desk.conftest import Running
    from upbit_ws_qt.exchange import EmbeddedExchange

pytestmark = pytest.mark.real_time  # processes and sockets of others

NAMES = Names("kr")
ASKED = NAMES.asked(WebSocketType.PUBLIC)


async def want(link: NatsLink, client: str, *objects: dict[str, Any], inbox: str = "") -> dict[str, Any]:
    asked = as_json({"client": client, "request": objects, "inbox": inbox})
    while True:
        try:
            return read_json(await link.request(ASKED, asked, 30.0))
        except ConnectionLostError:  # it leads, and does not listen yet
            await asyncio.sleep(0.01)


def trades(*codes: str) -> dict[str, Any]:
    return {"type": "trade", "codes": codes}


class Heard(list[tuple[str, Stamp, bytes]]):
    """What came on some subjects."""

    async def take(self, message: Any) -> None:
        stamp = Stamp.read(message.headers)
        assert stamp is not None
        self.append((message.subject, stamp, bytes(message.data)))

    def frames(self) -> list[bytes]:
        return [data for subject, _, data in self if NAMES.stream_key(subject) is not None]


async def test_frames_come_as_the_exchange_sent_them(
    exchange: EmbeddedExchange, link: NatsLink, running: Running
) -> None:
    heard, sent = Heard(), []
    for line in ("public", "info"):
        await link.subscribe(f"upbit.kr.{line}.>", heard.take)
    async with running(exchange) as relay:
        assert relay.manager is not None
        relay.manager.wiring.traces.add_tap(lambda line, data, at, is_sent: None if is_sent else sent.append(data))
        await want(link, "a", trades("KRW-BTC", "KRW-ETH"), {"type": "orderbook", "codes": ["KRW-BTC"]})
        await until(lambda: len(heard.frames()) > 50)
    frames = heard.frames()
    assert frames == [data for data in sent if data.startswith(b'{"ty')][: len(frames)]
    of_frames = [stamp.number for subject, stamp, _ in heard if NAMES.stream_key(subject) is not None]
    assert of_frames == sorted(of_frames)
    numbers = {stamp.number for _, stamp, _ in heard}
    assert set(range(1, of_frames[-1] + 1)) <= numbers
    assert len({stamp.term for _, stamp, _ in heard}) == 1


async def test_wishes_are_united_and_go_with_the_program_that_had_them(
    exchange: EmbeddedExchange, link: NatsLink, running: Running
) -> None:
    async with running(exchange, RelaySettings(lease=1.0)) as relay:
        assert relay.manager is not None
        await want(link, "a", trades("KRW-BTC", "KRW-ETH"))
        await want(link, "b", trades("KRW-ETH", "KRW-XRP"))
        wanted = relay.manager.get_active_subscriptions
        assert {stream.symbol for stream in wanted()} == {"KRW-BTC", "KRW-ETH", "KRW-XRP"}
        # Programs that were killed say nothing any more: one says that it lives, the other does not.
        keeps = asyncio.create_task(renewing(link, "b"))
        await until(lambda: {stream.symbol for stream in wanted()} == {"KRW-ETH", "KRW-XRP"})
        assert relay.figures().expired == 1
        await end_tasks({keeps})
        await link.request(ASKED, as_json({"client": "b", "gone": True}), 30.0)
        assert not wanted()


async def renewing(link: NatsLink, client: str) -> None:
    while True:
        await link.request(ASKED, as_json({"client": client}), 30.0)
        await asyncio.sleep(0.1)


async def test_who_comes_later_is_shown_what_flows_already(
    exchange: EmbeddedExchange, link: NatsLink, running: Running
) -> None:
    heard, shown = Heard(), Heard()
    async with running(exchange):
        await link.subscribe("upbit.kr.public.trade.KRW-BTC", heard.take)
        await want(link, "a", trades("KRW-BTC"))
        await until(lambda: len(heard) > 3)
        inbox = link.new_inbox()
        await link.subscribe(inbox, shown.take)
        await want(link, "b", trades("KRW-BTC"), inbox=inbox)
        await until(lambda: shown)
    (_, stamp, data) = shown[0]
    assert json.loads(data)["st"] == "SNAPSHOT"
    assert any(stamp.number == other.number for _, other, _ in heard)


async def test_a_wish_that_cannot_be_is_refused_and_nothing_changes(
    exchange: EmbeddedExchange, link: NatsLink, running: Running
) -> None:
    async with running(exchange) as relay:
        assert relay.manager is not None
        await want(link, "a", trades("KRW-BTC"))
        assert "refused" in await want(link, "a", {"type": "ticker"})
        assert "refused" in await want(link, "a", {"type": "nothing"})
        assert "refused" in await want(link, "a", {"type": "indicator", "codes": ["KRW-BTC"]})
        assert [stream.symbol for stream in relay.manager.get_active_subscriptions()] == ["KRW-BTC"]
        assert relay.figures().refused == 3


async def test_a_lost_line_is_told_in_the_order_of_the_frames(
    exchange: EmbeddedExchange, link: NatsLink, running: Running
) -> None:
    heard = Heard()
    await link.subscribe("upbit.kr.public.>", heard.take)
    async with running(exchange):
        await want(link, "a", trades("KRW-BTC"))
        await until(heard.frames)
        exchange.cut()
        await until(lambda: any(stamp.epoch == 2 for subject, stamp, _ in heard if ".trade." in subject))
    kinds = [subject.split(".")[3] for subject, _, _ in heard]
    lost = kinds.index("line")
    epochs = [stamp.epoch for subject, stamp, _ in heard if ".trade." in subject]
    before = [stamp.epoch for subject, stamp, _ in heard[:lost] if ".trade." in subject]
    assert set(before) == {1}
    assert epochs == sorted(epochs)
    assert read_json(heard[lost][2])["state"] == "reconnecting"


async def test_a_client_cannot_publish_what_only_relays_may(link: NatsLink, server: BundledServer) -> None:
    subject = "upbit.kr.public.trade.KRW-BTC"
    heard = Heard()
    relay = await NatsLink.open(DeskAddress(server.relay_url), "relay")
    await link.subscribe(subject, heard.take)
    await link.publish(subject, b"forged", headers=Stamp(1, 1).headers())
    # An answer shows that what was sent before has been taken; nats-py's flush() lets its ping overtake that.
    assert "error" in await link.ask_jetstream("STREAM.INFO.UPBIT_KR", timeout=30.0)
    await relay.publish(subject, b"real", headers=Stamp(1, 2).headers())
    await until(lambda: heard)
    assert [data for _, _, data in heard] == [b"real"]
    with pytest.raises(ConnectionLostError):
        await link.ask_jetstream("STREAM.DELETE.UPBIT_KR", {}, 0.2)
    await relay.close()


async def test_a_server_keeps_its_address_and_passwords_over_a_restart(tmp_path: Path) -> None:
    first = BundledServer(tmp_path)
    await first.start()
    url = first.client_url
    # The relay that started it is gone without a word: the next one of the folder finds it.
    second = BundledServer(tmp_path)
    await second.start()
    assert (second.client_url, second.pid) == (url, None)
    await first.stop()
    third = BundledServer(tmp_path)
    await third.start()
    assert third.client_url == url
    assert third.pid is not None
    await third.stop()
    for name in ("passwords.json", "server.conf"):
        assert (tmp_path / name).stat().st_mode & 0o077 == 0


def test_a_server_of_ones_own_is_for_this_computer(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="loopback"):
        BundledServer(tmp_path, host="0.0.0.0")  # noqa: S104 - which is what is refused


@pytest.mark.parametrize("url", ["nats://10.0.0.1", "nats://desk:secret@example.org", "http://127.0.0.1", "nats://", 7])
def test_an_address_elsewhere_without_tls_is_refused(url: Any) -> None:
    with pytest.raises(ConfigurationError) as caught:
        DeskAddress(url)
    assert "secret" not in str(caught.value)


def test_an_address_elsewhere_needs_tls_or_somebody_who_says_so() -> None:
    assert "tls" in DeskAddress("tls://desk:secret@example.org").options()
    assert repr(DeskAddress("nats://desk:secret@10.0.0.1", plain=True)) == "<DeskAddress nats://10.0.0.1:4222>"

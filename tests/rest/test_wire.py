"""How it gets there: trusted certificates only, the proxy of the configuration and no other, no secrets in errors."""

from __future__ import annotations

import base64
import os
import ssl
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.connection.test_tls import make_certificate
from tests.rest.peers import answer, asking, at_once, peer
from upbit_ws_qt import RestClient, RestError
from upbit_ws_qt.rest import transport

if TYPE_CHECKING:
    from pathlib import Path

MARKET = {"market": "KRW-BTC", "korean_name": "비트코인", "english_name": "Bitcoin"}


def _trusting(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(certificate)
    return context


async def test_a_certificate_that_nobody_vouches_for_ends_it(tmp_path: Path) -> None:
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(make_certificate(tmp_path))
    async with peer(lambda _: answer([MARKET]), tls=server) as there, RestClient(there.config()) as rest:
        with pytest.raises(RestError) as caught:
            await rest.markets()
    assert (caught.value.name, caught.value.is_temporary, there.asked) == ("certificate", False, [])


async def test_a_trusted_one_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate = make_certificate(tmp_path)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate)
    monkeypatch.setattr(transport, "make_tls_context", lambda: _trusting(certificate))
    async with peer(lambda _: answer([MARKET]), tls=server) as there, RestClient(there.config()) as rest:
        assert len(await rest.markets()) == 1


async def test_the_proxy_of_the_configuration_is_used_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    async with peer(lambda _: answer([MARKET])) as proxy, peer(lambda _: answer([])) as there:
        through = proxy.url.replace("//", "//user:canary@")
        async with RestClient(there.config(proxy=through)) as rest:
            assert len(await rest.markets()) == 1
        async with RestClient(there.config()) as rest:
            assert await rest.markets() == ()
    (asked,) = proxy.asked
    assert asked.target == f"{there.url}/v1/market/all?is_details=true"
    assert asked.header("proxy-authorization") == "Basic " + base64.b64encode(b"user:canary").decode()
    assert len(there.asked) == 1


async def test_a_proxy_that_does_not_answer_is_told_without_its_password() -> None:
    async with peer(lambda _: answer([])) as there:
        config = there.config(proxy="http://user:canary@127.0.0.1:9")
        async with RestClient(config, sleep=at_once) as rest:
            with pytest.raises(RestError) as caught:
                await rest.markets()
    assert caught.value.name == "proxy"
    error: BaseException | None = caught.value
    while error is not None:
        assert "canary" not in f"{error!s}{error!r}"
        error = error.__cause__ or error.__context__


async def test_socks_is_said_to_be_none_for_rest() -> None:
    async with peer(lambda _: answer([])) as there, RestClient(there.config(proxy="socks5://127.0.0.1:9")) as rest:
        for _ in range(2):
            with pytest.raises(RestError, match="SOCKS") as caught:
                await rest.markets()
            assert (caught.value.name, caught.value.is_temporary) == ("proxy", False)


async def test_no_token_is_in_what_an_error_carries() -> None:
    async with asking(lambda _: [b"HTTP/1.1 2", b""]) as (rest, there):
        with pytest.raises(RestError) as caught:
            await rest.accounts()
    seen = [asked.header("authorization") or "" for asked in there.asked]
    assert len(seen) == 3
    error: BaseException | None = caught.value
    while error is not None:
        frames = []
        trace = error.__traceback__
        while trace is not None:
            if trace.tb_frame.f_code.co_filename != __file__:
                frames.append(repr(trace.tb_frame.f_locals))
            trace = trace.tb_next
        assert not any(token.removeprefix("Bearer ") in text for token in seen for text in frames if token)
        error = error.__cause__ or error.__context__


def test_the_library_for_it_is_not_loaded_before_the_first_question() -> None:
    program = "import sys, upbit_ws_qt; upbit_ws_qt.RestClient(); assert 'aiohttp' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True, timeout=500)


ABANDONED = """
import asyncio, gc
from upbit_ws_qt import RestClient, ServiceConfig
from upbit_ws_qt.exchange import EmbeddedExchange, ExchangeSettings

async def ask():
    exchange = EmbeddedExchange(ExchangeSettings(markets=2, prepare=False))
    await exchange.start()
    rest = RestClient(ServiceConfig.for_exchange(exchange))
    await rest.markets()
    return exchange, rest

loop = asyncio.new_event_loop()
exchange, rest = loop.run_until_complete(ask())
if CLOSED_FIRST:
    loop.run_until_complete(exchange.stop())
    loop.close()
rest.abandon()
del rest
gc.collect()
if not CLOSED_FIRST:
    loop.run_until_complete(exchange.stop())
    loop.close()
gc.collect()
"""


@pytest.mark.parametrize("closed_first", [True, False])
def test_a_program_that_ends_without_a_word_leaves_no_complaint(closed_first: bool) -> None:
    program = ABANDONED.replace("CLOSED_FIRST", str(closed_first))
    done = subprocess.run(
        [sys.executable, "-W", "always", "-c", program], capture_output=True, text=True, timeout=500, check=True
    )
    assert done.stderr == ""


def test_a_program_that_ends_while_the_library_is_loaded_waits_until_it_is(tmp_path: Path) -> None:
    """An interpreter that ends while a thread of it is within an import may die of that."""
    (tmp_path / "slow_library.py").write_text("import time\ntime.sleep(0.3)\nprint('loaded')\n", encoding="utf-8")
    program = """
import asyncio
from upbit_ws_qt.rest.transport import _imported

async def main():
    question = asyncio.ensure_future(_imported("slow_library"))
    await asyncio.sleep(0)
    question.cancel()

asyncio.run(main())
print("ended")
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(tmp_path), *filter(None, sys.path)))}
    done = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True, text=True, env=environment)
    assert (done.returncode, done.stdout, done.stderr) == (0, "ended\nloaded\n", "")

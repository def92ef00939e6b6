"""The key pair, kept so that it cannot leak by accident."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, NoReturn, TypeVar

from upbit_ws_qt.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from keyring.backend import KeyringBackend

__all__ = ["Credentials"]

_A = TypeVar("_A")
_DUMMY_PREFIX = "EmbeddedExchange"  # the embedded exchange's keys begin so; a real one is 40 random characters
_HASH_KEY = os.urandom(32)  # noqa: TID251 -- nothing that is done depends on a hash
KEYRING_SERVICE = "upbit_ws_qt"
# Back ends that really encrypt; the plaintext and null ones that keyring may fall back to are refused.
_TRUSTED_BACKENDS = (
    "keyring.backends.SecretService",
    "keyring.backends.kwallet",
    "keyring.backends.Windows",
    "keyring.backends.macOS",
    "keyring.backends.libsecret",
)


class Credentials:
    """An access key and its secret.

    The representation is opaque, and pickling and copying are refused, so that neither a log line nor a cache can
    carry the secret away. Equal key pairs are equal; comparing takes the same time wherever they differ. Read the parts
    where the token is made, nowhere else.

    Example:
        >>> print(Credentials("my access key", "my secret key"))
        Credentials(***)

    Args:
        access_key: as the exchange gave it; what is not one line of text raises ConfigurationError.
        secret_key: the same.
    """

    __slots__ = ("__access_key", "__secret_key")

    def __init__(self, access_key: str, secret_key: str) -> None:
        # The parameters are dropped before anything is raised: tracebacks with locals are shown to people.
        usable = all(type(part) is str and part.strip() and part.isprintable() for part in (access_key, secret_key))
        self.__access_key = access_key
        self.__secret_key = secret_key
        del access_key, secret_key
        if not usable:
            self.__access_key = self.__secret_key = ""
            allowed = "two non-empty texts without line breaks, the access key and the secret key"
            raise ConfigurationError("credentials", "***", allowed)

    @classmethod
    def from_env(cls) -> Credentials:
        """Read UPBIT_ACCESS_KEY and UPBIT_SECRET_KEY; a missing one raises ConfigurationError naming it."""
        for name in ("UPBIT_ACCESS_KEY", "UPBIT_SECRET_KEY"):
            if not os.environ.get(name):
                raise ConfigurationError(name, "not set", "an environment variable of this name that holds the key")
        return cls(os.environ["UPBIT_ACCESS_KEY"], os.environ["UPBIT_SECRET_KEY"])

    @classmethod
    def from_keyring(cls) -> Credentials:
        """Read the key pair from the system's keyring.

        A machine without a real keyring, one that stays locked, or one that holds no key raises ConfigurationError;
        there is no fall-back to a file.
        """
        keyring = _trusted_keyring()
        access_key, secret_key = (_ask(keyring.get_password, name) for name in ("access_key", "secret_key"))
        if not access_key or not secret_key:
            del access_key, secret_key
            raise ConfigurationError("keyring", "no key stored", "a key pair saved by save_to_keyring()")
        return cls(access_key, secret_key)

    @classmethod
    def dummy(cls, name: str) -> Credentials:
        """Return a key pair that opens nothing anywhere, to try out what a program does with a key that is refused.

        Such keys may travel in the clear on loopback, and so to an embedded exchange, which knows another one.
        """
        return cls(f"{_DUMMY_PREFIX}-{name}", f"secret of {name}")

    def save_to_keyring(self) -> None:
        """Store the key pair in the system's keyring; without a real one that is open, ConfigurationError is raised."""
        keyring = _trusted_keyring()
        _ask(keyring.set_password, "access_key", self.__access_key)
        _ask(keyring.set_password, "secret_key", self.__secret_key)

    @staticmethod
    def remove_from_keyring() -> bool:
        """Forget the stored key pair; False where none was stored, ConfigurationError as for storing it."""
        keyring = _trusted_keyring()
        found = False
        for name in ("access_key", "secret_key"):
            if _ask(keyring.get_password, name) is not None:
                _ask(keyring.delete_password, name)
                found = True
        return found

    @property
    def is_dummy(self) -> bool:
        """Whether these are an embedded exchange's keys, which open nothing and may travel in the clear on loopback."""
        return self.__access_key.startswith(_DUMMY_PREFIX)

    def reveal(self) -> tuple[str, str]:
        """Return (access key, secret key) for signing; keep neither."""
        return self.__access_key, self.__secret_key

    def __repr__(self) -> str:
        return "Credentials(***)"

    __str__ = __repr__

    def __format__(self, format_spec: str) -> str:
        return format(repr(self), format_spec)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Credentials):
            return NotImplemented
        import hmac  # here, as hashlib below: a program without keys, or with one, needs neither

        # Always both parts, each in constant time: how long it takes must not tell how much of a guess was right.
        same_access = hmac.compare_digest(self.__access_key.encode(), other.__access_key.encode())
        same_secret = hmac.compare_digest(self.__secret_key.encode(), other.__secret_key.encode())
        return same_access & same_secret

    def __hash__(self) -> int:
        import hashlib

        # Keyed with what only this process knows: a hash that gets into a log says nothing about the keys.
        text = f"{self.__access_key}\0{self.__secret_key}".encode()
        return int.from_bytes(hashlib.blake2b(text, digest_size=8, key=_HASH_KEY).digest(), "big", signed=True)

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("Credentials cannot be pickled or copied")

    def __copy__(self) -> NoReturn:
        raise TypeError("Credentials cannot be copied")

    def __deepcopy__(self, memo: object) -> NoReturn:
        raise TypeError("Credentials cannot be copied")

    def __setattr__(self, name: str, value: object) -> None:
        if not name.startswith("_Credentials__"):
            raise AttributeError("Credentials cannot be changed")
        object.__setattr__(self, name, value)


def _ask(question: Callable[..., _A], *arguments: str) -> _A:
    """Ask the keyring, and say what it refuses without its own words, which may be about the keys it was given."""
    from keyring.errors import KeyringError  # here, as below

    try:
        return question(KEYRING_SERVICE, *arguments)
    except KeyringError as error:
        refusal = type(error).__name__
    del arguments  # and outside of the handler: tracebacks with locals are shown to people
    raise ConfigurationError("keyring", refusal, "an unlocked keyring that lets this program in")


def _trusted_keyring() -> KeyringBackend:
    try:
        import keyring  # here, because loading its back ends costs 100 ms that public data never needs
    except ModuleNotFoundError:
        raise ConfigurationError("keyring", "not installed", "the package: pip install keyring") from None
    # In a thread, which has a stack of its own: a back end that cannot be used here keeps its error, and with that the
    # stack of whoever was first to load it, for good. That would be a window and all that it shows.
    loader = threading.Thread(target=keyring.get_keyring, name="upbit_ws_qt keyring")
    loader.start()
    loader.join()
    backend: KeyringBackend = keyring.get_keyring()
    candidates: list[KeyringBackend] = list(getattr(backend, "backends", [backend]))  # a chainer lists what it tries
    for candidate in candidates:
        if type(candidate).__module__.startswith(_TRUSTED_BACKENDS):
            return candidate
    raise ConfigurationError(
        "keyring", type(backend).__module__, "a keyring that encrypts: SecretService, KWallet, Windows or macOS"
    )

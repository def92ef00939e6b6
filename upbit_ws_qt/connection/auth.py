"""Tokens for the private endpoints and for REST: a new one for every handshake and every question, none kept."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from upbit_ws_qt.computer import Computer
from upbit_ws_qt.errors import AuthenticationError, ConfigurationError
from upbit_ws_qt.types import WebSocketType

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from upbit_ws_qt.credentials import Credentials

__all__ = ["JWTManager"]

# Protocol sheet, "Authentication".
_HEADER = b'{"alg":"HS512","typ":"JWT"}'
REFRESH_AT = 0.8


class JWTManager:
    """Makes the tokens and knows when a line is due for a new one.

    The manager keeps the credentials and the times of the handshakes, never a token or a nonce.

    Args:
        credentials: the key; None where only public data is wanted.
        token_lifetime: seconds.
        clock: seconds, growing; by default the computer's.
        computer: whose chance makes the nonces.
    """

    def __init__(
        self,
        credentials: Credentials | None,
        token_lifetime: float = 3600.0,
        *,
        clock: Callable[[], float] | None = None,
        computer: Computer | None = None,
    ) -> None:
        self._credentials = credentials
        self._lifetime = token_lifetime
        computer = computer or Computer()
        self._clock = clock or computer.monotonic
        self._new_id = computer.new_id
        self._made_at: dict[WebSocketType, float] = {}
        self._rotators: dict[WebSocketType, Callable[[], Awaitable[None]]] = {}
        self.tokens_made = 0

    @staticmethod
    def needs_token(ws_type: WebSocketType) -> bool:
        """Whether an endpoint asks for a token at all."""
        return ws_type is not WebSocketType.PUBLIC

    @property
    def has_credentials(self) -> bool:
        """Whether tokens can be made."""
        return self._credentials is not None

    def make_token(self, ws_type: WebSocketType) -> str:
        """Return a fresh token with a fresh nonce; without credentials AuthenticationError is raised."""
        if self._credentials is None:
            raise AuthenticationError(ws_type.value, "no key was given")
        return self._sign(self._credentials)

    def make_request_token(self, query: str) -> str:
        """Return a fresh token for one question to the REST interface.

        Args:
            query: `name=value` pairs in the order in which they are sent, joined by "&", not percent-encoded; empty
                where there are none. Its hash goes into the token (protocol sheet, "Authentication").

        Raises:
            ConfigurationError: without credentials.
        """
        credentials = self.require_credentials()
        if not query:
            return self._sign(credentials)
        digest = hashlib.sha512(query.encode()).hexdigest()
        return self._sign(credentials, query_hash=digest, query_hash_alg="SHA512")

    def require_credentials(self) -> Credentials:
        """Return the credentials; ConfigurationError where there are none."""
        if self._credentials is None:
            raise ConfigurationError("credentials", None, "credentials: this is not public")
        return self._credentials

    def _sign(self, credentials: Credentials, **claims: str) -> str:
        # Here, because it loads all of `cryptography`, a sixth of what the service costs to import, and public data
        # needs no token.
        from jwt.algorithms import HMACAlgorithm
        from jwt.utils import base64url_encode

        access_key, secret_key = credentials.reveal()
        payload = json.dumps({"access_key": access_key, "nonce": self._new_id(), **claims}, separators=(",", ":"))
        unsigned = base64url_encode(_HEADER) + b"." + base64url_encode(payload.encode())
        # Signed by hand: jwt.encode() warns that the exchange's 40-character secrets are short for HS512, and
        # there is nothing that a user of the exchange could do about it.
        signature = HMACAlgorithm(HMACAlgorithm.SHA512).sign(unsigned, secret_key.encode())
        # Counted, not kept: a nonce must be new for every token (protocol sheet, "Authentication").
        self.tokens_made += 1
        return (unsigned + b"." + base64url_encode(signature)).decode("ascii")

    def handshake_done(self, ws_type: WebSocketType) -> None:
        """Note that a line was opened with a fresh token just now."""
        self._made_at[ws_type] = self._clock()

    def line_closed(self, ws_type: WebSocketType) -> None:
        """Note that an endpoint has no line any more, so that nothing is due."""
        self._made_at.pop(ws_type, None)

    def due_at(self, ws_type: WebSocketType) -> float | None:
        """Return when (by the manager's clock) the line should be renewed, None where there is none."""
        made_at = self._made_at.get(ws_type)
        return None if made_at is None else made_at + REFRESH_AT * self._lifetime

    def attach(self, ws_type: WebSocketType, rotate: Callable[[], Awaitable[None]]) -> None:
        """Say how the line of an endpoint is renewed."""
        self._rotators[ws_type] = rotate

    def detach(self, ws_type: WebSocketType) -> None:
        """Forget an endpoint."""
        self._rotators.pop(ws_type, None)
        self._made_at.pop(ws_type, None)

    def due_in(self, ws_type: WebSocketType) -> float | None:
        """Return the seconds until the line should be renewed, None where there is none."""
        due = self.due_at(ws_type)
        return None if due is None else max(0.0, due - self._clock())

    async def refresh_token_if_needed(self, *ws_types: WebSocketType) -> tuple[WebSocketType, ...]:
        """Renew every line whose token has lived 80 % of its time, by make-before-break; return which were due.

        Each connection calls this for its own endpoint when its token is due; without names all are looked at. Raises
        what the renewal raises (a WebSocketError); the old line then stays in use.
        """
        due = tuple(ws_type for ws_type in ws_types or self._rotators if self.due_in(ws_type) == 0.0)
        for ws_type in due:
            await self._rotators[ws_type]()
        return due

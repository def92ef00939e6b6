"""JSON Web Tokens as the exchange checks them (protocol sheet "Authentication"); standard library only."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_DIGESTS = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}
_QUERY_DIGESTS = {"SHA256": hashlib.sha256, "SHA384": hashlib.sha384, "SHA512": hashlib.sha512}
# A day of handshakes at two a second. The real exchange has to forget nonces too, and does not say when.
_MOST_NONCES = 200_000
_LONGEST_TOKEN = 4096
_LONGEST_NONCE = 256


class TokenRefusedError(Exception):
    """A token that is refused; the message says why, for the exchange's own log.

    Attributes:
        name: What REST calls it (REST sheet 1).
    """

    def __init__(self, message: str, name: str = "jwt_verification") -> None:
        super().__init__(message)
        self.name = name


class TokenVerifier:
    """Checks tokens of known keys and remembers every nonce it has accepted.

    The memory is bounded (200,000 nonces); `nonces_forgotten` counts those that could be replayed unnoticed.
    """

    def __init__(self, secrets: Mapping[str, str]) -> None:
        self._secrets = dict(secrets)
        self._nonces: dict[str, None] = {}
        self.nonces_forgotten = 0

    def verify(self, authorization: str | None) -> str:
        """Return the access key of an `Authorization` header; see `claims`."""
        return str(self.claims(authorization)["access_key"])

    def claims(self, authorization: str | None) -> dict[str, Any]:
        """Return what the token of an `Authorization` header says.

        Raises:
            TokenRefusedError: If it is missing, malformed, wrongly signed, of an unknown key, or used before.
        """
        if authorization is None:
            raise TokenRefusedError("no Authorization header", "no_authorization_token")
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer":
            raise TokenRefusedError("not a Bearer token", "no_authorization_token")
        payload = self._checked_payload(token.strip())
        nonce = payload.get("nonce")
        if not isinstance(nonce, str) or not 0 < len(nonce) <= _LONGEST_NONCE:
            raise TokenRefusedError("no nonce", "invalid_query_payload")
        if nonce in self._nonces:
            raise TokenRefusedError("nonce used before", "nonce_used")
        if len(self._nonces) >= _MOST_NONCES:
            del self._nonces[next(iter(self._nonces))]
            self.nonces_forgotten += 1
        self._nonces[nonce] = None
        return payload

    def _checked_payload(self, token: str) -> dict[str, Any]:
        parts = token.split(".")
        if len(parts) != 3 or len(token) > _LONGEST_TOKEN:
            raise TokenRefusedError("not a JSON Web Token")
        header, payload = _json_object(parts[0]), _json_object(parts[1])
        algorithm = header.get("alg")
        digest = _DIGESTS.get(algorithm) if isinstance(algorithm, str) else None
        if digest is None:
            raise TokenRefusedError("algorithm must be HS256, HS384 or HS512")
        access_key = payload.get("access_key")
        secret = self._secrets.get(access_key) if isinstance(access_key, str) else None
        if secret is None:
            raise TokenRefusedError("unknown access key")
        expected = hmac.new(secret.encode(), f"{parts[0]}.{parts[1]}".encode(), digest).digest()
        # With the standard library, since the client uses PyJWT: a mistake must not cancel itself out.
        if not hmac.compare_digest(expected, _decoded(parts[2])):
            raise TokenRefusedError("wrong signature")
        return payload


def check_query_hash(claims: Mapping[str, Any], query: str) -> None:
    """Raise `TokenRefusedError` unless the token holds the hash of a query, as it was sent but for percent signs.

    REST sheet 2: of UTF-8, in lower-case hexadecimal digits; without a query, it and its algorithm are left out.
    """
    given, algorithm = claims.get("query_hash"), claims.get("query_hash_alg")
    if not query:
        if given is not None or algorithm is not None:
            raise TokenRefusedError("a hash of no query", "invalid_query_payload")
        return
    digest = _QUERY_DIGESTS.get("SHA512" if algorithm is None else str(algorithm))
    if digest is None or given != digest(query.encode()).hexdigest():
        raise TokenRefusedError("the hash is not that of the query", "invalid_query_payload")


def _decoded(part: str) -> bytes:
    try:
        return base64.b64decode(part.encode("ascii") + b"=" * (-len(part) % 4), altchars=b"-_", validate=True)
    except (UnicodeEncodeError, binascii.Error) as error:
        raise TokenRefusedError("not base64url") from error


def _json_object(part: str) -> dict[str, Any]:
    try:
        value = json.loads(_decoded(part))
    except (ValueError, RecursionError) as error:
        raise TokenRefusedError("not JSON") from error
    if not isinstance(value, dict):
        raise TokenRefusedError("not a JSON object")
    return value

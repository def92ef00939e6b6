"""Tokens for the private endpoints, good ones and wrong ones (P2); by hand, so that no library mends a wrong one."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import uuid

__all__ = ["make_token"]

_DIGESTS = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}


def make_token(access_key: str, secret_key: str, *, algorithm: str = "HS512", nonce: str | None = None) -> str:
    """Return a JSON Web Token.

    Args:
        access_key: of the key pair.
        secret_key: of the key pair, used as it is.
        algorithm: "HS256", "HS384" or "HS512"; others are a KeyError.
        nonce: a fresh one where there is none.
    """
    head = _base64({"alg": algorithm, "typ": "JWT"})
    claims = _base64({"access_key": access_key, "nonce": nonce or str(uuid.uuid4())})
    signature = hmac.new(secret_key.encode(), f"{head}.{claims}".encode(), _DIGESTS[algorithm]).digest()
    return f"{head}.{claims}.{_spell(signature)}"


def _base64(value: dict[str, str]) -> str:
    return _spell(json.dumps(value, separators=(",", ":")).encode())


def _spell(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

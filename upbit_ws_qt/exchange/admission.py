"""Who is let in: paths, tokens, limits of the handshake, and faults that refuse or delay it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .auth import TokenRefusedError, TokenVerifier
from .faultlist import FaultName
from .http import error_body
from .limits import BLOCKED, OK, TOO_MANY, Gate
from .regions import REGIONS, Region

if TYPE_CHECKING:
    from .faultlist import Fault
    from .http import HttpRequest
    from .settings import ExchangeSettings
    from .views import Counters

PATHS = {
    "/websocket/v1": "public",
    "/websocket/v1/private": "private",
    "/websocket/v1/info": "info",
}


@dataclass(frozen=True, slots=True)
class Admission:
    """The answer to a handshake.

    Attributes:
        status: 101 lets the client in; everything else is the HTTP answer.
        limit_key: Whose limits this connection counts against: its key, or its address.
        authenticated: Whether there was a good token.
        invalid_auth: Whether the client is let in only to be told INVALID_AUTH.
        body: The body of a refusal.
        headers: What the 101 answer says beside the handshake.
    """

    status: int
    limit_key: str
    authenticated: bool = False
    invalid_auth: bool = False
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


class AdmissionCheck:
    """Judges handshakes."""

    def __init__(self, settings: ExchangeSettings, counters: Counters) -> None:
        self._settings = settings
        self._counters = counters
        self._region = REGIONS[settings.region]
        self.verifier = TokenVerifier({settings.access_key: settings.secret_key})
        self._gate = Gate(
            settings.connects_per_second, block_after=settings.block_after, block_seconds=settings.block_seconds
        )
        self._origins = Gate(
            1, settings.origin_seconds, block_after=settings.block_after, block_seconds=settings.block_seconds
        )

    def judge(self, endpoint: str, request: HttpRequest, peer: str, now: float) -> Admission:
        """Decide about a handshake for `endpoint` at `now` (seconds), and count it against the key of its limits."""
        access_key = self._access_key(endpoint, request)
        limit_key = f"key {access_key}" if access_key else f"address {peer}"
        status, seconds = self._limits(request, limit_key, peer, now)
        if status != OK:
            self._counters.connect_violations += 1
            return Admission(status, limit_key, body=too_many_body(status, seconds, self._region))
        # As seen: a wrong token is let in, told INVALID_AUTH on the line and closed; the setting answers 401 instead.
        headers = self._remaining(request, limit_key, peer, now)
        if endpoint != "public" and not access_key:
            return self._invalid_auth(limit_key, headers, http=self._settings.auth_failure == "http")
        return Admission(OK, limit_key, authenticated=bool(access_key), headers=headers)

    def message_violation(self, limit_key: str, now: float) -> None:
        """Count a message that was too many against the limits of its connection."""
        self._gate.violation(limit_key, now)

    def admits_http(self, request: HttpRequest, peer: str, now: float) -> tuple[int, float]:
        """Judge a plain HTTP request: 101 or 429 or 418, and the seconds of a block."""
        if "origin" in request.headers:
            verdict = self._origins.connect(f"origin {peer}", now)
            return verdict.status, verdict.seconds
        seconds = self._gate.blocked_for(f"address {peer}", now)
        return (BLOCKED, seconds) if seconds else (OK, 0.0)

    def spoilt(self, admission: Admission, fault: Fault) -> Admission:
        """Return what becomes of a handshake that would have been accepted; status 0 ends the line without answer."""
        if fault.name is FaultName.INVALID_AUTH:
            return self._invalid_auth(admission.limit_key, admission.headers, http=fault.options["http"])
        if fault.name is FaultName.TOO_MANY:
            return Admission(TOO_MANY, admission.limit_key, body=too_many_body(TOO_MANY, 0.0, self._region))
        if fault.name is FaultName.BLOCKED:
            body = too_many_body(BLOCKED, fault.options["seconds"], self._region)
            return Admission(BLOCKED, admission.limit_key, body=body)
        status = fault.options.get("status", 503)
        return Admission(status, admission.limit_key, body=error_body("service_unavailable", "Not now."))

    def _invalid_auth(self, limit_key: str, headers: dict[str, str], *, http: bool) -> Admission:
        body = error_body("INVALID_AUTH", self._region.texts["INVALID_AUTH"])
        if http:
            return Admission(401, limit_key, body=body)
        return Admission(OK, limit_key, invalid_auth=True, headers=headers)

    def _limits(self, request: HttpRequest, limit_key: str, peer: str, now: float) -> tuple[int, float]:
        # Whoever sends an Origin is taken for a browser and may connect once in ten seconds: a client that does so by
        # accident would hardly get in, so it is counted for tests to see.
        if "origin" in request.headers:
            self._counters.connects_with_origin += 1
            verdict = self._origins.connect(f"origin {peer}", now)
            if verdict.status != OK:
                return verdict.status, verdict.seconds
        verdict = self._gate.connect(limit_key, now)
        return verdict.status, verdict.seconds

    def _remaining(self, request: HttpRequest, limit_key: str, peer: str, now: float) -> dict[str, str]:
        """Return what is left of the budget for connects (protocol sheet, "Rate limits")."""
        with_origin = "origin" in request.headers
        group = "origin" if with_origin else "websocket"
        left = self._origins.remaining(f"origin {peer}", now) if with_origin else self._gate.remaining(limit_key, now)
        if left is None:
            return {}
        headers = {"remaining-req": f"group={group}; min={left[0]}; sec={left[1]}"}
        # Seen for connects without a token; those with one are counted for their key.
        return {**headers, "limit-by-ip": "Yes"} if with_origin or limit_key.startswith("address ") else headers

    def _access_key(self, endpoint: str, request: HttpRequest) -> str:
        authorization = request.headers.get("authorization")
        if endpoint == "public" and authorization is None:
            return ""
        try:
            return self.verifier.verify(authorization)
        except TokenRefusedError:
            if endpoint != "public":
                self._counters.auth_failures += 1
            return ""


def too_many_body(status: int, seconds: float, region: Region) -> bytes:
    """Return the body of a 429 or 418; a block says how long it lasts."""
    if status == TOO_MANY:
        return error_body("TOO_MANY_REQUEST", region.texts["TOO_MANY_REQUEST"])
    return error_body("TOO_MANY_REQUEST", f"Blocked for {seconds:.1f} seconds because of too many requests.")

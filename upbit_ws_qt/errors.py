"""Everything that can go wrong, as one tree.

WebSocketError
├── ConfigurationError    a setting, key or option that cannot work
├── ConnectionLostError   a line is down and stays down for the named cause
├── AuthenticationError   the exchange refuses the key or the token
├── RateLimitError        a limit of the exchange was reached
├── SubscriptionError     a wish that the exchange refuses or does not serve
├── RecoveryError         restoring the subscriptions after a drop did not succeed
├── RestError             a question to the REST interface has no answer, or a refusal for one
├── BackpressureError     a consumer is too slow and events were dropped or it was quarantined
└── DecodeError           a frame that cannot be read

Each error carries its context as attributes and says what to do; `recovery` tells what the library does about it.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Self

from upbit_ws_qt.text import Phrase, safe_text

__all__ = [
    "AuthenticationError",
    "BackpressureError",
    "ConfigurationError",
    "ConnectionLostError",
    "DecodeError",
    "RateLimitError",
    "RecoveryError",
    "RecoveryStrategy",
    "RestError",
    "SubscriptionError",
    "WebSocketError",
]


_LONGEST_VALUE = 200  # characters of a wrong value that are repeated


class RecoveryStrategy(StrEnum):
    """What the library does after an error, without being asked."""

    NONE = "none"
    """Nothing: the program or its user has to change something."""
    RETRY = "retry"
    """The same step is tried again by itself. What the exchange does not serve stays asked for, until it does."""
    RECONNECT = "reconnect"
    """The line is dialled again, with back-off."""
    WAIT = "wait"
    """The block of the exchange is waited out, then the step is tried again."""
    RESUBSCRIBE = "resubscribe"
    """The rest is subscribed without the part that was refused."""
    QUARANTINE = "quarantine"
    """The component is put aside, and the others go on, until `resume` or a new registration."""
    SKIP = "skip"
    """The one item is dropped and counted; everything else goes on."""


class WebSocketError(Exception):
    """Base of all errors of this package.

    Attributes:
        message: what happened and what to do, for people.
        recovery: what the library does about it by itself.
    """

    recovery: RecoveryStrategy = RecoveryStrategy.NONE

    def __init__(self, message: str, *, recovery: RecoveryStrategy | None = None) -> None:
        super().__init__(message)
        self.message = message
        if recovery is not None:
            self.recovery = recovery

    def followed_by(self, recovery: RecoveryStrategy) -> None:
        """Note what the library does about it where that depends on what went wrong around it."""
        self.recovery = recovery

    def again(self) -> Self:
        """Return an error that says the same; one that is raised again and again would keep what it passed through."""
        twin = type(self).__new__(type(self))
        twin.args = self.args
        vars(twin).update(vars(self))
        return twin

    def __str__(self) -> str:
        return self.message


class ConfigurationError(WebSocketError):
    """A setting that cannot work.

    Attributes:
        field: the name of the setting.
        value: what was given; secrets are never put here.
        allowed: what would have been accepted.
    """

    def __init__(self, field: str, value: object, allowed: str) -> None:
        self.field = field
        self.value = value
        self.allowed = allowed
        super().__init__(f"{field}: {_shown(value)} is not allowed; expected {allowed}")

    def __reduce__(self) -> tuple[type[ConfigurationError], tuple[str, object, str]]:
        return type(self), (self.field, self.value, self.allowed)


class ConnectionLostError(WebSocketError):
    """A line is down.

    Attributes:
        endpoint: "public", "private" or "info".
        close_code: of the WebSocket, or None where there was no close frame.
        cause: in a few words.
        attempts: dials that failed before, since the line was last stable.
    """

    recovery = RecoveryStrategy.RECONNECT

    def __init__(
        self,
        endpoint: str,
        cause: str,
        *,
        close_code: int | None = None,
        attempts: int = 0,
        recovery: RecoveryStrategy | None = None,
    ) -> None:
        self.endpoint = endpoint
        self.cause = cause
        self.close_code = close_code
        self.attempts = attempts
        causes = (cause,) if close_code is None else (cause, Phrase("close code {code}", code=close_code))
        message = Phrase("the {line} connection is lost: {causes}", line=Phrase(endpoint), causes=causes)
        super().__init__(message, recovery=recovery)

    def failed_before(self, attempts: int) -> None:
        """Note how many dials failed before, since the line was last stable."""
        self.attempts = attempts

    def __str__(self) -> str:
        if not self.attempts:
            return self.message
        if self.attempts == 1:
            return Phrase("{what}, after 1 attempt", what=self.message)
        return Phrase("{what}, after {count} attempts", what=self.message, count=self.attempts)


class AuthenticationError(WebSocketError):
    """The exchange refuses the key; after the second refusal in a row it is tried again only when asked.

    Attributes:
        endpoint: "private" or "info".
        reason: what the exchange said.
    """

    def __init__(self, endpoint: str, reason: str, *, recovery: RecoveryStrategy | None = None) -> None:
        self.endpoint = endpoint
        self.reason = reason
        super().__init__(
            Phrase(
                "the exchange refuses the key on the {line} connection: {reason}; "
                "check the key, its scopes and its registered addresses, then reconnect",
                line=Phrase(endpoint),
                reason=reason,
            ),
            recovery=recovery,
        )


class RateLimitError(WebSocketError):
    """A limit of the exchange was reached.

    Attributes:
        endpoint: "public", "private" or "info".
        limit: which one, in words.
        retry_after: seconds until the next try, or None where unknown.
    """

    recovery = RecoveryStrategy.WAIT

    def __init__(self, endpoint: str, limit: str, *, retry_after: float | None = None) -> None:
        self.endpoint = endpoint
        self.limit = limit
        self.retry_after = retry_after
        message = Phrase("rate limit on the {line} connection: {limit}", line=Phrase(endpoint), limit=limit)
        if retry_after is not None:
            message = Phrase("{what}; next try in {seconds:.1f} s", what=message, seconds=retry_after)
        super().__init__(message)


class SubscriptionError(WebSocketError):
    """A wish that cannot be served.

    Attributes:
        reason: why.
        spec: the wish as text, or None where it is not about one.
        index: its place in the list that was given, or None.
        codes: the symbols it is about.
        component_id: whose wish it is, or None where not known yet.
    """

    def __init__(
        self,
        reason: str,
        *,
        spec: object | None = None,
        index: int | None = None,
        codes: tuple[str, ...] = (),
        component_id: str | None = None,
        recovery: RecoveryStrategy | None = None,
    ) -> None:
        self.reason = reason
        self.spec = None if spec is None else str(spec)
        self.index = index
        self.codes = codes
        self.component_id = component_id
        place = f"spec {index}: " if index is not None else ""
        owner = f" (component {component_id})" if component_id is not None else ""
        about = f" in {self.spec}" if self.spec is not None else ""
        super().__init__(f"{place}{reason}{about}{owner}", recovery=recovery)
        self._by_component = {} if component_id is None else {component_id: self}

    def for_component(self, component_id: str) -> SubscriptionError:
        """Return this error as it is told to one of the components that hold the wish: one object for each of them."""
        known = self._by_component.get(component_id)
        if known is None:
            known = self._by_component[component_id] = self.copy(component_id)
            known._by_component = self._by_component
        return known

    def copy(self, component_id: str | None) -> SubscriptionError:
        """Return an error that says the same; one that is raised again and again would keep what it passed through."""
        return SubscriptionError(
            self.reason,
            spec=self.spec,
            index=self.index,
            codes=self.codes,
            component_id=component_id,
            recovery=self.recovery,
        )


class RecoveryError(WebSocketError):
    """Subscriptions could not be proved restored after a drop.

    Attributes:
        endpoint: "public", "private" or "info".
        reason: which proof is missing.
        missing: the streams that were not proved.
    """

    recovery = RecoveryStrategy.RECONNECT  # a line that proves nothing is given up for another one

    def __init__(self, endpoint: str, reason: str, *, missing: tuple[str, ...] = ()) -> None:
        self.endpoint = endpoint
        self.reason = reason
        self.missing = missing
        message = Phrase(
            "the {line} subscriptions are not proved restored, {reason}", line=Phrase(endpoint), reason=reason
        )
        if missing:
            more = (Phrase("and {count} more", count=len(missing) - 10),) if len(missing) > 10 else ()
            message = Phrase("{what}: {names}", what=message, names=(*missing[:10], *more))
        super().__init__(message)


class BackpressureError(WebSocketError):
    """A component cannot keep up, or fails too often.

    Attributes:
        component_id: whose callback it is.
        reason: "blocking", "failing", "queue full", "deadline" …
        dropped: events lost to it so far.
    """

    recovery = RecoveryStrategy.SKIP

    def __init__(
        self, component_id: str, reason: str, *, dropped: int = 0, recovery: RecoveryStrategy | None = None
    ) -> None:
        self.component_id = component_id
        self.reason = reason
        self.dropped = dropped
        super().__init__(f"component {component_id}: {reason}, {dropped} events dropped", recovery=recovery)


class RestError(WebSocketError):
    """A question to the REST interface that was refused, or got no answer that can be read.

    What tries again by itself has done so before this is raised: an answer that did not come, a trouble of the
    exchange's own, and, after the wait that it asks for, "too many".

    Attributes:
        status: of HTTP; None where no answer came.
        name: the exchange's name for it: a number for market data, a word such as "out_of_scope" for account data;
            else ours: "network", "timeout", "tls", "certificate", "proxy", "redirect", "too_large", "unreadable",
            "closed", or "http" for a refusal without a name.
        group: the group of calls that it was counted to.
        call: the path.
        detail: what the exchange said, safe to show.
        is_temporary: whether the same question may well be answered later.
    """

    def __init__(
        self,
        call: str,
        group: str,
        name: str | int,
        reason: str,
        *,
        status: int | None = None,
        detail: str = "",
        is_temporary: bool = False,
        recovery: RecoveryStrategy | None = None,
    ) -> None:
        self.call = call
        self.group = group
        self.name = name
        self.status = status
        self.detail = detail
        self.is_temporary = is_temporary
        message = Phrase("{call}: {reason}", call=call, reason=reason)
        if detail:
            message = Phrase("{what}: {detail}", what=message, detail=detail)
        super().__init__(message, recovery=recovery)


class DecodeError(WebSocketError):
    """A frame that cannot be read; it is counted and the stream lives on.

    Attributes:
        reason: why.
        excerpt: the first 200 characters of the frame, control and bidi characters escaped.
    """

    recovery = RecoveryStrategy.SKIP

    def __init__(self, reason: str, excerpt: str = "") -> None:
        self.reason = reason
        self.excerpt = excerpt
        super().__init__(f"cannot decode frame: {reason}" + (f" in {excerpt!r}" if excerpt else ""))


def _shown(value: object) -> str:
    try:
        return safe_text(repr(value), _LONGEST_VALUE)
    except ValueError:  # a whole number of more digits than Python writes down
        return f"this {type(value).__name__}"

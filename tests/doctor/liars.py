"""Exchanges that are the embedded one but for one lie each, and what of the protocol each lie breaks."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from websockets.frames import Frame, Opcode
from websockets.server import ServerProtocol

from upbit_ws_qt.exchange import hub, indicator_rules, line
from upbit_ws_qt.exchange.auth import TokenVerifier
from upbit_ws_qt.exchange.book_messages import OrderbookChange
from upbit_ws_qt.exchange.hub import Hub
from upbit_ws_qt.exchange.requests import RequestRefusedError, Subscribe, parse_request, split_depth
from upbit_ws_qt.exchange.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest


@dataclass(frozen=True)
class Liar:
    """One unfaithful exchange.

    Attributes:
        name: what it does.
        broken: the statements that do not hold there; all others do.
        lie: changes the exchange, through the patch of a test.
        settings: what it is set to.
    """

    name: str
    broken: frozenset[str]
    lie: Callable[[pytest.MonkeyPatch], None] = lambda patch: None
    settings: dict[str, Any] = field(default_factory=dict)


LIARS: list[Liar] = []


def liar(*broken: str) -> Callable[[Callable[[pytest.MonkeyPatch], None]], Callable[[pytest.MonkeyPatch], None]]:
    """Register a lie by the name of its function."""

    def register(lie: Callable[[pytest.MonkeyPatch], None]) -> Callable[[pytest.MonkeyPatch], None]:
        LIARS.append(Liar(lie.__name__, frozenset(broken), lie))
        return lie

    return register


def _frames(patch: pytest.MonkeyPatch, change: Callable[[Session, bytes], bytes | None]) -> None:
    """Let every data frame be another one, or none."""
    push = Session.push

    def lying_push(session: Session, payload: bytes) -> None:
        changed = change(session, payload)
        if changed is not None:
            push(session, changed)

    patch.setattr(Session, "push", lying_push)


def _requests(patch: pytest.MonkeyPatch, change: Callable[[Session, Subscribe], Subscribe]) -> None:
    """Let every subscription be taken for another one."""
    subscribe = Hub._subscribe
    patch.setattr(Hub, "_subscribe", lambda self, session, asked: subscribe(self, session, change(session, asked)))


# What is subscribed.


@liar("P4.1")
def merges_instead_of_replacing(patch: pytest.MonkeyPatch) -> None:
    _requests(patch, lambda session, asked: replace(asked, wishes=(*session.wishes, *asked.wishes)))


@liar("P3.3")
def keeps_tickets_apart(patch: pytest.MonkeyPatch) -> None:
    of_ticket: defaultdict[int, dict[str, Any]] = defaultdict(dict)

    def change(session: Session, asked: Subscribe) -> Subscribe:
        of_ticket[id(session)][asked.ticket] = asked.wishes
        return replace(asked, wishes=tuple(wish for wishes in of_ticket[id(session)].values() for wish in wishes))

    _requests(patch, change)


LIARS.append(
    Liar("goes_on_with_what_was_dropped_for_eight_messages", frozenset({"P4.2"}), settings={"residual_frames": 8})
)


def _snapshots(patch: pytest.MonkeyPatch, times: Callable[[Any], int]) -> None:
    send = Hub._send_snapshots

    def lying_send(self: Hub, session: Session, snapshots: Any) -> None:
        send(self, session, [each for each in snapshots for _ in range(times(each[0]))])

    patch.setattr(Hub, "_send_snapshots", lying_send)


@liar("P4.3")
def sends_no_snapshot_before_what_follows(patch: pytest.MonkeyPatch) -> None:
    _snapshots(patch, lambda wish: 1 if wish.only_snapshot else 0)


@liar("P4.3")
def sends_each_snapshot_twice(patch: pytest.MonkeyPatch) -> None:
    _snapshots(patch, lambda wish: 1 if wish.only_snapshot else 2)


@liar("P4.5")
def sends_a_snapshot_that_nobody_wants(patch: pytest.MonkeyPatch) -> None:
    _requests(
        patch,
        lambda session, asked: replace(
            asked, wishes=tuple(replace(wish, only_realtime=False) for wish in asked.wishes)
        ),
    )


@liar("P4.4")
def goes_on_after_the_snapshot(patch: pytest.MonkeyPatch) -> None:
    _requests(
        patch,
        lambda session, asked: replace(
            asked, wishes=tuple(replace(wish, only_snapshot=False) for wish in asked.wishes)
        ),
    )


# Requests.


def _parsed(patch: pytest.MonkeyPatch, change: Callable[[list[dict[str, Any]], str], None]) -> None:
    """Let the exchange read another request than was sent."""

    def lying_parse(raw: bytes | str, endpoint: str, *rest: Any, **named: Any) -> Any:
        try:
            parts = json.loads(raw, parse_float=Decimal)
        except ValueError:
            parts = None
        if isinstance(parts, list):
            change(parts, endpoint)
            raw = json.dumps(parts, default=float)
        return parse_request(raw, endpoint, *rest, **named)

    patch.setattr(hub, "parse_request", lying_parse)


@liar("P3.7")
def takes_codes_of_assets(patch: pytest.MonkeyPatch) -> None:
    def change(parts: list[dict[str, Any]], endpoint: str) -> None:
        for part in parts:
            if part.get("type") == "myAsset":
                part.pop("codes", None)

    _parsed(patch, change)


@liar("P3.2")
def needs_no_ticket(patch: pytest.MonkeyPatch) -> None:
    def change(parts: list[dict[str, Any]], endpoint: str) -> None:
        if not any("ticket" in part for part in parts):
            parts.insert(0, {"ticket": "given"})

    _parsed(patch, change)


@liar("P3.14")
def refuses_unknown_codes(patch: pytest.MonkeyPatch) -> None:
    def change(parts: list[dict[str, Any]], endpoint: str) -> None:
        if any("NOSUCHCOIN" in code for part in parts for code in part.get("codes", ())):
            raise RequestRefusedError("INVALID_PARAM")

    _parsed(patch, change)


@liar("P3.13")
def serves_what_is_right_in_a_wrong_request(patch: pytest.MonkeyPatch) -> None:
    take = Hub.take

    def lying_take(self: Hub, session: Session, message: bytes) -> None:
        if b'"nope"' in message and b'"orderbook"' in message:
            parts = [part for part in json.loads(message) if part.get("type") != "nope"]
            take(self, session, json.dumps(parts).encode())
        take(self, session, message)

    patch.setattr(Hub, "take", lying_take)


@liar("P3.16")
def takes_fifteen_levels_for_five(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(hub, "split_depth", lambda code: (code[:-3], 5) if code.endswith(".15") else split_depth(code))


@liar("P3.17")
def ignores_the_level(patch: pytest.MonkeyPatch) -> None:
    render = OrderbookChange.render

    def lying_render(self: OrderbookChange, fmt: str, stream_type: str, **how: Any) -> bytes:
        frame = render(self, fmt, stream_type, **how)
        return render(self, fmt, stream_type, **{**how, "level": Decimal(0)}) if frame else frame

    patch.setattr(OrderbookChange, "render", lying_render)


@liar("P3.18")
def serves_levels_that_there_are_not(patch: pytest.MonkeyPatch) -> None:
    render = OrderbookChange.render

    def lying_render(self: OrderbookChange, fmt: str, stream_type: str, **how: Any) -> bytes:
        frame = render(self, fmt, stream_type, **how)
        return frame or render(self, fmt, stream_type, **{**how, "level": Decimal(0)})

    patch.setattr(OrderbookChange, "render", lying_render)


@liar("P3.19")
def acknowledges_requests(patch: pytest.MonkeyPatch) -> None:
    subscribe = Hub._subscribe

    def lying_subscribe(self: Hub, session: Session, asked: Subscribe) -> None:
        if asked.format == "DEFAULT":
            session.push(b'{"status":"OK"}')
        subscribe(self, session, asked)

    patch.setattr(Hub, "_subscribe", lying_subscribe)


@liar("P3.20")
def serves_eleven_markets_at_most(patch: pytest.MonkeyPatch) -> None:
    _requests(
        patch,
        lambda session, asked: replace(
            asked, wishes=tuple(replace(wish, codes=wish.codes[:11]) for wish in asked.wishes)
        ),
    )


# LIST_SUBSCRIPTIONS.


@liar("P5.2")
def forgets_a_code_in_its_list(patch: pytest.MonkeyPatch) -> None:
    listing = Session.listing

    def lying_listing(self: Session, *rest: Any, **named: Any) -> list[dict[str, Any]]:
        rows = listing(self, *rest, **named)
        return [{**row, "codes": row["codes"][:1]} if row["type"] == "ticker" else row for row in rows]

    patch.setattr(Session, "listing", lying_listing)


@liar("P5.4")
def keeps_the_format_of_the_streams(patch: pytest.MonkeyPatch) -> None:
    ask = Hub._list

    def lying_list(self: Hub, session: Session, asked: Any) -> None:
        before = session.format
        ask(self, session, asked)
        session.format = before

    patch.setattr(Hub, "_list", lying_list)


@liar("P5.1")
def answers_with_another_ticket(patch: pytest.MonkeyPatch) -> None:
    _frames(
        patch,
        lambda session, payload: (
            re.sub(rb'"ticket":"[^"]*"', b'"ticket":"mine"', payload) if b"LIST_SUBSCRIPTIONS" in payload else payload
        ),
    )


# Messages.


@liar("P9.6")
def has_a_short_key_of_its_own(patch: pytest.MonkeyPatch) -> None:
    _frames(patch, lambda session, payload: payload.replace(b'"scp":', b'"sccp":'))


@liar("P9.1")
def sends_numbers_as_text(patch: pytest.MonkeyPatch) -> None:
    _frames(patch, lambda session, payload: re.sub(rb'"trade_price":([\d.E+-]+)', rb'"trade_price":"\1"', payload))


@liar("P9.9")
def gives_many_trades_one_id(patch: pytest.MonkeyPatch) -> None:
    _frames(patch, lambda session, payload: re.sub(rb'("sequential_id":\d+)\d{8}', rb"\g<1>00000000", payload))


@liar("P9.3")
def leaves_a_field_out(patch: pytest.MonkeyPatch) -> None:
    _frames(patch, lambda session, payload: re.sub(rb'"best_ask_size":[\d.E+-]+,', b"", payload))


@liar("P9.8")
def spells_dates_of_trades_like_those_of_tickers(patch: pytest.MonkeyPatch) -> None:
    _frames(
        patch,
        lambda session, payload: re.sub(rb'"trade_date":"(\d+)-(\d+)-(\d+)"', rb'"trade_date":"\1\2\3"', payload),
    )


@liar("P9.15")
def tells_microseconds(patch: pytest.MonkeyPatch) -> None:
    _frames(
        patch,
        lambda session, payload: (
            re.sub(rb'"timestamp":(\d+)', rb'"timestamp":\g<1>000', payload) if b'"orderbook"' in payload else payload
        ),
    )


@liar("P9.17")
def has_a_third_side(patch: pytest.MonkeyPatch) -> None:
    _frames(patch, lambda session, payload: payload.replace(b'"ask_bid":"ASK"', b'"ask_bid":"SELL"'))


@liar("P9.7")
def sends_lists_without_the_list(patch: pytest.MonkeyPatch) -> None:
    _frames(
        patch,
        lambda session, payload: (
            payload[1:-1] if session.format == "JSON_LIST" and payload.startswith(b"[{") else payload
        ),
    )


@liar()
def sends_text_frames_which_is_as_good(patch: pytest.MonkeyPatch) -> None:
    flush = Session.flush

    def lying_flush(self: Session, now: float) -> None:
        if not self._deflates:
            self._out[:] = [b"\x81" + part[1:] if _is_head(part) else part for part in self._out]
        flush(self, now)

    patch.setattr(Session, "flush", lying_flush)


def _is_head(part: bytes) -> bool:
    return len(part) in (2, 4, 10) and part[:1] == b"\x82"


# Errors.


@liar("P3.5")
def calls_an_error_by_another_name(patch: pytest.MonkeyPatch) -> None:
    _frames(patch, lambda session, payload: payload.replace(b'"NO_CODES"', b'"INVALID_PARAM"'))


@liar("P7.1")
def says_more_in_an_error(patch: pytest.MonkeyPatch) -> None:
    _frames(patch, lambda session, payload: payload.replace(b'{"error":{', b'{"error":{"code":1,'))


def _closes(patch: pytest.MonkeyPatch, code: int | None) -> None:
    close = line.Line.close

    def lying_close(self: line.Line, right: int, text: str, reason: str) -> None:
        if not reason.startswith("error"):
            close(self, right, text, reason)
        elif code is not None:
            close(self, code, text, reason)

    patch.setattr(line.Line, "close", lying_close)


@liar("P7.3")
def closes_with_1011_after_an_error(patch: pytest.MonkeyPatch) -> None:
    _closes(patch, 1011)


@liar("P7.3")
def does_not_close_after_an_error(patch: pytest.MonkeyPatch) -> None:
    _closes(patch, None)


# Authentication.


@liar("P2.5")
def takes_a_nonce_twice(patch: pytest.MonkeyPatch) -> None:
    verify = TokenVerifier.verify

    def lying_verify(self: TokenVerifier, authorization: str | None) -> str:
        self._nonces.clear()
        return verify(self, authorization)

    patch.setattr(TokenVerifier, "verify", lying_verify)


@liar("P2.4")
def takes_hs256_with_any_secret(patch: pytest.MonkeyPatch) -> None:
    check = TokenVerifier._checked_payload

    def lying_check(self: TokenVerifier, token: str) -> dict[str, Any]:
        head, payload, _ = token.split(".")
        if '"HS256"' in _decoded(head):
            claims: dict[str, Any] = json.loads(_decoded(payload))
            return claims
        return check(self, token)

    patch.setattr(TokenVerifier, "_checked_payload", lying_check)


def _decoded(part: str) -> str:
    import base64

    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)).decode()


# Life of a line.

LIARS.append(Liar("closes_an_idle_line_too_early", frozenset({"P6.1"}), settings={"idle_timeout": 3.0}))


@liar("P6.2")
def says_goodbye_to_an_idle_line(patch: pytest.MonkeyPatch) -> None:
    finish = line.Line.finish

    def lying_finish(self: line.Line, reason: str) -> None:
        if reason == "idle":
            self.close(1001, "", reason)
        else:
            finish(self, reason)

    patch.setattr(line.Line, "finish", lying_finish)


@liar("P6.3")
def answers_no_pings(patch: pytest.MonkeyPatch) -> None:
    class Silent(ServerProtocol):
        def send_frame(self, frame: Frame) -> None:
            if frame.opcode is not Opcode.PONG:
                super().send_frame(frame)

    patch.setattr(line, "ServerProtocol", Silent)


@liar("P6.4")
def sends_pings_of_its_own(patch: pytest.MonkeyPatch) -> None:
    open_ = Hub.open

    def lying_open(self: Hub, session: Session) -> None:
        open_(self, session)
        session.push_raw(b"\x89\x00")

    patch.setattr(Hub, "open", lying_open)


@liar("P6.6")
def tells_its_status_once(patch: pytest.MonkeyPatch) -> None:
    _frames(
        patch,
        lambda session, payload: (
            None if payload == b'{"status":"UP"}' and session.frames_sent and not session.wishes else payload
        ),
    )


# Limits.

LIARS.append(Liar("counts_no_messages_of_a_second", frozenset({"P8.2"}), settings={"messages_per_second": None}))
LIARS.append(Liar("counts_no_messages_of_a_minute", frozenset({"P8.3"}), settings={"messages_per_minute": None}))
LIARS.append(Liar("takes_ten_times_as_many_connects", frozenset({"P8.1"}), settings={"connects_per_second": 500}))


@liar("P5.5")
def counts_no_questions(patch: pytest.MonkeyPatch) -> None:
    from upbit_ws_qt.exchange.acceptor import Acceptor

    take = Acceptor.on_message

    def lying_take(self: Acceptor, asked: Any, message: bytes) -> None:
        session = self._lines[asked]
        if session is not None and b"LIST_SUBSCRIPTIONS" in message and not session.doomed:
            self._hub.take(session, message)
        else:
            take(self, asked, message)

    patch.setattr(Acceptor, "on_message", lying_take)


@liar("P8.6")
def says_nothing_of_its_limits(patch: pytest.MonkeyPatch) -> None:
    accept = line.Line.accept
    patch.setattr(line.Line, "accept", lambda self, **how: accept(self, **{**how, "headers": None}))


@liar("P8.7")
def takes_any_number_of_combinations(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(indicator_rules, "MOST_COMBINATIONS", 10_000)


# Indicators.


@liar("P10.5")
def rounds_parameters(patch: pytest.MonkeyPatch) -> None:
    known = indicator_rules.is_known_indicator
    patch.setattr(
        indicator_rules,
        "is_known_indicator",
        lambda stream, kind, params: ("multiplier", Decimal("2.04")) in params or known(stream, kind, params),
    )

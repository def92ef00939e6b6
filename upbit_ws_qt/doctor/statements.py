"""The protocol as numbered statements: docs/protocol.md is made of them, tests carry their numbers, checks answer them.

A number is never given to another statement: what is no longer true is taken out and its number stays free.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["SECTIONS", "STATEMENTS", "Source", "Statement", "statement"]


class Source(StrEnum):
    """How a statement is known."""

    DOCUMENTED = "documented"
    """The exchange's own documentation says so."""
    SEEN = "seen"
    """It was observed on the real exchange; no document says so."""
    UNSURE = "unsure"
    """Reports disagree, or nobody has shown it."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One thing that can be true or false of an exchange.

    Attributes:
        number: "P", the section, a dot, and the place in it.
        source: how it is known.
        text: what is stated, for people.
        regions: where it holds; all regions where it is empty.
        unchecked: why no examination can tell, "" where one can.
        untested: why no test of this project holds it, "" where one does.
    """

    number: str
    source: Source
    text: str
    regions: tuple[str, ...] = ()
    unchecked: str = ""
    untested: str = ""

    @property
    def section(self) -> str:
        """The number of its section, "P3" of "P3.7"."""
        return self.number.partition(".")[0]


SECTIONS: dict[str, str] = {
    "P1": "Endpoints and handshake",
    "P2": "Authentication",
    "P3": "Requests",
    "P4": "What is subscribed",
    "P5": "LIST_SUBSCRIPTIONS",
    "P6": "Keeping a line open",
    "P7": "Errors",
    "P8": "Limits",
    "P9": "Messages",
    "P10": "Indicators",
    "P11": "Regions",
    "P12": "REST beside it",
}

_D, _S, _U = Source.DOCUMENTED, Source.SEEN, Source.UNSURE
_KR = ("kr",)
_ABROAD = ("sg", "id", "th")
_WRITES = "it would take orders, which an examination never places"
_WAITS = "it cannot be brought about by somebody who only reads"


def _s(number: str, source: Source, text: str, **more: str | tuple[str, ...]) -> Statement:
    return Statement(number, source, text, **more)  # type: ignore[arg-type]


STATEMENTS: tuple[Statement, ...] = (
    # Endpoints and handshake.
    _s("P1.1", _D, "The public endpoint, `/websocket/v1`, carries `ticker`, `trade`, `orderbook` and `candle.{unit}` without a token."),
    _s("P1.2", _D, "The private endpoint, `/websocket/v1/private`, carries `myOrder`, `myAsset` and, in Korea, `announcement`, to whoever shows a token."),
    _s("P1.3", _D, "The info endpoint, `/websocket/v1/info`, carries `indicator` and `indicator_signal`, to whoever shows a token; the key needs no permission.", regions=_KR),
    _s("P1.4", _U, "A type that belongs to another endpoint is refused with `INVALID_PARAM`."),
    _s("P1.5", _D, "The real addresses take TLS 1.2 or newer."),
    _s("P1.6", _D, "Messages are compressed (`permessage-deflate`) only for a client that offers it."),
    _s("P1.7", _S, "A message is UTF-8 JSON. It comes in a binary frame, though a text frame would be as good."),
    _s("P1.8", _S, "`api.upbit.com` has several addresses, of which another may answer when one does not."),
    # Authentication.
    _s("P2.1", _D, "`Authorization: Bearer` and a JWT of `access_key` and `nonce`, signed with HS512 and the secret as it is (no base64), opens the private endpoints; no other claim is needed."),
    _s("P2.2", _D, "HS256 and HS384 open them too."),
    _s("P2.3", _D, "Without a token there is `INVALID_AUTH`."),
    _s("P2.4", _D, "A token with a wrong signature gets `INVALID_AUTH`, whatever the algorithm."),
    _s("P2.5", _D, "A nonce that was used before gets `INVALID_AUTH`, also in another token."),
    _s("P2.6", _D, "`myAsset` needs the key's permission to view assets and `myOrder` the one to view orders; `announcement` and the indicators need none.", unchecked="which permissions a key has can only be seen in its owner's account"),
    # Requests.
    _s("P3.1", _S, "A request is one JSON array of objects; a bare object or plain text is `WRONG_FORMAT`."),
    _s("P3.2", _D, "A request without a ticket is `NO_TICKET`."),
    _s("P3.3", _D, "The ticket is a label: a request with another ticket replaces what was subscribed under the first one as well."),
    _s("P3.4", _D, "A request without a type is `NO_TYPE`."),
    _s("P3.5", _D, "A type that needs codes and has none is `NO_CODES`."),
    _s("P3.6", _S, "An unknown type is `INVALID_PARAM`."),
    _s("P3.7", _D, "`myAsset` with `codes` is `WRONG_FORMAT`."),
    _s("P3.8", _D, "`myOrder` without codes, or with an empty list of them, means every market."),
    _s("P3.9", _S, "The same type may stand in several type objects of one request."),
    _s("P3.10", _S, "The format object may stand in second place as well as last."),
    _s("P3.11", _S, "Without a format object the format is DEFAULT."),
    _s("P3.12", _S, "`isOnlySnapshot` and `isOnlyRealtime` are still understood for `is_only_snapshot` and `is_only_realtime`."),
    _s("P3.13", _D, "A request is refused as a whole: what is right in it is not served either."),
    _s("P3.14", _S, "An unknown code, or one in lower case, is no error: there is no data for it, and the rest flows."),
    _s("P3.15", _D, "Candles come in the units 1s, 1m, 3m, 5m, 10m, 15m, 30m, 60m and 240m."),
    _s("P3.16", _D, "`KRW-BTC.15` asks for a book of 15 levels; 1, 5, 15 and 30 are known, none or any other number gives 30. The messages carry the bare code."),
    _s("P3.17", _D, "`level` groups the order book of a KRW market, and its messages say so.", regions=_KR),
    _s("P3.18", _D, "An unsupported `level` brings no data and no error.", regions=_KR),
    _s("P3.19", _D, "Nothing acknowledges a request: the first thing that comes is data, or an error."),
    _s("P3.20", _S, "A request may name every market there is (855 codes, 9.5 kB)."),
    _s("P3.21", _U, "`is_only_snapshot` together with `is_only_realtime` is `INVALID_PARAM`."),
    # What is subscribed.
    _s("P4.1", _D, "A new request replaces all that the line was subscribed to, whatever the types."),
    _s("P4.2", _S, "After the switch at most one or two messages of a dropped stream still come."),
    _s("P4.3", _D, "Without a flag there is one SNAPSHOT for each code at once, then REALTIME (public types only)."),
    _s("P4.4", _D, "`is_only_snapshot` brings the snapshot and nothing more."),
    _s("P4.5", _D, "`is_only_realtime` brings no snapshot."),
    _s("P4.6", _D, "Private and info types send no snapshot."),
    _s("P4.7", _S, "A subscription that is asked for again sends the last trade once more as its SNAPSHOT."),
    # LIST_SUBSCRIPTIONS.
    _s("P5.1", _D, "`LIST_SUBSCRIPTIONS` is answered with `method`, `result` and the `ticket` of the question."),
    _s("P5.2", _D, "The result names each type with its codes, and the level of order books."),
    _s("P5.3", _D, "The result of info types also has `timeframe` and `indicators`.", regions=_KR),
    _s("P5.4", _D, "The question changes nothing but the format of the running streams, which becomes its own (DEFAULT where it has none)."),
    _s("P5.5", _D, "The question counts as a message for the limits."),
    _s("P5.6", _D, "In the SIMPLE formats the answer's keys are `mthd`, `rslt`, `tckt`, `ty`, `cds` and `lv`."),
    # Keeping a line open.
    _s("P6.1", _D, "A line on which nothing is sent is closed by the exchange: after 120 s, it is documented; after 60.5 s, it was seen."),
    _s("P6.2", _S, "That end comes without a close frame (1006)."),
    _s("P6.3", _D, "The exchange answers ping frames."),
    _s("P6.4", _S, "It sends no ping frames of its own."),
    _s("P6.5", _S, "Ping frames alone keep a line open."),
    _s("P6.6", _D, 'The text `PING` makes it send `{"status":"UP"}` every 10 s of its own clock, on a line without subscriptions too.'),
    # Errors.
    _s("P7.1", _D, 'An error is `{"error": {"name": …, "message": …}}` in every format, its keys in any order.'),
    _s("P7.2", _D, "Its name is one of `INVALID_AUTH`, `WRONG_FORMAT`, `NO_TICKET`, `NO_TYPE`, `NO_CODES`, `INVALID_PARAM`, `TOO_MANY_REQUEST`."),
    _s("P7.3", _S, "After an error the exchange closes the line with code 1000, and all its subscriptions are gone."),
    _s("P7.4", _S, "That close comes 150 to 180 ms after the error (Korea, seen from there).", regions=_KR),
    _s("P7.5", _S, "The message is text for people, in Korean on the Korean exchange.", unchecked="texts are no promise, and nothing should depend on them"),
    # Limits.
    _s("P8.1", _D, "Five connects a second, counted per address, or per sub-account of the key; one more gets HTTP 429."),
    _s("P8.2", _D, "Five messages a second on a line; one more is `TOO_MANY_REQUEST`."),
    _s("P8.3", _D, "A hundred messages a minute on a line; one more is `TOO_MANY_REQUEST`."),
    _s("P8.4", _D, "A request that carries an `Origin` header is served once in ten seconds.", unchecked="a client never sends one, and the next ten seconds would be lost"),
    _s("P8.5", _D, "Who goes on gets 418 and a block that grows; the body says how long it lasts.", unchecked="it would block whoever uses the same address"),
    _s("P8.6", _S, "The answer of a handshake carries `remaining-req: group=websocket; min=…; sec=…`: what is left of the connects, not of the messages."),
    _s("P8.7", _D, "One request may ask for 100 indicator combinations, codes times indicators summed over its type objects; more is `TOO_MANY_REQUEST`.", regions=_KR),
    _s("P8.8", _D, "A header that comes twice may be merged, or the request refused with 400.", unchecked="a client sends each header once"),
    # Messages.
    _s("P9.1", _D, "Prices, sizes and times of the public types are JSON numbers, of any spelling (`109868000.0`, `1.16539E8`, `6E-8`), never text."),
    _s("P9.2", _D, "A `ticker` has its documented fields."),
    _s("P9.3", _D, "A `trade` has its documented fields."),
    _s("P9.4", _D, "An `orderbook` has its documented fields (`level` not in Indonesia)."),
    _s("P9.5", _D, "A candle has its documented fields."),
    _s("P9.6", _D, "In the SIMPLE formats each field has its documented short key."),
    _s("P9.7", _D, "The LIST formats wrap each message in an array of one."),
    _s("P9.8", _D, "A ticker's `trade_date` is `yyyyMMdd` and its `trade_time` `HHmmss`; those of a trade are `yyyy-MM-dd` and `HH:mm:ss`; all are UTC."),
    _s("P9.9", _D, "`sequential_id` is another one for each trade; it does not give their order."),
    _s("P9.10", _D, "Each `orderbook` message is the whole book, with as many levels as were asked for."),
    _s("P9.11", _S, "A thin book is filled up with zero prices and zero sizes.", unchecked=_WAITS),
    _s("P9.12", _D, "A candle comes at most once a second, and only where a trade has changed it; the last message of one start counts."),
    _s("P9.13", _D, "A quiet market's candle snapshot is the last candle that exists."),
    _s("P9.14", _S, "A snapshot may be minutes old: no latency can be told from it."),
    _s("P9.15", _S, "Times are milliseconds (once, in 2023, a book carried microseconds)."),
    _s("P9.16", _D, "`stream_type` is SNAPSHOT or REALTIME in every public message."),
    _s("P9.17", _D, "What takes one of a few documented values (`ask_bid`, `change`, `market_state` …) takes one of them."),
    _s("P9.18", _S, "`myOrder` and `myAsset` come only when something happens in the account."),
    _s("P9.19", _D, "`myOrder` has its documented fields, `smp_type` among them since 2026-11-09."),
    _s("P9.20", _D, "`myAsset` has its documented fields."),
    _s("P9.21", _D, "An `announcement` comes on publication and change only, with `body` where it was asked for; it may be null.", regions=_KR),
    _s("P9.22", _D, "`smp_type` is `none`, `reduce`, `cancel_maker` or `cancel_taker`; `cancel_maker` where an order names none, `none` for a post_only order, which is refused with any other.", unchecked=_WRITES),
    _s("P9.23", _S, "A new trade may come with an older `sequential_id`, and the same book twice; a message may come before its SNAPSHOT.", unchecked=_WAITS),
    # Indicators.
    _s("P10.1", _D, "An indicator names `timeframe` (5m, 15m, 60m, 240m, 1d) and `indicators` (type and params).", regions=_KR),
    _s("P10.2", _D, "There are six: volume, rsi, moving_average, ma_crossover, bollinger_bands, macd.", regions=_KR),
    _s("P10.3", _D, "A numeric parameter that comes as text or as an array is `WRONG_FORMAT`.", regions=_KR),
    _s("P10.4", _D, "A value or a combination that is not supported is `INVALID_PARAM`.", regions=_KR),
    _s("P10.5", _D, "2, 2.0 and 2.00 are the same value, and 2.04 is refused.", regions=_KR),
    _s("P10.6", _D, "A signal names its trigger, and `event_params` where the trigger takes one.", regions=_KR),
    _s("P10.7", _D, "Indicators exist for KRW markets only.", regions=_KR),
    _s("P10.8", _D, "They come when their candle closes, and a signal when its condition turns true; its messages always have `event_params`.", regions=_KR, unchecked="the shortest candle lasts longer than an examination"),
    _s("P10.9", _D, "SIMPLE shortens the keys inside `params`, `event_params` and `value` of messages, but not those of requests.", regions=_KR),
    # Regions.
    _s("P11.1", _S, "Singapore, Indonesia and Thailand have no info endpoint.", regions=_ABROAD),
    _s("P11.2", _D, "They have no `announcement`: a request for it is refused.", regions=_ABROAD),
    _s("P11.3", _S, "In Indonesia any `level` in a request is `WRONG_FORMAT`.", regions=("id",)),
    _s("P11.4", _S, "In Indonesia the messages of order books carry no `level`.", regions=("id",)),
    _s("P11.5", _S, "Their errors are in English.", regions=_ABROAD),
    _s("P11.6", _S, "The close after an error comes 603 to 810 ms after it (Indonesia).", regions=("id",)),
    _s("P11.7", _S, "IDR prices are spelt with an exponent, `1.55141E9`.", regions=("id",)),
    # REST.
    _s("P12.1", _D, "`GET /v1/market/all` lists `market`, `korean_name` and `english_name` of each pair."),
    _s("P12.2", _D, "Each answer carries `Remaining-Req: group=…; min=…; sec=…`."),
    _s("P12.3", _D, "`GET /v1/ticker` has all its documented fields, as numbers and not as text."),
    _s("P12.4", _D, "`GET /v1/candles/minutes/{unit}` gives the newest first, and `to` leaves out a candle that starts then."),
    _s("P12.5", _D, "`GET /v1/orderbook/instruments` gives `tick_size` as text and `supported_levels` as a list of texts."),
    _s("P12.6", _D, "An unknown pair gets 404 and an `error` with a name and a message."),
)  # fmt: skip

_BY_NUMBER = {each.number: each for each in STATEMENTS}


def statement(number: str) -> Statement:
    """Return the statement of a number; KeyError where there is none."""
    return _BY_NUMBER[number]

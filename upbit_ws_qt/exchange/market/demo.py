"""What happens by itself in a demonstration: a small trader with a routine, and announcements, some of them nasty."""

from __future__ import annotations

from decimal import ROUND_DOWN, Decimal
from random import Random
from typing import TYPE_CHECKING, Protocol

from .numbers import from_units, kst_time

if TYPE_CHECKING:
    from collections.abc import Sequence

    from upbit_ws_qt.exchange.messages import BookSide, Change

    from .account import Account

_FIRST_TRADE_MS, _TRADE_EVERY_MS = 8_000, 9_000
_FIRST_NOTICE_MS, _NOTICE_EVERY_MS = 5_000, 60_000
_LARGEST_SHARE = 20  # a twentieth of what is free goes into one order
_LEAST = {"KRW": Decimal(20_000), "SGD": Decimal(20), "IDR": Decimal(200_000), "THB": Decimal(400)}
_EIGHT_PLACES = Decimal("1e-8")

_DAY_SECONDS = 86_400
DAY = "{day}"
"""In a title: the day after it is published, MM/DD in Korea."""

# (title, category, body). The hostile ones are what a program must survive: markup, length, direction marks, links.
NOTICES: tuple[tuple[str, str, str | None], ...] = (
    (
        "[거래] 신규 디지털 자산 거래 지원 안내 (KRW, BTC, USDT 마켓)",
        "trade",
        "거래 지원 시작 시점은 변동될 수 있습니다.",
    ),
    (f"[점검] 서버 점검 안내 ({DAY} 02:00 ~ 04:00)", "maintenance", "점검 중에는 거래와 입출금이 일시 중단됩니다."),
    (
        '<b>공지</b> <img src=x onerror="alert(1)"> <a href="javascript:alert(1)">여기를 누르세요</a>',
        "notice",
        '<table width="99999999"><tr><td><font size=7>&lt;script&gt;alert(1)&lt;/script&gt;</font></table>',
    ),
    ("[입출금] 지갑 점검에 따른 입출금 일시 중단 안내", "wallet", None),
    ("매우 긴 제목 " + "가나다라마바사아자차카타파하" * 300, "service", "아주 긴 본문입니다. " * 3000),
    ("[이벤트] 출석하고 보상 받기", "event", "참여 방법: https://upbit.com/event"),
    (
        "입금 주소 변경 안내 \u202egnp.exe\u202c \u2066숨은 방향\u2069 \u200b\u0007\u001b[31m",
        "digital_asset",
        "\u202e거꾸로 보이는 글\u202c",
    ),
    (
        "당첨을 축하합니다 http://upbit.com.example.net/login file:///etc/passwd https://upbit.com@192.0.2.1/",
        "event",
        "https://user:password@example.net/ data:text/html,<h1>x</h1>",
    ),
    ("[NFT] 서비스 이용 약관 개정", "nft", "개정 약관은 30일 뒤부터 적용됩니다."),
    ('{"type":"ticker","code":"KRW-BTC","trade_price":1}', "trading", "\u0000\ufffd\U0001f680" * 20),
)


class DemoWorld(Protocol):
    """What the script acts on."""

    account: Account

    def sides(self, code: str) -> tuple[BookSide, BookSide] | None:
        """Return asks and bids of a pair."""

    def publish_announcement(self, title: str, category: str, body: str | None, url: str | None) -> list[Change]:
        """Publish an announcement."""

    def update_announcement(
        self, uuid: str, title: str | None, category: str | None, body: str | None, url: str | None
    ) -> list[Change]:
        """Alter an announcement."""


class DemoScript:
    """A routine that repeats for ever and leaves nothing behind: every order it places comes to an end."""

    def __init__(self, world: DemoWorld, codes: Sequence[str], seed: int, start_ms: int) -> None:
        self._world = world
        self._codes = codes
        self._random = Random(f"demo {seed}")
        self._next_trade_ms = start_ms + _FIRST_TRADE_MS
        self._next_notice_ms = start_ms + _FIRST_NOTICE_MS
        self._open = ""
        self._steps = self._placed = 0
        self._notices = 0
        self._notice: str | None = None

    def play(self, now_ms: int, out: list[Change]) -> None:
        """Do what is due at the end of a second."""
        if now_ms >= self._next_trade_ms:
            self._next_trade_ms = now_ms + _TRADE_EVERY_MS + self._random.randrange(_TRADE_EVERY_MS)
            self._trade(out)
        if now_ms >= self._next_notice_ms:
            self._next_notice_ms = now_ms + _NOTICE_EVERY_MS
            self._announce(now_ms, out)

    def _trade(self, out: list[Change]) -> None:
        account = self._world.account
        order = account.order(self._open)
        if order is None or not order.is_open:
            self._place(out)
            return
        self._steps += 1
        if self._steps == 1 and order.remaining > 3:  # a part first, now and then at a better price
            out += account.fill(order.uuid, from_units(order.remaining * self._random.randrange(2, 7) // 10))
            return
        fate = self._random.random()
        if fate < 0.6:
            out += account.fill(order.uuid)
        elif fate < 0.85:
            out += account.cancel(order.uuid)
        else:
            out += account.prevent(order.uuid, from_units(-(-order.remaining // 2)))

    def _place(self, out: list[Change]) -> None:
        code = self._random.choice(self._codes)
        side = self._random.choice(("BID", "ASK"))
        sides = self._world.sides(code)
        if sides is None:
            return
        quote, base = code.split("-")
        balances = self._world.account.balances()
        free = balances[quote][0] if side == "BID" else balances.get(base, (Decimal(0),))[0]
        amount = (free / _LARGEST_SHARE).quantize(_EIGHT_PLACES, ROUND_DOWN)
        best = from_units(sides[1].prices[0])
        if (amount if side == "BID" else amount * best) < _LEAST[quote]:
            return
        self._steps = 0
        self._placed += 1
        if self._random.random() < 0.25:
            out += self._market_order(code, side, amount)
            return
        place = min(self._random.randrange(4), len(sides[0].prices) - 1, len(sides[1].prices) - 1)
        price = from_units((sides[1] if side == "BID" else sides[0]).prices[place])
        volume = amount if side == "ASK" else (amount / price).quantize(_EIGHT_PLACES, ROUND_DOWN)
        changes = self._world.account.place(code, side, "limit", price, volume, identifier=f"demo-{self._placed}")
        self._open = changes[0].uuid
        out += changes

    def _market_order(self, code: str, side: str, amount: Decimal) -> list[Change]:
        account = self._world.account
        if side == "BID":
            return account.place(code, side, "price", price=amount)
        return account.place(code, side, "market", volume=amount)

    def _announce(self, now_ms: int, out: list[Change]) -> None:
        if self._notice is not None and self._notices % 3 == 0 and self._random.random() < 0.7:
            title = self._title((self._notices - 1) % len(NOTICES), now_ms)
            out += self._world.update_announcement(self._notice, f"{title} (수정)", None, None, None)
            self._notice = None
            return
        number = self._notices % len(NOTICES)
        _, category, body = NOTICES[number]
        self._notices += 1
        changes = self._world.publish_announcement(self._title(number, now_ms), category, body, None)
        self._notice = changes[0].uuid
        out += changes

    def _title(self, number: int, now_ms: int) -> str:
        """Return a title; one that names a day names the next one, so that nothing is announced for the past."""
        _, month, day = kst_time(now_ms // 1000 + _DAY_SECONDS)[:10].split("-")
        return NOTICES[number][0].replace(DAY, f"{month}/{day}")

"""What happens by itself in a demonstration: a small trader with a routine, and announcements."""

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
_FIRST_NOTICE_MS, _NOTICE_EVERY_MS = 3_000, 60_000
_SOON, _NOTICE_SOON_MS = 4, 6_000  # the first ones come closer together, so that a newcomer sees a list
_LARGEST_SHARE = 20  # a twentieth of what is free goes into one order
_LEAST = {"KRW": Decimal(20_000), "SGD": Decimal(20), "IDR": Decimal(200_000), "THB": Decimal(400)}
_EIGHT_PLACES = Decimal("1e-8")

_DAY_SECONDS = 86_400
DAY = "{day}"
"""In a title or body: the day after it is published, MM/DD in Korea."""

# (title, category, body), of the kinds that the real exchange publishes; the first ones come soon after each other.
NOTICES: tuple[tuple[str, str, str | None], ...] = (
    (
        "[거래] 온도파이낸스(ONDO) BTC, USDT 마켓 추가 안내",
        "trade",
        f"거래 지원 개시: {DAY} 14:00 예정\n거래 지원 개시 시점은 유동성 확보 상황에 따라 변경될 수 있습니다.",
    ),
    (
        "[입출금] 솔라나(SOL) 네트워크 업그레이드에 따른 입출금 일시 중단 안내",
        "wallet",
        "네트워크의 안정성이 확인되는 대로 입출금을 재개하겠습니다. 거래는 정상적으로 이용하실 수 있습니다.",
    ),
    ("[이벤트] 첫 거래 고객 수수료 쿠폰 지급", "event", "대상: 이벤트 기간 중 처음으로 거래를 체결한 고객"),
    (
        "[안내] 호가 모아보기 단위 변경 안내",
        "service",
        "거래 화면에서 고를 수 있는 호가 모아보기 단위가 일부 마켓에서 바뀝니다. 호가 단위는 그대로입니다.",
    ),
    (
        f"[점검] 서버 정기 점검 안내 ({DAY} 02:00 ~ 04:00)",
        "maintenance",
        "점검 중에는 거래와 입출금이 일시 중단되며, 미체결 주문은 유지됩니다.",
    ),
    (
        f"[거래] 거래 유의 종목 지정 연장 안내 (심사 결과 발표 {DAY})",
        "digital_asset",
        "지정 사유가 해소되었는지 추가로 검토하고 있으며, 결과는 별도 공지로 안내드리겠습니다.",
    ),
    ("[입출금] 이더리움(ETH) 입출금 재개 안내", "wallet", None),
    ("[공지] 개인정보 처리방침 개정 안내", "notice", "개정된 처리방침은 공지일로부터 7일 뒤에 시행됩니다."),
    ("[NFT] 드롭스 신규 컬렉션 안내", "nft", "자세한 일정은 NFT 홈에서 확인하실 수 있습니다."),
    (
        "[API] WebSocket 지표(indicator) 스트림 안내",
        "service",
        "RSI, MACD, 볼린저 밴드 등 지표를 실시간으로 구독하실 수 있습니다.\nhttps://docs.upbit.com/kr/reference",
    ),
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
            self._announce(now_ms, out)
            self._next_notice_ms = now_ms + (_NOTICE_EVERY_MS if self._notices >= _SOON else _NOTICE_SOON_MS)

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
        text = None if body is None else _dated(body, now_ms)
        changes = self._world.publish_announcement(self._title(number, now_ms), category, text, None)
        self._notice = changes[0].uuid
        out += changes

    def _title(self, number: int, now_ms: int) -> str:
        return _dated(NOTICES[number][0], now_ms)


def _dated(text: str, now_ms: int) -> str:
    """Return a text; one that names a day names the next one, so that nothing is announced for the past."""
    _, month, day = kst_time(now_ms // 1000 + _DAY_SECONDS)[:10].split("-")
    return text.replace(DAY, f"{month}/{day}")

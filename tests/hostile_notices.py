"""Announcements that a program must survive: markup, length, direction marks, links (title, category, body)."""

from __future__ import annotations

__all__ = ["HOSTILE_NOTICES"]

HOSTILE_NOTICES: tuple[tuple[str, str, str | None], ...] = (
    (
        '<b>공지</b> <img src=x onerror="alert(1)"> <a href="javascript:alert(1)">여기를 누르세요</a>',
        "notice",
        '<table width="99999999"><tr><td><font size=7>&lt;script&gt;alert(1)&lt;/script&gt;</font></table>',
    ),
    ("[입출금] 지갑 점검에 따른 입출금 일시 중단 안내", "wallet", None),
    ("매우 긴 제목 " + "가나다라마바사아자차카타파하" * 300, "service", "아주 긴 본문입니다. " * 3000),
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
    ('{"type":"ticker","code":"KRW-BTC","trade_price":1}', "trading", "\u0000\ufffd\U0001f680" * 20),
)

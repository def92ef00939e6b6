"""Outside text is one printable line, whatever it was."""

from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from upbit_ws_qt.text import safe_text


@given(st.one_of(st.text(), st.binary()), st.integers(1, 600))
def test_nothing_moves_the_cursor_and_nothing_is_longer_than_asked(raw: str | bytes, limit: int) -> None:
    text = safe_text(raw, limit)
    assert len(text) <= limit + 1
    assert not {unicodedata.category(c) for c in text} & {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    text.encode("utf-8")


def test_escapes_are_visible() -> None:
    assert safe_text("a\x1b[31mred\nb") == "a\\x1b[31mred\\nb"
    assert safe_text("\u202egnp.exe") == "\\u202egnp.exe"
    assert safe_text(b"\xff\xfe") == "\\xff\\xfe"
    assert safe_text("\ud800") == "\\ud800"
    assert safe_text("비트코인") == "비트코인"
    assert safe_text("tag\U000e0041 and\u00a0space") == "tag\\U000e0041 and\u00a0space"


def test_cut_text_shows_that_it_was_cut() -> None:
    assert safe_text("x" * 501) == "x" * 500 + "…"
    assert safe_text("x" * 500) == "x" * 500
    assert safe_text(memoryview(b"y" * 5), 3) == "yyy…"
    assert safe_text("\n" * 3, 4) == "\\n\\n…"

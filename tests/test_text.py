"""Outside text is one printable line, whatever it was."""

from __future__ import annotations

import copy
import pickle
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from upbit_ws_qt.text import Phrase, safe_text


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


def test_a_phrase_is_its_english_text_and_remembers_its_parts() -> None:
    line = Phrase("public")
    lost = Phrase("{line} is lost for {seconds:.1f} s: {cause}", line=line, seconds=2.345, cause="reset {by} peer")
    assert lost == "public is lost for 2.3 s: reset {by} peer"
    assert isinstance(lost, str)
    assert lost.template == "{line} is lost for {seconds:.1f} s: {cause}"
    assert lost.values["line"] is line
    assert (line.template, line.values) == ("public", {})


def test_a_phrase_says_a_tuple_as_a_list() -> None:
    assert Phrase("{lines} are late", lines=(Phrase("public"), Phrase("info"))) == "public, info are late"


def test_a_phrase_may_have_braces_where_it_has_no_values() -> None:
    assert Phrase("{}") == "{}"


def test_a_phrase_stays_one_where_it_is_safe_and_short() -> None:
    phrase = Phrase("lost for {seconds} s", seconds=3)
    assert safe_text(phrase) is phrase
    assert not isinstance(safe_text(phrase, 4), Phrase)
    assert not isinstance(safe_text(Phrase("lost: {why}", why="a\x1b[31mb")), Phrase)


def test_a_phrase_survives_being_copied() -> None:
    phrase = Phrase("lost for {seconds} s", seconds=3)
    for other in (copy.deepcopy(phrase), pickle.loads(pickle.dumps(phrase))):  # noqa: S301 - our own bytes
        assert (other, other.template, other.values) == (phrase, phrase.template, phrase.values)

"""Searching by 초성."""

from __future__ import annotations

import unicodedata

import pytest

from widgets.base.hangul import initials, matches


def test_first_consonants() -> None:
    assert initials("비트코인 SV") == "ㅂㅌㅋㅇ SV"
    assert initials("쀍가힣") == "ㅃㄱㅎ"


@pytest.mark.parametrize("query", ["ㅂㅌ", "ㅂㅌㅋㅇ", "비ㅌ", "ㅂ트", "트코", "ㅋㅇ", "", "비트 코인", "비트코인"])
def test_found(query: str) -> None:
    assert matches(query, "비트코인")


@pytest.mark.parametrize("query", ["ㅌㅂ", "ㅂㅋ", "빗", "btc", "ㅂㅌㅋㅇㅇ"])
def test_not_found(query: str) -> None:
    assert not matches(query, "비트코인")


def test_case_and_composition_do_not_matter() -> None:
    assert matches("BITC", "Bitcoin")
    assert matches(unicodedata.normalize("NFD", "비트"), "비트코인")
    assert matches("ㅂㅌ", unicodedata.normalize("NFD", "비트코인"))

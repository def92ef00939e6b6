"""Statements, checks, tests and the page: no number is missing anywhere, and none dangles."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from tools.protocol_page import PAGE, marked_tests, page
from upbit_ws_qt.doctor import CHECKS, SECTIONS, STATEMENTS, Statement, statement
from upbit_ws_qt.doctor.fields import FIELDS, fields_of, short_names

ROOT = Path(__file__).parents[2]
NUMBERS = {each.number for each in STATEMENTS}
MENTIONED = re.compile(r"\bP\d{1,2}\.\d{1,2}\b")


def test_numbers_are_unique_in_order_and_of_their_sections() -> None:
    numbers = [each.number for each in STATEMENTS]
    assert len(numbers) == len(NUMBERS)
    assert [(int(s[1:]), int(n)) for s, _, n in (number.partition(".") for number in numbers)] == sorted(
        (int(s[1:]), int(n)) for s, _, n in (number.partition(".") for number in numbers)
    )
    assert {each.section for each in STATEMENTS} == set(SECTIONS)


@pytest.mark.parametrize("each", STATEMENTS, ids=lambda each: each.number)
def test_each_statement_is_asked_once_or_says_why_not(each: Statement) -> None:
    asked = Counter(number for check in CHECKS for number in check.numbers)
    assert asked[each.number] == (0 if each.unchecked else 1)


def test_no_check_answers_what_is_not_stated() -> None:
    assert {number for check in CHECKS for number in check.numbers} <= NUMBERS


@pytest.mark.parametrize("each", STATEMENTS, ids=lambda each: each.number)
def test_each_statement_is_held_by_a_test_or_says_why_not(each: Statement) -> None:
    assert bool(marked_tests().get(each.number)) is not bool(each.untested)


def test_no_test_holds_what_is_not_stated() -> None:
    assert marked_tests().keys() <= NUMBERS


def test_no_number_is_mentioned_that_does_not_exist() -> None:
    places = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]
    for folder in ("upbit_ws_qt", "widgets", "tests", "tools", "benchmarks", "examples"):
        places += (ROOT / folder).rglob("*.py")
    for path in places:
        dangling = set(MENTIONED.findall(path.read_text("utf-8"))) - NUMBERS
        assert not dangling, path


def test_the_page_is_what_statements_and_tests_make_it() -> None:
    assert PAGE.read_text("utf-8") == page(), "python -m tools.protocol_page writes it anew"


def test_the_page_names_every_statement_once() -> None:
    rows = re.findall(r"^\| (P\d+\.\d+) \|", PAGE.read_text("utf-8"), re.MULTILINE)
    assert rows == [each.number for each in STATEMENTS]


def test_a_number_that_is_not_there_is_an_error() -> None:
    assert statement("P3.2").section == "P3"
    with pytest.raises(KeyError):
        statement("P3.999")


def test_fields_have_names_in_both_spellings() -> None:
    assert fields_of("candle.15m") == FIELDS["candle"]
    assert fields_of("nothing") == ()
    assert short_names("trade")["sid"] == "sequential_id"

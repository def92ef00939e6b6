"""A question of a widget is told once, from the loop, and ends with the widget."""

from __future__ import annotations

import asyncio

import pytest
from PyQt6 import sip
from PyQt6.QtCore import QObject

from tests.waiting import until
from upbit_ws_qt import RestError
from widgets.base.asking import Question

pytestmark = pytest.mark.qasync_loop


async def _forever(given_up: list[str]) -> object:
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        given_up.append("given up")
        raise
    return None


async def _answered(value: object) -> object:
    await asyncio.sleep(0)
    if isinstance(value, Exception):
        raise value
    return value


async def test_the_answer_is_told_outside_of_every_task(qapp: object) -> None:
    asker = QObject()
    told: list[object] = []
    question = Question(_answered(7), asker)
    question.done.connect(lambda value: told.append((value, asyncio.current_task())))
    await until(lambda: told)
    assert told == [(7, None)]
    await until(lambda: not asker.children())


async def test_what_went_wrong_is_told_as_it_is(qapp: object) -> None:
    error, asker = RestError("/x", "market", "network", "nothing listens there"), QObject()
    told: list[object] = []
    Question(_answered(error), asker).failed.connect(told.append)
    await until(lambda: told)
    assert told == [error]


async def test_who_is_deleted_is_told_nothing_and_asks_no_more(qapp: object) -> None:
    given_up: list[str] = []
    asker = QObject()
    Question(_forever(given_up), asker)
    await asyncio.sleep(0)
    sip.delete(asker)
    await until(lambda: given_up)


async def test_who_cancels_is_told_nothing_also_where_the_answer_is_there_already(qapp: object) -> None:
    given_up: list[str] = []
    asker = QObject()
    told: list[object] = []
    first, second = Question(_forever(given_up), asker), Question(_answered(7), asker)
    for each in (first, second):
        each.done.connect(told.append)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    for each in (first, second, second):
        each.cancel()
    await until(lambda: given_up and not asker.children())
    assert told == []


async def test_a_mistake_of_ours_stays_loud(qapp: object) -> None:
    reported: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context.get("exception")))
    asker, mistake = QObject(), ZeroDivisionError("x")
    Question(_answered(mistake), asker)
    await until(lambda: reported)
    assert reported == [mistake]

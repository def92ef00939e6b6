"""`help()` of what a user names tells each setting, member and signal; bad arguments are refused in words."""

from __future__ import annotations

import dataclasses
import inspect
import re

import pytest
from PyQt6.QtCore import QCoreApplication, pyqtSignal

from tests.qt.serving import served
from upbit_ws_qt import (
    BackpressureStrategy,
    ConnectionState,
    Delivery,
    ServiceConfig,
    Subscription,
    WebSocketClientProxy,
    WebSocketService,
)
from upbit_ws_qt.qt.channel import Channel


def described(owner: type) -> set[str]:
    text = inspect.getdoc(owner) or ""  # from Python 3.13 on the compiler takes the indentation away, too
    return set(re.findall(r"^ {4}(\w+)(?:: |\(.*\): |\()", text, re.MULTILINE))


def test_each_setting_says_what_it_means() -> None:
    assert {field.name for field in dataclasses.fields(ServiceConfig)} <= described(ServiceConfig)


@pytest.mark.parametrize("enumeration", [Delivery, BackpressureStrategy, ConnectionState])
def test_each_member_says_what_it_means(enumeration: type[Delivery]) -> None:
    assert {member.name for member in enumeration} <= described(enumeration)


@pytest.mark.parametrize("owner", [WebSocketService, Subscription, Channel])
def test_each_signal_is_listed_with_its_arguments(owner: type) -> None:
    signals = {name for name, value in vars(owner).items() if isinstance(value, pyqtSignal)}
    listed = set(re.findall(r"(\w+)\(", owner.__doc__ or ""))
    assert signals <= listed, signals - listed


@served()
async def test_arguments_that_cannot_be_meant_are_refused_in_words(service: WebSocketService) -> None:
    with pytest.raises(TypeError, match="service="):
        WebSocketClientProxy("x", service)
    for name in ("", 5):
        with pytest.raises(TypeError, match="non-empty text"):
            WebSocketClientProxy(name, service=service)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="ServiceConfig"):
        WebSocketService({"a": 1})  # type: ignore[arg-type]
    assert QCoreApplication.instance() is not None

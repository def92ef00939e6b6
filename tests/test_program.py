"""What the program's manager and service agree on."""

from __future__ import annotations

import pytest

from upbit_ws_qt.config import ServiceConfig
from upbit_ws_qt.errors import ConfigurationError
from upbit_ws_qt.program import Program

ONE, OTHER = (
    ServiceConfig.testing(ping_interval=7.0),
    ServiceConfig.testing(ping_interval=8.0, proxy="http://a:pass@b:1"),
)


class Part:
    """A part of a program: all that there is to know of it."""

    def __init__(self, config: ServiceConfig) -> None:
        self.config = config
        self.is_usable = True


def test_the_part_that_lives_says_with_which_configuration() -> None:
    program, part = Program(), Part(ONE)
    assert program.settle(None) is None
    assert program.settle(OTHER) is OTHER
    program.claim("service", lambda: part)
    assert program.living("service") is part
    assert program.living("manager") is None
    assert program.config_of("service") is program.config is ONE
    assert program.settle(None) is ONE
    assert program.settle(ServiceConfig.testing(ping_interval=7.0)) is ONE


def test_another_configuration_is_refused_by_the_names_of_what_differs_and_without_secrets() -> None:
    program, part = Program(), Part(ONE)
    program.claim("manager", lambda: part)
    with pytest.raises(ConfigurationError) as caught:
        program.settle(OTHER)
    assert {"proxy", "ping_interval"} == set(ONE.differences(OTHER))
    assert caught.value.field in ("config.proxy", "config.ping_interval")
    assert "also different" in caught.value.allowed
    assert "pass" not in str(caught.value)


def test_a_part_that_is_over_says_nothing_more() -> None:
    program, part = Program(), Part(ONE)
    program.claim("manager", lambda: part)
    part.is_usable = False
    assert program.living("manager") is None
    assert program.settle(OTHER) is OTHER
    program.claim("manager", lambda: None)
    assert program.config is None

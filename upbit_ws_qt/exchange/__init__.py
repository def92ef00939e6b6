"""An Upbit of our own on loopback; shares no code with the client."""

from __future__ import annotations

from .messages import Change
from .requests import RequestRefusedError
from .server import EmbeddedExchange
from .settings import ExchangeSettings, SettingsError
from .views import ConnectionView, Counters
from .world import World, WorldSettings

__all__ = [
    "Change",
    "ConnectionView",
    "Counters",
    "EmbeddedExchange",
    "ExchangeSettings",
    "RequestRefusedError",
    "SettingsError",
    "World",
    "WorldSettings",
]

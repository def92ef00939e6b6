"""An Upbit of our own on loopback; shares no code with the client."""

from __future__ import annotations

from .faultlist import Fault, FaultName
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
    "Fault",
    "FaultName",
    "RequestRefusedError",
    "SettingsError",
    "World",
    "WorldSettings",
]

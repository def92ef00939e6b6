"""An Upbit of our own on loopback; shares no code with the client."""

from __future__ import annotations

from .by_hand import PlacedOrder
from .faultlist import Fault, FaultName
from .market.by_hand import ByHandError
from .market.orders import OrderRejectedError, OrderView
from .messages import Change
from .requests import RequestRefusedError
from .server import EmbeddedExchange
from .settings import ExchangeSettings, SettingsError
from .views import ConnectionView, Counters
from .world import World, WorldSettings

__all__ = [
    "ByHandError",
    "Change",
    "ConnectionView",
    "Counters",
    "EmbeddedExchange",
    "ExchangeSettings",
    "Fault",
    "FaultName",
    "OrderRejectedError",
    "OrderView",
    "PlacedOrder",
    "RequestRefusedError",
    "SettingsError",
    "World",
    "WorldSettings",
]

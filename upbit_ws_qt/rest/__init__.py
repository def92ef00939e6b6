"""What the exchange's REST interface knows: the past, the account, and the list of markets; asked within its limits."""

from __future__ import annotations

from upbit_ws_qt.rest.budget import BudgetUsage
from upbit_ws_qt.rest.client import RestClient
from upbit_ws_qt.rest.models import (
    ChanceAccount,
    ChanceMarket,
    ChanceSide,
    MarketWarnings,
    RestAccount,
    RestApiKey,
    RestCandle,
    RestInstrument,
    RestMarket,
    RestOrder,
    RestOrderbook,
    RestOrderbookUnit,
    RestOrderChance,
    RestOrderTrade,
    RestTicker,
    RestTrade,
)
from upbit_ws_qt.rest.questions import CANDLE_UNITS

__all__ = [
    "CANDLE_UNITS",
    "BudgetUsage",
    "ChanceAccount",
    "ChanceMarket",
    "ChanceSide",
    "MarketWarnings",
    "RestAccount",
    "RestApiKey",
    "RestCandle",
    "RestClient",
    "RestInstrument",
    "RestMarket",
    "RestOrder",
    "RestOrderChance",
    "RestOrderTrade",
    "RestOrderbook",
    "RestOrderbookUnit",
    "RestTicker",
    "RestTrade",
]

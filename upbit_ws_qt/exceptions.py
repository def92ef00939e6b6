"""The errors, under the name by which the project's first documents import them; they are written in `errors`."""

from __future__ import annotations

from upbit_ws_qt.errors import *  # noqa: F403 - the same names, and nothing else
from upbit_ws_qt.errors import __all__ as __all__

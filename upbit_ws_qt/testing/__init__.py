"""For tests of programs that are built on this package: a pytest plugin, and what tests assert.

The plugin (`upbit_ws_qt.testing.plugin`) is found by pytest itself wherever the package is installed. See
docs/testing.md.
"""

from __future__ import annotations

from upbit_ws_qt.testing.wishes import assert_no_wishes, assert_wishes

__all__ = ["assert_no_wishes", "assert_wishes"]

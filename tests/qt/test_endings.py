"""However a program ends, nothing of it is left for PyQt to delete at the interpreter's exit, and nothing crashes."""

from __future__ import annotations

import pytest

from tools.exits import WAYS, run_once

# Each kind of end once; `make soak` takes all ways to it.
FIRST = {
    "window closed",
    "quit while a coroutine has a dialog open",
    "the QApplication goes before a window that is kept",
    "SIGTERM",
    "sys.exit in a callback",
    "the setup raises",
    "own loop, nothing stopped or closed",
    "own loop, lines in threads of their own",
    "the QApplication is deleted early",
    "the loop's Qt objects are deleted before the service",
    "example quickstart",
}
# The desktop program's own test is tests/widgets/test_program_process.py.
OURS = [name for name in WAYS if not name.startswith("desktop")]


def test_what_is_asked_first_is_there() -> None:
    assert set(OURS) > FIRST


@pytest.mark.parametrize(
    "name", [each if each in FIRST else pytest.param(each, marks=pytest.mark.soak) for each in OURS]
)
def test_a_program_ends_with_its_exit_code_and_leaves_no_python_code_to_the_interpreters_exit(name: str) -> None:
    well, code, errors = run_once(name)
    assert well, f"exit code {code}\n{errors}"

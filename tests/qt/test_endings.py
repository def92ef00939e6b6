"""However a program ends, nothing of it is left for PyQt to delete at the interpreter's exit, and nothing crashes."""

from __future__ import annotations

import pytest

from tools.exits import WAYS, run_once


# The desktop program's own test is tests/widgets/test_program_process.py.
@pytest.mark.parametrize("name", [name for name in WAYS if not name.startswith("desktop")])
def test_a_program_ends_with_its_exit_code_and_leaves_no_python_code_to_the_interpreters_exit(name: str) -> None:
    well, code, errors = run_once(name)
    assert well, f"exit code {code}\n{errors}"

"""All time and chance of the rooms come from one object."""

from __future__ import annotations

import ast
import uuid
from pathlib import Path

from upbit_ws_qt.computer import Computer

ROOT = Path(__file__).parents[1] / "upbit_ws_qt"
MAY = ("qt", "doctor", "testing")  # they live in real time


def test_ids_are_uuids_that_never_come_twice() -> None:
    computer = Computer()
    ids = {computer.new_id() for _ in range(1000)}
    assert len(ids) == 1000
    assert all(uuid.UUID(each).version == 4 for each in ids)


def test_no_room_draws_from_a_generator_without_a_seed() -> None:
    """What ruff cannot see: `Random()` takes its seed from the system."""
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in sorted(ROOT.rglob("*.py"))
        if path.relative_to(ROOT).parts[0] not in MAY
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and not node.args and _name(node.func) == "Random"
    ]
    assert not found


def _name(called: ast.expr) -> str:
    return called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")

"""Log text from outside forges nothing; JSON parses; files rotate and are private."""

from __future__ import annotations

import io
import json
import logging
import stat
from typing import TYPE_CHECKING

import pytest

from upbit_ws_qt.monitoring.logs import JsonFormatter, SafeFormatter, configure_logging, remove_logging

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

logger = logging.getLogger("upbit_ws_qt.tests")
HOSTILE = "price\n2026-01-01T00:00:00.000Z CRITICAL upbit_ws_qt: forged\x1b[2J\u202eevil\x00"


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger("upbit_ws_qt")
    level, others = root.level, root.handlers[:]
    output = io.StringIO()
    handler = configure_logging(stream=output)
    yield output
    remove_logging(handler)
    root.setLevel(level)
    assert root.handlers == others


@pytest.mark.parametrize("formatter", [SafeFormatter(), JsonFormatter()])
def test_hostile_text_stays_on_one_line_without_control_characters(
    stream: io.StringIO, formatter: logging.Formatter
) -> None:
    logging.getLogger("upbit_ws_qt").handlers[-1].setFormatter(formatter)
    logger.warning("unknown type %s", HOSTILE)
    text = stream.getvalue()
    assert text.count("\n") == 1
    assert not any(sign in text for sign in ("\x1b", "\u202e", "\x00"))
    assert "forged" in text


def test_a_traceback_cannot_pass_for_a_record(stream: io.StringIO) -> None:
    try:
        raise ValueError(HOSTILE)
    except ValueError:
        logger.exception("callback failed")
    first, *rest = stream.getvalue().splitlines()
    assert "callback failed" in first
    assert all(line.startswith("    | ") for line in rest)
    assert any("ValueError" in line for line in rest)


def test_messages_are_cut(stream: io.StringIO) -> None:
    logger.warning("x" * 100_000)
    assert len(stream.getvalue()) < 700


def test_a_deep_traceback_is_cut(stream: io.StringIO) -> None:
    def fall(depth: int) -> None:
        if depth:
            fall(depth - 1)
        else:
            raise ValueError("a\n" * 500)

    try:
        fall(50)
    except ValueError:
        logger.exception("deep")
    assert len(stream.getvalue().splitlines()) <= 63
    assert "lines left out" in stream.getvalue()


def test_json_has_the_record_its_extras_and_its_traceback(stream: io.StringIO) -> None:
    logging.getLogger("upbit_ws_qt").handlers[-1].setFormatter(JsonFormatter())
    try:
        raise KeyError("código")
    except KeyError:
        logger.exception("가격 %d", 7, extra={"ws_type": "public", "epoch": 4, "obj": object})
    entry = json.loads(stream.getvalue())
    assert (entry["level"], entry["logger"], entry["message"]) == ("ERROR", "upbit_ws_qt.tests", "가격 7")
    assert (entry["ws_type"], entry["epoch"]) == ("public", 4)
    assert entry["obj"] == "<class 'object'>"
    assert entry["time"].endswith("Z")
    assert any("KeyError" in line for line in entry["traceback"])


def test_a_file_rotates_and_is_private(tmp_path: Path) -> None:
    path = tmp_path / "logs" / "desk.log"
    handler = configure_logging(path, json_lines=True, max_bytes=2_000, backups=2)
    try:
        for number in range(200):
            logger.warning("line %d", number)
    finally:
        remove_logging(handler)
    files = sorted(path.parent.iterdir())
    assert [file.name for file in files] == ["desk.log", "desk.log.1", "desk.log.2"]
    assert all(file.stat().st_size <= 2_000 for file in files)
    assert all(stat.S_IMODE(file.stat().st_mode) == 0o600 for file in files)
    assert json.loads(path.read_text(encoding="utf-8").splitlines()[-1])["message"] == "line 199"


def test_websockets_never_logs_its_headers(stream: io.StringIO) -> None:
    assert stream.getvalue() == ""
    assert not logging.getLogger("websockets.client").isEnabledFor(logging.DEBUG)


def test_a_place_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        configure_logging(tmp_path / "file" / "desk.log")

"""The files of alarms: read back exactly, replaced at once, put aside where they are damaged."""

from __future__ import annotations

import json
import os
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from widgets.alarm_rules import files
from widgets.alarm_rules.files import AlarmFile, AlarmFileError, FiringLog, Stored
from widgets.alarm_rules.judges import Memory
from widgets.alarm_rules.rules import Alarm, Crossing, IndicatorLevel, Keyword, NewListing, PriceLevel, Repeat
from widgets.alarm_rules.seen import Basis
from widgets.alarm_rules.watch import AlarmState, Firing

if TYPE_CHECKING:
    from pathlib import Path

D = Decimal
LEVEL = Alarm("a", PriceLevel(D("0.00001234")), "BTC-XRP", Repeat.BAR, comment="메모")
WORDS = Alarm("b", Keyword("점검, airdrop"), on=False)
RSI = Alarm("c", IndicatorLevel("rsi", (14.0,), "value", Crossing.DOWN, D(30), "15m"), "KRW-BTC")
ALL = Stored((LEVEL, WORDS, RSI), {"a": AlarmState(3, 99, memory=Memory(at=5, price=D("0.1")))})


def firing(number: int) -> Firing:
    return Firing("a", LEVEL.condition, "BTC-XRP", number, {"price": str(number)}, Basis.GAP, 2)


def test_what_was_written_is_read_back_exactly(tmp_path: Path) -> None:
    file = AlarmFile(tmp_path / "new" / "alarms.json")
    assert file.read() == Stored()
    file.write(ALL)
    assert AlarmFile(file.path).read() == ALL
    assert file.path is not None
    assert file.path.stat().st_mode & 0o077 == 0
    assert [each.name for each in file.path.parent.iterdir()] == ["alarms.json"]


def test_without_a_path_nothing_is_kept() -> None:
    file = AlarmFile(None)
    file.write(ALL)
    assert file.read() == Stored()


def test_a_crash_while_writing_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = AlarmFile(tmp_path / "alarms.json")
    file.write(ALL)

    def crash(descriptor: int) -> None:
        raise OSError(28, "no space left")

    monkeypatch.setattr(os, "fsync", crash)
    with pytest.raises(OSError, match="no space"):
        file.write(Stored())
    assert file.read() == ALL
    assert [each.name for each in tmp_path.iterdir()] == ["alarms.json"]


@pytest.mark.parametrize(
    ("data", "usable"),
    [
        (b"", 0),
        (b"not json", 0),
        (b'{"version":1,"alarms":7}', 0),
        (b'{"version":2,"alarms":[]}', 0),
        (b'{"version":1,"alarms":[{"id":"x","condition":{"kind":"price","price":"-1"},"market":"KRW-BTC"}]}', 0),
        (b'{"version":1,"alarms":[{"id":"x","condition":{"kind":"order","sell":"all"},"market":"KRW-BTC"}]}', 0),
        (b"[" * 100_000, 0),
        (
            b'{"version":1,"alarms":[{"id":"x","condition":{"kind":"listing"}},{"id":"x","condition":{"kind":"lost"}},'
            b'{"id":"x","condition":{"kind":"listing"}}]}',
            1,
        ),
    ],
)
def test_a_damaged_file_is_a_typed_error_and_nothing_of_it_is_lost(tmp_path: Path, data: bytes, usable: int) -> None:
    path = tmp_path / "alarms.json"
    path.write_bytes(data)
    with pytest.raises(AlarmFileError) as told:
        AlarmFile(path).read()
    error = told.value
    assert (error.path, len(error.usable.alarms)) == (path, usable)
    assert error.aside is not None
    assert error.aside.read_bytes() == data
    assert str(error.aside.name) in str(error)
    assert AlarmFile(path).read() == error.usable, "what is in force survives the next start, too"


def test_the_good_alarms_of_a_damaged_file_stay_in_force(tmp_path: Path) -> None:
    path = tmp_path / "alarms.json"
    AlarmFile(path).write(ALL)
    plain = json.loads(path.read_bytes())
    plain["alarms"][1]["condition"]["words"] = " "
    plain["states"]["a"]["fired"] = "three"
    for number in (1, 2):
        path.write_text(json.dumps(plain))
        file = AlarmFile(path)
        with pytest.raises(AlarmFileError) as told:
            file.read()
        assert told.value.usable == Stored((LEVEL, RSI))
        assert told.value.aside == tmp_path / f"alarms.damaged-{number}.json"


def test_a_file_that_cannot_be_read_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "alarms.json"
    path.mkdir()
    file = AlarmFile(path)
    with pytest.raises(AlarmFileError) as told:
        file.read()
    assert told.value.aside is None
    with pytest.raises(PermissionError):
        file.write(ALL)


def test_more_than_could_be_read_back_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MOST_BYTES", 50)
    with pytest.raises(ValueError, match="more than 50"):
        AlarmFile(tmp_path / "alarms.json").write(ALL)


_JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.integers() | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(("id", "kind", "condition", "price", "market", "on")), inner)
    ),
    max_leaves=8,
)


@given(alarms=st.lists(_JSON, max_size=4), states=st.dictionaries(st.sampled_from("abc"), _JSON))
def test_whatever_stands_in_the_file_is_no_other_error(
    tmp_path_factory: pytest.TempPathFactory, alarms: list[object], states: dict[str, object]
) -> None:
    path = tmp_path_factory.mktemp("alarms") / "alarms.json"
    good = json.loads(b'{"id":"z","condition":{"kind":"listing"}}')
    path.write_text(json.dumps({"version": 1, "alarms": [*alarms, good], "states": states}))
    try:
        read = AlarmFile(path).read()
    except AlarmFileError as error:
        read = error.usable
    assert Alarm("z", NewListing()) in read.alarms


def test_firings_are_kept_over_restarts(tmp_path: Path) -> None:
    path = tmp_path / "firings.jsonl"
    log = FiringLog(path)
    log.read()
    for number in range(3):
        log.add(firing(number))
    again = FiringLog(path)
    again.read()
    assert again.firings == log.firings == tuple(firing(number) for number in range(3))


def test_a_line_that_a_crash_cut_off_is_counted_and_the_others_stay(tmp_path: Path) -> None:
    path = tmp_path / "firings.jsonl"
    log = FiringLog(path)
    log.add(firing(1))
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:20])
    again = FiringLog(path)
    again.read()
    assert (again.firings, again.unread) == ((firing(1),), 1)
    assert (tmp_path / "firings.damaged-1.jsonl").read_bytes() == whole + whole[:20]
    again.add(firing(2))
    third = FiringLog(path)
    third.read()
    assert (third.firings, third.unread) == ((firing(1), firing(2)), 0)


def test_the_log_is_bounded_on_disk_and_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MOST_FIRINGS", 5)
    path = tmp_path / "firings.jsonl"
    log = FiringLog(path)
    for number in range(40):
        log.add(firing(number))
        assert len(path.read_bytes().splitlines()) <= 11
    assert log.firings == tuple(firing(number) for number in range(35, 40))
    again = FiringLog(path)
    again.read()
    assert again.firings == log.firings
    monkeypatch.setattr(files, "MOST_BYTES", 10)
    too_long = FiringLog(path)
    too_long.read()
    assert (too_long.firings, too_long.unread) == ((), 1)
    assert (tmp_path / "firings.damaged-1.jsonl").exists()

"""The page of figures is what the commands printed, and what the counts are compared with is recorded."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from benchmarks import counts, figures
from benchmarks._curves import Series, drawn, ticks

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("language", figures.PAGES)
def test_the_page_is_what_the_commands_printed(language: str) -> None:
    assert figures.PAGES[language].read_text("utf-8") == figures.page(language)


@pytest.mark.parametrize("language", figures.PAGES)
def test_the_curves_are_what_the_commands_printed_and_the_page_shows_them(language: str) -> None:
    end = "" if language == "en" else f".{language}"
    shown = set(re.findall(r"images/(curve-[\w.-]+\.svg)", figures.page(language)))
    pictures = {f"curve-{name}{end}.svg": picture for name, picture in figures.curves(language).items()}
    assert shown == pictures.keys()
    for name, picture in pictures.items():
        assert (figures.IMAGES / name).read_text("utf-8") == picture


@pytest.mark.parametrize("name", figures.COMMANDS)
def test_each_command_of_the_page_is_there(name: str) -> None:
    module = figures.COMMANDS[name].arguments.split()[0]
    assert (ROOT / f"{module.replace('.', '/')}.py").exists()
    assert figures.Output.read(name).command == figures.COMMANDS[name].line


def test_a_command_that_prints_something_else_is_not_believed() -> None:
    with pytest.raises(ValueError, match="nothing printed looks like"):
        figures.Row("a", "b", r"took (\d+) ms", "{0}").figure("took no time")


def test_a_curve_has_a_point_for_each_figure_but_zero() -> None:
    picture = drawn("ms", "streams", [Series("all", [1, 10, 100], [0.5, 0, 20]), Series("<one>", [1, 10], [1, 2])])
    root = ElementTree.fromstring(picture)  # noqa: S314 - our own picture
    assert len(root.findall(".//{*}circle")) == 4
    assert [line.get("points", "").count(",") for line in root.findall(".//{*}polyline")] == [2, 2]
    assert ticks(3, 3) == [1, 10]


def test_the_same_work_has_as_many_steps_each_time() -> None:
    def work() -> None:
        sum(number * number for number in range(100))

    taken = []
    for _ in range(2):
        with counts.Steps() as steps:
            work()
        taken.append(steps.count)
    assert taken[0] == taken[1] > 300


def test_what_got_a_fifth_worse_is_named_and_so_is_what_nobody_recorded() -> None:
    kept = {"a": 1.0, "b": 1.0, "gone": 1.0}
    assert counts.worse({"a": 1.2, "b": 1.21, "new": 0.1}, kept) == ["b", "gone", "new"]
    assert counts.worse(kept, kept) == []


def test_every_version_of_python_that_is_supported_has_a_record() -> None:
    kept = counts.recorded()
    assert kept.keys() == {"3.11", "3.12", "3.13"}
    assert len({tuple(each) for each in kept.values()}) == 1

"""Any panel any number of times: linked by colour or pinned, in grids, and in windows of their own."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from PyQt6.QtCore import QPoint, QRect, QSize, Qt
from PyQt6.QtWidgets import QApplication, QMenu, QMessageBox

from tests.waiting import until
from tests.widgets.desk import desk, turn, window_of
from tests.widgets.showing import click, move_mouse, press
from tests.widgets.test_arrangements import menu_of, settled
from widgets.base.panel import Panel, PanelState
from widgets.chart.choice import ChosenFormula
from widgets.chart.drawings import DrawingKind
from widgets.chart.panel import ChartWidget
from widgets.program.store import MOST_PERSPECTIVES, Layout, Store, layout_from, layout_to_plain
from widgets.program.workspace_file import WorkspaceFileError, read_workspace, write_workspace
from widgets.window.dock_header import DockHeader
from widgets.window.layout import (
    MOST_OF_A_KIND,
    MOST_WINDOWS,
    Arrangement,
    Leaf,
    SidePlace,
    Split,
    arrangement_from,
    arrangement_to_plain,
    is_panel,
)
from widgets.window.links import NO_LINKS, LinkColour, LinkGroup, Links, PanelLink, Share, links_from, links_to_plain
from widgets.window.moving import into_new_window, into_next_window, without
from widgets.window.panels import PANELS
from widgets.window.perspectives import BUILT_IN
from widgets.window.places import placed
from widgets.window.symbol_search import SymbolSearch

if TYPE_CHECKING:
    from pathlib import Path

    from widgets.window.main_window import MainWindow

pytestmark = [
    pytest.mark.qasync_loop,
    pytest.mark.usefixtures("let_go"),
    pytest.mark.qt_log_ignore("does not support grabbing the", extend=True),  # offscreen
]


def chart(window: MainWindow, name: str) -> ChartWidget:
    found = window.panels[name]
    assert isinstance(found, ChartWidget)
    return found


def header(window: MainWindow, name: str) -> DockHeader:
    found = window.docks[name].titleBarWidget()
    assert isinstance(found, DockHeader)
    return found


def choose(menu: QMenu, words: str) -> None:
    """Trigger what a menu calls by these words."""
    (action,) = [each for each in menu.actions() if each.text().replace("&", "") == words]
    action.trigger()
    menu.close()


async def link_menu(window: MainWindow, name: str) -> QMenu:
    """Press the button of a panel's link; returns the menu that opens."""
    click(header(window, name).link_button)
    await until(lambda: isinstance(QApplication.activePopupWidget(), QMenu))
    menu = QApplication.activePopupWidget()
    assert isinstance(menu, QMenu)
    return menu


# -- plain data -------------------------------------------------------------------------------------------------------
def test_a_panel_is_called_by_its_kind_and_a_further_one_has_a_number() -> None:
    assert is_panel("chart", PANELS)
    assert is_panel("chart#2", PANELS)
    assert is_panel(f"chart#{MOST_OF_A_KIND}", PANELS)
    for wrong in ("chart#1", "chart#02", "chart#", "chart#x", f"chart#{MOST_OF_A_KIND + 1}", "#2", "chart#2#3", "no#2"):
        assert not is_panel(wrong, PANELS)


def test_who_is_linked_shows_the_market_of_its_colour_and_who_is_pinned_its_own() -> None:
    links = NO_LINKS.joined("tape", LinkColour.GREEN, "KRW-ETH", "").joined("chart", LinkColour.GREEN, "KRW-XRP", "5m")
    links = links.joined("order_book", None, "KRW-SOL", "")
    assert links.market_of("tape", "KRW-BTC") == links.market_of("chart", "KRW-BTC") == "KRW-ETH"
    assert links.market_of("order_book", "KRW-BTC") == "KRW-SOL"
    assert links.market_of("quote", "KRW-BTC") == "KRW-BTC"
    links = links.chosen("chart", "KRW-ADA")
    assert links.market_of("tape", "KRW-BTC") == "KRW-ADA"
    assert links.mates("chart", Share.CROSSHAIR, ["chart", "tape", "quote", "order_book"]) == ["tape"]
    assert not links.mates("order_book", Share.CROSSHAIR, ["chart", "tape", "quote"])
    apart = links.sharing(LinkColour.GREEN, Share.MARKET, False).chosen("chart", "KRW-DOT")
    assert apart.market_of("chart", "KRW-BTC") == "KRW-DOT"
    assert apart.market_of("tape", "KRW-BTC") == "KRW-ETH"


def test_links_come_back_from_a_file_and_nonsense_is_left_out() -> None:
    links = Links(
        (PanelLink("chart#2", LinkColour.AMBER, "KRW-ETH", "5m"), PanelLink("tape", None, "BTC-ETH")),
        (LinkGroup(LinkColour.AMBER, frozenset({Share.UNIT}), "KRW-XRP"),),
    )
    plain = json.loads(json.dumps(links_to_plain(links)))
    assert links_from(plain, ["chart#2", "tape"]) == links
    assert links_from(plain, ["tape"]).panels == links.panels[1:]
    odd: tuple[object, ...] = (
        None,
        [],
        {"panels": 3, "groups": {}},
        {"panels": [3], "groups": [None, {"colour": "no"}]},
    )
    for wrong in odd:
        assert links_from(wrong, ["chart"]) == NO_LINKS
    hostile = {"panels": [{"panel": "tape", "colour": [], "symbol": "KRW-BTC\n", "unit": "x" * 99}]}
    assert links_from(hostile, ["tape"]) == Links((PanelLink("tape", None),))


def test_an_arrangement_with_windows_and_links_comes_back_and_names_no_panel_twice() -> None:
    made = Arrangement(
        Leaf(("chart", "chart#2"), "chart#2"),
        windows=(
            SidePlace(Split(True, (0.5, 0.5), (Leaf(("tape",), "tape"), Leaf(("tape#2",), "tape#2"))), 5, 6, 700, 500),
        ),
        links=Links((PanelLink("chart#2", None, "KRW-ETH", "5m"),)),
    )
    plain = json.loads(json.dumps(arrangement_to_plain(made)))
    assert arrangement_from(plain, PANELS) == made
    plain["windows"][0]["root"]["parts"][1]["tabs"] = ["chart#2", "chart#99", 7, "nothing"]
    again = arrangement_from(plain, PANELS)
    assert again is not None
    assert again.panels == ("chart", "chart#2", "tape")


def test_a_panel_goes_into_a_window_of_its_own_and_on_from_window_to_window() -> None:
    begun = BUILT_IN["trading"]
    after = into_new_window(begun, "tape", (1, 2, 600, 400))
    assert set(after.panels) == set(begun.panels)
    assert after.windows[0].root == Leaf(("tape",), "tape")
    both = into_new_window(after, "order_book", (1, 2, 600, 400))
    assert len(both.windows) == 2
    joined = into_next_window(both, "tape")
    assert len(joined.windows) == 1  # the window that it leaves is empty, and gone
    assert set(joined.windows[0].root.parts) == {Leaf(("tape",), "tape"), Leaf(("order_book",), "order_book")}  # type: ignore[union-attr]
    back = into_next_window(joined, "tape")
    assert len(back.windows) == 1
    assert back.windows[0].root == Leaf(("order_book",), "order_book")
    assert set(back.panels) == set(begun.panels)
    assert not without(back, "order_book").windows


def test_there_are_only_so_many_windows() -> None:
    arrangement = BUILT_IN["trading"]
    for name in arrangement.panels:
        arrangement = into_new_window(arrangement, name, (0, 0, 300, 300))
    assert len(arrangement.windows) == MOST_WINDOWS
    assert set(arrangement.panels) == set(BUILT_IN["trading"].panels)


def test_a_further_chart_shares_the_place_of_the_first_one_where_that_is_large_enough() -> None:
    window = BUILT_IN["trading"]
    root = placed(window, "chart#2", QSize(1600, 900), QRect(0, 0, 1600, 900)).root
    small = placed(window, "chart#2", QSize(600, 400), QRect(0, 0, 1600, 900)).root
    assert "chart#2" in Arrangement(root).panels
    assert "chart#2" in Arrangement(small).panels
    assert not any("chart#2" in leaf and len(leaf) > 1 for leaf in leaves(root))
    assert any("chart#2" in leaf and len(leaf) > 1 for leaf in leaves(small))


def leaves(node: object) -> list[tuple[str, ...]]:
    if isinstance(node, Leaf):
        return [node.panels]
    assert isinstance(node, Split)
    return [found for part in node.parts for found in leaves(part)]


def test_a_layout_of_the_last_version_is_read() -> None:
    plain = {
        "version": 2,
        "window": [10, 10, 1300, 800],
        "maximized": False,
        "locked": True,
        "current": arrangement_to_plain(BUILT_IN["market"]),
        "perspective": "mine",
        "own": {"mine": arrangement_to_plain(BUILT_IN["market"])},
        "changed": {"trading": arrangement_to_plain(BUILT_IN["account"])},
    }
    layout = layout_from(json.loads(json.dumps(plain)), PANELS)
    assert layout.locked
    assert layout.current is not None
    assert layout.current.panels == BUILT_IN["market"].panels
    assert set(layout.own) == {"mine"}
    assert layout.changed["trading"].panels == BUILT_IN["account"].panels
    assert layout.changed["trading"].links == NO_LINKS
    again = layout_from(json.loads(json.dumps(layout_to_plain(layout))), PANELS)
    assert again.own == layout.own


def test_a_layout_with_all_that_there_may_be_can_be_written(tmp_path: Path) -> None:
    layout = Layout()
    layout.own = {f"own {number}": BUILT_IN["charts_9"] for number in range(MOST_PERSPECTIVES)}
    layout.changed = {**layout.own, **BUILT_IN}
    store = Store(tmp_path)
    store.save_layout(layout)
    assert store.layout(PANELS).own.keys() == layout.own.keys()


# -- files ------------------------------------------------------------------------------------------------------------
def test_a_file_of_a_perspective_is_read_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    write_workspace(path, "mine", BUILT_IN["charts_9"])
    name, found = read_workspace(path, PANELS)
    assert name == "mine"
    assert found.panels == BUILT_IN["charts_9"].panels
    assert found.links == BUILT_IN["charts_9"].links
    good = path.read_bytes()
    plain = json.loads(good)
    for wrong in (
        b"",
        b"[]",
        good[:-9],
        good.replace(b"chart#2", b"chart#3"),
        json.dumps({**plain, "name": "yours"}).encode(),
        json.dumps({**plain, "version": 2}).encode(),
        b"x" * 2_000_000,
    ):
        path.write_bytes(wrong)
        with pytest.raises(WorkspaceFileError) as caught:
            read_workspace(path, PANELS)
        assert caught.value.path == path
        assert caught.value.reason
    path.write_bytes(good)
    with pytest.raises(WorkspaceFileError):
        read_workspace(path, ["tape"])  # it has panels that are not known here
    with pytest.raises(WorkspaceFileError):
        read_workspace(tmp_path / "none.json", PANELS)


async def test_a_perspective_goes_by_a_file_to_another_desk_and_a_changed_file_takes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    async with desk() as (program, _):
        window = window_of(program)
        menu = await settled(window)
        window.show_panel("order_book")
        window.links.link("order_book", None)
        window.select_symbol("KRW-ETH")
        write_workspace(path, "mine", window.arrangement)
        menu.keep("mine")
    async with desk() as (program, _):
        window = window_of(program)
        menu = await settled(window)
        menu.keep("mine")
        assert menu.import_from(path)
        await settled(window)
        assert set(menu.own) == {"mine", "mine 2"}
        assert menu.current == "mine 2"
        book = window.panels["order_book"]
        assert book.symbol == "KRW-BTC"  # type: ignore[attr-defined]
        before = window.arrangement
        path.write_bytes(path.read_bytes().replace(b"KRW-BTC", b"KRW-XRP"))
        assert not menu.import_from(path)
        (box,) = window.findChildren(QMessageBox)
        assert "changed or damaged" in box.text()
        box.close()
        assert set(menu.own) == {"mine", "mine 2"}
        assert window.arrangement == before


# -- the window -------------------------------------------------------------------------------------------------------
async def test_another_chart_is_added_by_the_menu_and_gone_when_it_is_closed() -> None:
    async with desk() as (program, _):
        window = window_of(program)
        await settled(window)
        (action,) = [
            each
            for menu in menu_of(window).parent().findChildren(QMenu)  # type: ignore[union-attr]
            if menu.title().replace("&", "") == "Another"
            for each in menu.actions()
            if each.text() == "Chart"
        ]
        action.trigger()
        await until(lambda: "chart#2" in window.docks and window.docks["chart#2"].isVisible())
        assert window.docks["chart#2"].windowTitle() == "Chart 2"
        await until(lambda: chart(window, "chart#2").state is PanelState.LIVE)
        assert chart(window, "chart#2").symbol == window.symbol
        window.select_symbol("KRW-ETH")
        assert chart(window, "chart#2").symbol == "KRW-ETH"
        assert window.panel_with_focus == "chart#2"
        assert "chart" in window.arrangement.panels
        click(header(window, "chart#2").close_button)
        await until(lambda: "chart#2" not in window.docks)
        assert "chart#2" not in window.arrangement.panels


async def test_a_kind_that_keeps_a_record_is_there_once_and_of_the_others_only_so_many() -> None:
    async with desk() as (program, _):
        window = window_of(program)
        await settled(window)
        assert window.add_panel("monitor") == ""
        assert window.add_panel("nothing") == ""
        window.setUpdatesEnabled(False)
        names = [window.add_panel("log") for _ in range(MOST_OF_A_KIND)]
        window.setUpdatesEnabled(True)
        assert names[-1] == ""
        assert len(set(names)) == MOST_OF_A_KIND


async def test_a_panel_is_pinned_by_the_mouse_and_linked_to_a_colour_by_the_keyboard() -> None:
    async with desk() as (program, _):
        window = window_of(program)
        await settled(window)
        assert header(window, "log").link_button.isHidden()
        choose(await link_menu(window, "order_book"), "Pin: keep this market")
        window.select_symbol("KRW-ETH")
        assert window.panels["order_book"].symbol == "KRW-BTC"  # type: ignore[attr-defined]
        assert window.panels["tape"].symbol == "KRW-ETH"  # type: ignore[attr-defined]
        assert "keeps its market" in header(window, "order_book").link_button.toolTip()
        window.show_panel("tape")
        menu = window.link_menu()
        assert menu is not None
        choose(menu, "Green")
        menu = await link_menu(window, "order_book")
        choose(menu, "Green")
        assert window.panels["order_book"].symbol == "KRW-ETH"  # type: ignore[attr-defined]
        window.select_symbol("KRW-XRP")
        assert window.panels["tape"].symbol == "KRW-ETH"  # type: ignore[attr-defined]
        window.show_panel("tape")
        search = menu_of(window).search()
        search.line.setText("KRW-SOL")
        press(search.line, Qt.Key.Key_Return)
        assert window.panels["tape"].symbol == window.panels["order_book"].symbol == "KRW-SOL"  # type: ignore[attr-defined]
        assert window.symbol == "KRW-XRP"


async def test_the_menu_of_a_link_finds_another_market_for_a_pinned_panel() -> None:
    async with desk() as (program, _):
        window = window_of(program)
        await settled(window)
        window.links.link("tape", None)
        choose(await link_menu(window, "tape"), "Another market…")
        await until(lambda: bool(window.findChildren(SymbolSearch)))
        (search,) = window.findChildren(SymbolSearch)
        search.line.setText("KRW-ETH")
        press(search.line, Qt.Key.Key_Return)
        assert window.panels["tape"].symbol == "KRW-ETH"  # type: ignore[attr-defined]
        assert window.symbol == "KRW-BTC"


async def test_nine_charts_show_nine_markets_and_share_unit_and_crosshair() -> None:
    async with desk() as (program, _):
        window = window_of(program)
        menu = await settled(window)
        await until(lambda: window.watch_list.state is PanelState.LIVE)
        menu.choose("charts_9")
        await settled(window)
        names = [name for name in window.docks if name.startswith("chart#")]
        charts = [chart(window, name) for name in names]
        assert len(charts) == 9
        listed = set(window.watch_list.model.codes)
        assert len({each.symbol for each in charts}) == min(9, len(listed))
        await until(lambda: all(each.state is PanelState.LIVE for each in charts))
        charts[3].set_unit("5m")
        assert {each.unit for each in charts} == {"5m"}
        assert chart(window, "chart").unit == "1m"
        await until(lambda: all(len(each.series) > 5 for each in charts))
        view = charts[0].view
        await until(lambda: view.frame() is not None)
        move_mouse(view, QPoint(view.width() // 2, view.height() // 3))
        await until(lambda: view.crosshair is not None)
        pointed = charts[4].view
        await until(lambda: pointed.pointer is not None)
        menu.choose("trading")
        await settled(window)
        assert not any(name.startswith("chart#") for name in window.docks)


async def test_four_charts_show_one_market_in_four_units_and_keep_what_is_changed(tmp_path: Path) -> None:
    store = Store(tmp_path)
    async with desk(store) as (program, _):
        window = window_of(program)
        menu = await settled(window)
        menu.choose("charts_4")
        await settled(window)
        assert [chart(window, f"chart#{number}").unit for number in range(2, 6)] == ["1m", "15m", "60m", "days"]
        window.select_symbol("KRW-ETH")
        assert {chart(window, f"chart#{number}").symbol for number in range(2, 6)} == {"KRW-ETH"}
        chart(window, "chart#3").set_unit("30m")
        window.links.link("chart#4", None)
        window.links.choose("chart#4", "KRW-XRP")
        menu.choose("trading")
        await settled(window)
        assert chart(window, "chart").unit == "1m"
    async with desk(store) as (program, _):
        window = window_of(program)
        menu = await settled(window)
        menu.choose("charts_4")
        await settled(window)
        assert chart(window, "chart#3").unit == "30m"
        assert chart(window, "chart#4").symbol == "KRW-XRP"
        menu.reset()
        await settled(window)
        assert chart(window, "chart#3").unit == "15m"
        assert chart(window, "chart#4").symbol == window.symbol


async def test_charts_side_by_side_keep_their_own_look_and_common_drawings(tmp_path: Path) -> None:
    store = Store(tmp_path)
    async with desk(store) as (program, _):
        window = window_of(program)
        await settled(window)
        name = window.add_panel("chart")
        first, second = chart(window, "chart"), chart(window, name)
        plain = first.choice
        second.set_choice(second.choice.with_formulas((ChosenFormula.usual("rsi"),)))
        await until(lambda: first.state is PanelState.LIVE and first.view.frame() is not None)
        first.drawing.choose(DrawingKind.HORIZONTAL)
        click(first.view, QPoint(first.view.width() // 3, first.view.height() // 3))
        assert second.drawings == first.drawings
        assert len(second.drawings) == 1
    async with desk(store) as (program, _):
        window = window_of(program)
        await settled(window)
        assert chart(window, "chart").choice == plain
        assert [each.formula.name for each in chart(window, "chart#2").choice.formulas] == ["rsi"]
        assert len(chart(window, "chart#2").drawings) == 1


async def test_a_panel_goes_to_a_window_of_its_own_and_both_come_back_after_a_restart(tmp_path: Path) -> None:
    store = Store(tmp_path)
    async with desk(store) as (program, _):
        window = window_of(program)
        await settled(window)
        window.show_panel("tape")
        window.move_to_window(new=True)
        assert len(window.windows) == 1
        side = window.windows[0]
        assert window.docks["tape"].parentWidget() is side
        assert side.isVisible()
        tape = window.panels["tape"]
        assert isinstance(tape, Panel)
        await until(lambda: tape.state in (PanelState.LIVE, PanelState.EMPTY))
        await until(lambda: window.panel_with_focus == "tape")
        window.select_symbol("KRW-ETH")
        assert tape.symbol == "KRW-ETH"  # type: ignore[attr-defined]
        side.activateWindow()
        await until(lambda: any(each.shortcut().toString() == "Ctrl+K" for each in side.actions()))
    async with desk(store) as (program, _):
        window = window_of(program)
        await settled(window)
        assert len(window.windows) == 1
        assert window.docks["tape"].parentWidget() is window.windows[0]
        window.show_panel("tape")
        await until(lambda: window.panel_with_focus == "tape")
        window.move_to_window(new=False)
        assert not window.windows
        assert window.docks["tape"].parentWidget() is window
        assert window.docks["tape"].isVisible()


async def test_a_window_that_is_closed_takes_its_panels_along_and_they_can_be_had_again() -> None:
    async with desk() as (program, _):
        window = window_of(program)
        await settled(window)
        window.show_panel("order_book")
        window.move_to_window(new=True)
        name = window.add_panel("order_book")
        window.show_panel(name)
        await until(lambda: window.panel_with_focus == name)
        while window.docks[name].parentWidget() is window:
            window.move_to_window(new=False)
            await turn()
        side = window.windows[0]
        side.close()
        assert not window.windows
        assert name not in window.docks
        assert window.docks["order_book"].isHidden()
        window.show_panel("order_book")
        await until(window.docks["order_book"].isVisible)
        assert window.docks["order_book"].parentWidget() is window

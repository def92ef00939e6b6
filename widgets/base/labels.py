"""Texts that nobody knows in advance: titles, names, errors. They never ask a window for more room than there is."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

from PyQt6.QtCore import QEvent, QPointF, QSize, Qt
from PyQt6.QtGui import QHelpEvent, QPainter, QPalette, QTextLayout, QTextOption
from PyQt6.QtWidgets import QComboBox, QLabel, QToolTip

if TYPE_CHECKING:
    from PyQt6.QtGui import QFont, QPaintEvent
    from PyQt6.QtWidgets import QWidget

__all__ = ["PlainLabel", "breakable", "contained", "plain_label", "tip_text", "wrapped"]

LEAST_EMS = 12
"""A label asks for this width at least, unless its text is shorter; what is longer gives way."""
MOST_EMS = 60
"""A label would like to be so wide at most: what our own words need."""
MOST_LINES = 8
LONGEST = 4000
"""Characters of a text that are laid out at all: nobody reads more than that in a label."""
TIP_COLUMNS = 80
TIP_LINES = 12
_COMBO_CHARACTERS = 14
_ELLIPSIS = "…"
_UNBROKEN = 20  # the widest characters are three times as wide as high: so many of them still fit
_UNBROKEN_ASCII = 60  # an ordinary address stays whole, and whoever copies it gets nothing that cannot be seen
_LONG_WORD = re.compile(rf"\S{{{_UNBROKEN + 1},}}")


class PlainLabel(QLabel):
    """Shows plain text, whoever wrote it, within the room that it is given.

    A line that is too long ends in dots. With `setWordWrap(True)` the text goes on in the next line, between words or,
    where there is no place to break, anywhere, and ends in dots after `most_lines`. What could not be shown is told
    beside the mouse.

    A plain QLabel does neither: a text without a place to break makes it, and so the window around it, as wide as the
    text is long.

    Attributes:
        most_lines: how many lines a wrapped text may take.
    """

    def __init__(self, text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.most_lines = MOST_LINES
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setText(text)

    def minimumSizeHint(self) -> QSize:
        """Return what no layout goes below: little, however long the text is."""
        return self._size(LEAST_EMS)

    def sizeHint(self) -> QSize:
        """Return the room for the whole text, as far as that is reasonable."""
        return self._size(MOST_EMS)

    def heightForWidth(self, width: int) -> int:
        """Return how high a wrapped text is that may be so wide; -1 for one that is not wrapped."""
        if not self.wordWrap():
            return -1
        lines, _ = self._lay_out(width - self._sides(), self.most_lines)
        return len(lines) * self.fontMetrics().lineSpacing() + self._edges()

    def shown_lines(self) -> list[str]:
        """Return what can be read now, line by line."""
        return self._fitted()[0]

    def is_cut(self) -> bool:
        """Whether there is more text than can be shown."""
        return self._fitted()[1]

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw what fits."""
        del event
        painter, area = QPainter(self), self.contentsRect()
        self.paint_back(painter)
        role = self.foregroundRole()
        group = QPalette.ColorGroup.Active if self.isEnabled() else QPalette.ColorGroup.Disabled
        painter.setPen(self.palette().color(group, role))
        lines, _ = self._fitted()
        spacing = self.fontMetrics().lineSpacing()
        height = spacing * len(lines)
        top = float(area.top())
        if self.alignment() & Qt.AlignmentFlag.AlignVCenter:
            top += max(0.0, (area.height() - height) / 2)
        elif self.alignment() & Qt.AlignmentFlag.AlignBottom:
            top += max(0.0, float(area.height() - height))
        across = self.alignment() & Qt.AlignmentFlag.AlignHorizontal_Mask
        for number, line in enumerate(lines):
            layout = QTextLayout(line, self.font())
            option = QTextOption(across or Qt.AlignmentFlag.AlignLeft)
            option.setWrapMode(QTextOption.WrapMode.NoWrap)
            layout.setTextOption(option)
            layout.beginLayout()
            piece = layout.createLine()
            piece.setLineWidth(area.width())
            layout.endLayout()
            layout.draw(painter, QPointF(area.left(), top + number * spacing))
        painter.end()

    def paint_back(self, painter: QPainter) -> None:
        """Paint what stands behind the text; a hook."""

    def event(self, event: QEvent | None) -> bool:
        """Tell what was cut off beside the mouse."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip and not self.toolTip():
            if self.is_cut():
                QToolTip.showText(event.globalPos(), tip_text(self.text()), self)
            else:
                QToolTip.hideText()
            return True
        return super().event(event)

    # -- inside -------------------------------------------------------------------------------------------------------
    def _size(self, ems: int) -> QSize:
        metrics = self.fontMetrics()
        most = metrics.horizontalAdvance("m") * ems
        text = self._plain()
        longest = max((metrics.horizontalAdvance(line[: ems * 8]) for line in text.split("\n")), default=0)
        width = min(longest + 1, most)  # Qt measures to the pixel below
        if self.wordWrap():
            height = max(self.heightForWidth(width + self._sides()), metrics.lineSpacing() + self._edges())
            # A layout asks for the height at the real width; before it can, one line is the least.
            if ems == LEAST_EMS:
                height = metrics.lineSpacing() + self._edges()
        else:
            height = min(text.count("\n") + 1, self.most_lines) * metrics.lineSpacing() + self._edges()
        return QSize(width + self._sides(), height)

    def _sides(self) -> int:
        edges = self.contentsMargins()
        return edges.left() + edges.right() + 2 * self.margin()

    def _edges(self) -> int:
        edges = self.contentsMargins()
        return edges.top() + edges.bottom() + 2 * self.margin()

    def _plain(self) -> str:
        return self.text()[:LONGEST]

    def _fitted(self) -> tuple[list[str], bool]:
        """Return the lines that there is room for, and whether something is missing in them."""
        area, most = self.contentsRect(), self.most_lines
        if self.wordWrap():  # some layouts give less height than was asked for
            most = min(most, max(1, area.height() // self.fontMetrics().lineSpacing()))
        return self._lay_out(area.width(), most)

    def _lay_out(self, width: int, most: int) -> tuple[list[str], bool]:
        """Return at most so many lines that fit into a width, and whether something is missing in them."""
        text, metrics = self._plain(), self.fontMetrics()
        paragraphs = text.split("\n")
        cut = len(self.text()) > LONGEST
        lines: list[str] = []
        if not self.wordWrap():
            for paragraph in paragraphs[:most]:
                line = metrics.elidedText(paragraph, Qt.TextElideMode.ElideRight, max(0, width))
                cut = cut or line != paragraph
                lines.append(line)
            if len(paragraphs) > most:
                lines[-1] = metrics.elidedText(lines[-1] + _ELLIPSIS, Qt.TextElideMode.ElideRight, max(0, width))
                cut = True
            return lines, cut
        for place, paragraph in enumerate(paragraphs):
            pieces = wrapped(paragraph, self.font(), width, most - len(lines) + 1)
            lines += pieces
            rest = place < len(paragraphs) - 1
            if len(lines) > most or (rest and len(lines) == most):
                last = lines[most - 1].rstrip()
                room = max(0, width - metrics.horizontalAdvance(_ELLIPSIS))
                while last and metrics.horizontalAdvance(last) > room:
                    last = last[:-1]
                return [*lines[: most - 1], last + _ELLIPSIS], True
        return lines, cut


def wrapped(text: str, font: QFont, width: int, most: int) -> list[str]:
    """Break a text into at most so many lines of a width (pixels): between words, or else anywhere."""
    if not text:
        return [""]
    layout = QTextLayout(text, font)
    option = QTextOption()
    option.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
    layout.setTextOption(option)
    # Qt counts places in UTF-16 units.
    units = text.encode("utf-16-le", "surrogatepass")
    lines: list[str] = []
    layout.beginLayout()
    for _ in range(most):
        line = layout.createLine()
        if not line.isValid():
            break
        line.setLineWidth(max(1, width))
        start, length = line.textStart(), line.textLength()
        lines.append(units[2 * start : 2 * (start + length)].decode("utf-16-le", "replace"))
    layout.endLayout()
    return lines


def plain_label(text: str, parent: QWidget | None = None) -> PlainLabel:
    """Return a label that takes no text for markup, and none for a reason to widen a window, whoever wrote it."""
    return PlainLabel(text, parent)


def contained(box: QComboBox) -> QComboBox:
    """Have a combo box with texts from outside be as wide as its place is, not as its longest text."""
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    box.setMinimumContentsLength(_COMBO_CHARACTERS)
    view = box.view()
    if view is not None:
        view.setTextElideMode(Qt.TextElideMode.ElideRight)
    return box


def tip_text(text: str) -> str:
    """Return a text for a tool tip: plain, in lines that fit on a screen, and not more of them than do."""
    lines: list[str] = []
    for paragraph in text[: TIP_COLUMNS * (TIP_LINES + 1)].split("\n"):
        rest = paragraph
        while len(rest) > TIP_COLUMNS:
            at = rest.rfind(" ", TIP_COLUMNS // 2, TIP_COLUMNS) + 1 or TIP_COLUMNS
            lines.append(rest[:at].rstrip())
            rest = rest[at:]
        lines.append(rest)
    if len(lines) > TIP_LINES:
        lines = [*lines[:TIP_LINES], _ELLIPSIS]
    elif len(text) > TIP_COLUMNS * (TIP_LINES + 1):
        lines[-1] += _ELLIPSIS
    told = "\n".join(lines)
    if "<" not in told:
        return told
    # Qt takes a tool tip that looks like markup for markup, and would load what it names.
    return f"<p style='white-space: pre'>{html.escape(told)}</p>"


def breakable(text: str, most: int = 500) -> str:
    """Return a text for a message box of Qt: with places to break it, so that it cannot widen the box."""
    cut = text if len(text) <= most else text[:most] + _ELLIPSIS
    lines = cut.split("\n")
    if len(lines) > MOST_LINES:
        cut = "\n".join([*lines[:MOST_LINES], _ELLIPSIS])
    return _LONG_WORD.sub(lambda found: "\u200b".join(_pieces(found[0])), cut)


def _pieces(word: str) -> list[str]:
    most = _UNBROKEN_ASCII if word.isascii() else _UNBROKEN
    return [word[start : start + most] for start in range(0, len(word), most)]

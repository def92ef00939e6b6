"""The query of a REST request: read strictly, and refused with the names of whichever interface was asked.

REST sheet: errors of Quotation are named by integers, those of Exchange by words.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import unquote

from .http import error_body

if TYPE_CHECKING:
    from collections.abc import Sequence

_MOST_PAIRS = 150
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(Z|[+-]\d\d:\d\d)?")
_MILLISECONDS = re.compile(r"\d{12,14}")
_TIME_OF_DAY = re.compile(r"([01]\d|2[0-3]):?([0-5]\d):?([0-5]\d)")


class RestRefusedError(Exception):
    """A request that gets an error; `status`, `name` and the message are its answer."""

    def __init__(self, status: int, name: str | int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.name = name

    @property
    def body(self) -> bytes:
        """The answer's body."""
        return error_body(self.name, str(self))


class Query:
    """The parameters of one request.

    Args:
        raw: What stands behind the question mark, as it was sent.
        quotation: Whether errors are named as Quotation does it.

    Raises:
        RestRefusedError: If it cannot be read at all; also from each method, if its parameter is wrong.
    """

    def __init__(self, raw: str, *, quotation: bool) -> None:
        self._bad_name: str | int = 400 if quotation else "invalid_parameter"
        self._quotation = quotation
        self.hashed = unquote(raw)
        """The query as its hash is made of it: as sent, but for percent signs."""
        self._values: dict[str, list[str]] = {}
        parts = raw.split("&") if raw else []
        if len(parts) > _MOST_PAIRS:
            raise self.bad("Invalid parameter: too many of them.")
        for part in parts:
            name, _, value = part.partition("=")
            # REST sheet 1: the brackets of an array's name stay as they are.
            if "%5b" in name.lower() or "%5d" in name.lower():
                raise self.bad("Invalid parameter: [ and ] are sent unencoded.")
            # A bare plus is a space here: which is why a date with an offset has to be encoded.
            self._values.setdefault(unquote(name), []).append(unquote(value.replace("+", " ")))

    def bad(self, message: str) -> RestRefusedError:
        """Return the error of a parameter that is wrong."""
        return RestRefusedError(400, self._bad_name, message)

    def text(self, name: str) -> str | None:
        """Return a parameter; None where it is missing or empty."""
        values = self._values.get(name)
        if values is None:
            return None
        if len(values) > 1:
            raise self.bad(f"Invalid parameter: {name} is given {len(values)} times.")
        return values[0] or None

    def required(self, name: str) -> str:
        """Return a parameter that must be there."""
        value = self.text(name)
        if value is None:
            raise self.bad(f"Missing parameter: {name}.")
        return value

    def array(self, name: str) -> list[str]:
        """Return the values of `name[]`, in order."""
        return self._values.get(f"{name}[]", [])

    def choice(self, name: str, allowed: Sequence[str], default: str) -> str:
        """Return one of the allowed words."""
        value = self.text(name) or default
        if value not in allowed:
            raise self.bad(f"Invalid parameter: {name} must be one of {', '.join(allowed)}.")
        return value

    def flag(self, name: str) -> bool:
        """Return a boolean, False where it is missing."""
        return self.choice(name, ("true", "false"), "false") == "true"

    def number(self, name: str, low: int, high: int, default: int) -> int:
        """Return a whole number within bounds."""
        value = self.text(name)
        if value is None:
            return default
        if not (value.isascii() and value.isdigit() and len(value) <= 20 and low <= int(value) <= high):
            raise self.bad(f"Invalid parameter: {name} must be between {low} and {high}.")
        return int(value)

    def moment(self, name: str, *, zoned: bool = False, milliseconds: bool = False) -> int | None:
        """Return a date and time as epoch milliseconds; one without zone is UTC, unless it must have one."""
        value = self.text(name)
        if value is None:
            return None
        if milliseconds and _MILLISECONDS.fullmatch(value):
            return int(value)
        found = _MOMENT.fullmatch(value)
        if found is None or (zoned and found[3] is None):
            raise self.bad(f"Invalid parameter: {name} is no date and time: {value}")
        try:
            moment = datetime.fromisoformat(f"{found[1]}T{found[2]}{found[3] or 'Z'}")
        except ValueError as error:
            raise self.bad(f"Invalid parameter: {name} is no date and time: {value}") from error
        return int(moment.timestamp()) * 1000

    def time_of_day(self, name: str) -> int | None:
        """Return a UTC time of day, `HHmmss` or `HH:mm:ss`, as seconds after midnight."""
        value = self.text(name)
        if value is None:
            return None
        found = _TIME_OF_DAY.fullmatch(value)
        if found is None or value.count(":") == 1:
            raise self.bad(f"Invalid parameter: {name} is no time of day: {value}")
        hours, minutes, seconds = map(int, found.groups())
        return hours * 3600 + minutes * 60 + seconds

"""How long a line lives, and what keeps it alive (P6)."""

from __future__ import annotations

import asyncio
import itertools
import socket
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from upbit_ws_qt.doctor.questions import check

if TYPE_CHECKING:
    from upbit_ws_qt.doctor.examination import Examination

_LATE = 4.0  # seconds by which a busy network or machine may be late
_TOO_LONG = "it takes a minute or two: leave --quick out"
_OTHER = "it was set to a short one for this examination"


@check("P6.1", "P6.2", waits=True)
async def stay_idle(exam: Examination) -> None:
    """Say nothing and wait for the end."""
    if exam.expected.idle is None:
        exam.unchecked("P6.1", _TOO_LONG)
        exam.unchecked("P6.2", _TOO_LONG)
        return
    low, high = exam.expected.idle
    short = "" if low >= 60.0 else f" ({_OTHER}: {low:g} s)"
    async with exam.line(beside=True) as line:
        latest = high * 1.1 + _LATE
        await line.rest(latest)
        if line.closed is None:
            exam.broken("P6.1", f"still open after {latest:.1f} s{short}")
            return
        lasted = line.closed_at - line.opened_at
        exam.judge("P6.1", lasted >= low * 0.95, f"closed after {lasted:.1f} s{short}")
        exam.judge("P6.2", line.closed == 1006, f"closed with {line.closed}")


@check("P6.3", "P6.4", "P6.5", waits=True)
async def send_pings(exam: Examination) -> None:
    """Nothing but ping frames."""
    loop = asyncio.get_running_loop()
    idle = exam.expected.idle
    async with exam.line(beside=True) as line:
        trip = await line.ping(exam.waits.patience)
        exam.judge("P6.3", trip is not None, "no answer" if trip is None else f"after {trip * 1000:.0f} ms")
        if idle is None:
            exam.unchecked("P6.5", _TOO_LONG)
        elif trip is None:
            exam.unchecked("P6.5", "pings are not answered")
        else:
            # Three pings in the time in which an idle line would end, and a bit longer than that.
            until = loop.time() + idle[0] * 1.3
            longest, last = 0.0, loop.time()
            while line.closed is None and loop.time() < until:
                await line.rest(idle[0] / 3)
                longest, last = max(longest, loop.time() - last), loop.time()
                await line.ping(exam.waits.patience)
            seen = "still open" if line.closed is None else f"closed with {line.closed}"
            seen = f"{seen} after {loop.time() - line.opened_at:.1f} s, pings {longest:.1f} s apart at most"
            if line.closed is not None and longest > idle[0] * 0.8:
                exam.unchecked("P6.5", f"this machine stood still: {seen}")
            else:
                exam.judge("P6.5", line.closed is None, seen)
        await line.until(lambda: line.pings, 0 if idle else exam.waits.watch)
        lasted = loop.time() - line.opened_at
        exam.judge("P6.4", not line.pings, f"{line.pings} pings in {lasted:.1f} s")


@check("P6.6", waits=True)
async def ask_for_status(exam: Examination) -> None:
    """PING as text, on a line without subscriptions."""
    interval = exam.expected.status_interval
    if interval is None:
        exam.unchecked("P6.6", "it takes half a minute: leave --quick out")
        return
    async with exam.line(beside=True) as line:
        await line.send("PING")
        await line.until(lambda: len(line.frames) >= 3, interval * 3 + _LATE)
        times = [frame.at for frame in line.frames if frame.value == {"status": "UP"}]
        odd = len(line.frames) - len(times)
        steps = [later - earlier for earlier, later in itertools.pairwise(times)]
        # Both steps together: one that is late makes the next one short.
        right = len(times) >= 3 and 1.7 * interval <= sum(steps[:2]) <= 2.3 * interval + _LATE and not odd
        first = f"the first after {times[0] - line.opened_at:.1f} s, then every" if times else "no status"
        seen = f"{first} {', '.join(f'{step:.1f}' for step in steps)} s" if times else first
        short = "" if interval == 10.0 else f" ({_OTHER}: {interval:g} s)"
        exam.judge("P6.6", right, f"{seen}{short}")


@check("P1.8")
async def resolve(exam: Examination) -> None:
    """How many addresses there are; they rotate, so that one look may not show all."""
    if exam.target.is_loopback:
        exam.unchecked("P1.8", "an exchange on this machine has one address")
        return
    name = urlsplit(exam.target.public_url).hostname or ""
    found = await asyncio.get_running_loop().getaddrinfo(name, 443, type=socket.SOCK_STREAM)
    addresses = {entry[4][0] for entry in found}
    exam.judge("P1.8", len(addresses) > 1, f"{len(addresses)} addresses in one look")

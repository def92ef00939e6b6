"""Throws seeded mutations of real frames at the decoder; anything but a message or DecodeError is a finding.

    python -m tests.fuzz_decoder --frames 1000000 [--seed 1]

A finding is also a message whose type or code is not what `peek` said, a number that is not finite, a frame that is
read in another way with a space before it, or with its numbers made late, and a stall.
Exits with 1 on any finding and prints the frame and the seed that replay it.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from msgspec.structs import astuple

from tests.frames import all_frames
from upbit_ws_qt.errors import DecodeError
from upbit_ws_qt.events import BaseWebSocketEvent
from upbit_ws_qt.wire import CODE_BEGINS, decode, decode_late, peek

if TYPE_CHECKING:
    from collections.abc import Callable

STALL = 0.25  # seconds of the processor for one frame; a guard against runaway input
MAX_SHOWN = 5

TOKENS = [
    b"NaN", b'"NaN"', b'"sNaN123"', b'"Infinity"', b"-Infinity", b"1e999999999", b"1e-999999999", b"0e-99999999",
    b"-0", b"1" * 400, b"0." + b"0" * 400 + b"1", b"null", b"true", b"[]", b"{}", b'""', b'" 1"', b'"1_0"',
    b'"\\ud800"', b'"\\u0000"', b'"KRW\\u002dBTC"', b"\xff\xfe", b"\xef\xbb\xbf", b"\x00", b"\\", b'"', b"[" * 50,
    b"]", b"}", b",", b":", b'"type":"trade",', b'"ty":"trade",', b'"code":"KRW-ETH",', b'"cd":"KRW-ETH",',
    b'"epoch":5,', b'"@epoch":5,', b'"@received_at":0,', b'"error":{},', b'"status":"UP",', b'"method":1,',
    b'{"type":"ticker"}', b"\xed\xa0\x80", b"9" * 30, b"1.5", b"253402300800000", b" ", b"\n",
]  # fmt: skip
BOUNDARIES = b'{}[],:"'


def flip(frame: bytes, rng: random.Random) -> bytes:
    data = bytearray(frame)
    for _ in range(rng.randint(1, 4)):
        data[rng.randrange(len(data))] = rng.randrange(256)
    return bytes(data)


def cut(frame: bytes, rng: random.Random) -> bytes:
    start, stop = sorted((rng.randrange(len(frame) + 1), rng.randrange(len(frame) + 1)))
    return rng.choice((frame[:start], frame[start:], frame[:start] + frame[stop:]))


def repeat(frame: bytes, rng: random.Random) -> bytes:
    start, stop = sorted((rng.randrange(len(frame) + 1), rng.randrange(len(frame) + 1)))
    return frame[:stop] + frame[start:stop] + frame[stop:]


def _boundary(frame: bytes, rng: random.Random) -> int:
    """Return a place beside a structural character, where a change hurts most."""
    place = rng.randrange(len(frame))
    while place < len(frame) and frame[place] not in BOUNDARIES:
        place += 1
    return min(place + rng.randint(0, 1), len(frame))


def insert(frame: bytes, rng: random.Random) -> bytes:
    place = _boundary(frame, rng)
    return frame[:place] + rng.choice(TOKENS) + frame[place:]


def replace_value(frame: bytes, rng: random.Random) -> bytes:
    start = frame.find(b":", rng.randrange(len(frame)))
    if start < 0:
        return insert(frame, rng)
    ends = [end for end in (frame.find(b",", start), frame.find(b"}", start)) if end > 0]
    return frame[: start + 1] + rng.choice(TOKENS) + frame[min(ends, default=len(frame)) :]


def quote_value(frame: bytes, rng: random.Random) -> bytes:
    start = frame.find(b":", rng.randrange(len(frame)))
    ends = [end for end in (frame.find(b",", start), frame.find(b"}", start)) if end > 0]
    if start < 0 or not ends:
        return flip(frame, rng)
    return frame[: start + 1] + b'"' + frame[start + 1 : min(ends)] + b'"' + frame[min(ends) :]


def digits(frame: bytes, rng: random.Random) -> bytes:
    """Change, drop, add or move digits only: what the quick way of the decoder has to be right about."""
    data = bytearray(frame)
    for _ in range(rng.randint(1, 6)):
        place = rng.randrange(len(data))
        while place < len(data) - 1 and data[place] not in b"0123456789.":
            place += 1
        other = rng.choice((place, place, rng.randrange(len(data))))
        taken = data[place : place + rng.randint(0, 3)]
        if taken.strip(b"0123456789.") == b"":
            del data[place : place + len(taken)]
        data[other:other] = taken or b"%d" % rng.randrange(10 ** rng.choice((1, 3, 30, 400)))
    return bytes(data)


def _mutators(corpus: list[bytes]) -> list[Callable[[bytes, random.Random], bytes]]:
    def splice(frame: bytes, rng: random.Random) -> bytes:
        other = rng.choice(corpus)
        return frame[: _boundary(frame, rng)] + other[_boundary(other, rng) :]

    def pair(frame: bytes, rng: random.Random) -> bytes:
        return b"[" + frame.strip(b"[]") + b"," + rng.choice(corpus).strip(b"[]") + b"]"

    return [flip, cut, repeat, insert, insert, replace_value, replace_value, quote_value, splice, pair, digits, digits]


def mutated(corpus: list[bytes], rng: random.Random) -> bytes:
    """Return a frame of the corpus with one to three mutations."""
    mutators = _mutators(corpus)
    data = rng.choice(corpus)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        data = rng.choice(mutators)(data, rng) or b"{"
    return data


def _finite(value: Any) -> bool:
    if isinstance(value, Decimal):
        return value.is_finite() and -400 <= value.adjusted() <= 400
    if isinstance(value, tuple):
        return all(map(_finite, value))
    return _finite(astuple(value)) if hasattr(value, "__struct_fields__") else True


def _carefully(frame: bytes, messages: tuple[Any, ...]) -> bool:
    """Whether the frame reads the same by the careful way; of two spellings in one frame each way may take its own."""
    if b'"ty"' in frame and b'"type"' in frame:
        return True
    try:
        return decode(b" " + frame) == messages
    except DecodeError:
        return False


def _late(frame: bytes | str) -> BaseWebSocketEvent | None:
    """Return the event whose numbers are made when they are read, where there is one."""
    return decode_late(frame, frame[: frame.find(b",", CODE_BEGINS)]) if isinstance(frame, bytes) else None


def judge(frame: bytes | str) -> tuple[str, str | None]:
    """Return (outcome, finding) of one frame."""
    try:
        seen = peek(frame)
        late = _late(frame)
        messages = decode(frame)
    except DecodeError:
        return ("refused", None) if late is None else ("finding", "a bad frame has an event whose numbers come late")
    except (MemoryError, KeyboardInterrupt):
        raise
    except BaseException as error:  # noqa: BLE001 - whatever comes is what is looked for
        return "finding", f"{type(error).__name__}: {error}"
    first = messages[0]
    told = (first.type, first.code) if isinstance(first, BaseWebSocketEvent) else None
    if seen is not None and (seen != told or len(messages) != 1):
        return "finding", f"peek says {seen}, decode {told} and {len(messages)} messages"
    if late is not None and (late,) != messages:
        return "finding", "numbers that are made late are others"
    if not all(map(_finite, messages)):
        return "finding", "a number is not finite"
    if isinstance(frame, bytes) and seen is not None and not _carefully(frame, messages):
        return "finding", "the quick way and the careful way differ"
    return type(first).__name__, None


def run(frames: int, seed: int) -> int:
    """Judge `frames` mutated frames; return how many findings there are."""
    rng = random.Random(seed)
    corpus = all_frames()
    outcomes: Counter[str] = Counter()
    worst = 0.0
    begin = time.perf_counter()
    for number in range(frames):
        frame: bytes | str = mutated(corpus, rng)
        if number % 16 == 0:
            frame = frame.decode("utf-8", "surrogateescape")  # type: ignore[union-attr]
        started = time.thread_time()  # not by the clock: a busy machine takes its time elsewhere
        outcome, finding = judge(frame)
        took = time.thread_time() - started
        worst = max(worst, took)
        if finding is None and took > STALL:
            outcome, finding = "finding", f"took {took:.2f} s"
        outcomes[outcome] += 1
        if finding is not None and outcomes["finding"] <= MAX_SHOWN:
            print(f"finding in frame {number} of seed {seed}: {finding}\n  {frame!r}", file=sys.stderr)
    elapsed = time.perf_counter() - begin
    for outcome, count in outcomes.most_common():
        print(f"{outcome:24} {count:10,}")
    print(
        f"{frames:,} frames in {elapsed:.1f} s: {frames / elapsed:,.0f} frames/s, longest {worst * 1000:.1f} ms of CPU"
    )
    print(f"{outcomes['finding']} findings")
    return outcomes["finding"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    return 1 if run(arguments.frames, arguments.seed) else 0


if __name__ == "__main__":
    sys.exit(main())

"""Plain messages are cut out of the bytes; whatever the bytes are, the outcome is that of websockets alone."""

from __future__ import annotations

import random

import pytest
from websockets.frames import Frame, Opcode
from websockets.protocol import CLIENT, Protocol, State

from upbit_ws_qt.connection.framing import LARGEST_PLAIN, Framer

PIECE = 100
LARGEST = 2000


def bare(first: int, payload: bytes, *, masked: bool = False, length: int | None = None) -> bytes:
    """Return a frame as a server would write it; `length` in so many bytes, the shortest by default."""
    size = len(payload)
    if length is None:
        length = 0 if size < 126 else 2 if size <= LARGEST_PLAIN else 8
    code = {0: size, 2: 126, 8: 127}[length]
    head = bytes((first, code | (0x80 if masked else 0))) + (size.to_bytes(length, "big") if length else b"")
    return head + (b"\x00\x00\x00\x00" if masked else b"") + payload


class Reader:
    """Takes messages out as the stream does, the rest through websockets."""

    def __init__(self) -> None:
        self.framer = Framer(LARGEST, PIECE)
        self.protocol = Protocol(CLIENT, state=State.OPEN, max_size=LARGEST)
        self.messages: list[bytes] = []
        self.plain = 0
        self.parts = b""
        self.pieces: list[bytes] = []

    def take(self, data: bytes) -> None:
        self.framer.feed(data)
        while self.protocol.state is State.OPEN:
            plain = self.framer.messages()
            self.messages += plain
            self.plain += len(plain)
            others = self.framer.others()
            if not others:
                return
            self.leave(others)
        while rest := self.framer.rest():
            self.leave(rest)

    def leave(self, data: bytes) -> None:
        self.pieces.append(data)
        self.protocol.receive_data(data)
        for event in self.protocol.events_received():
            assert isinstance(event, Frame)
            if event.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
                self.parts += bytes(event.data)
                if event.fin:
                    self.messages.append(self.parts)
                    self.parts = b""

    def outcome(self) -> tuple[list[bytes], State, str]:
        self.leave(self.framer.rest())  # the beginning of a frame waits in the framer for its end
        return self.messages, self.protocol.state, repr(self.protocol.parser_exc)


def alone(data: bytes) -> tuple[list[bytes], State, str]:
    """Return what websockets makes of it without help."""
    reader = Reader()
    reader.leave(data)
    return reader.outcome()


def cut(data: bytes, sizes: random.Random | int) -> list[bytes]:
    pieces, at = [], 0
    while at < len(data):
        size = sizes if isinstance(sizes, int) else sizes.choice((1, 1, 2, 3, 7, 60, 500, 5000))
        pieces.append(data[at : at + size])
        at += size
    return pieces


def test_plain_messages_never_reach_websockets() -> None:
    sent = [b"", b"x", b"y" * 125, b"z" * 126, b"v" * LARGEST]
    reader = Reader()
    reader.take(b"".join(bare(0x82 if at % 2 else 0x81, data) for at, data in enumerate(sent)))
    assert reader.messages == sent
    assert reader.pieces == []


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 127, 128, 1000])
def test_a_message_is_whole_however_it_was_read(size: int) -> None:
    sent = [b"a" * 3, b"b" * 126, b"c" * 700, b""] * 5
    reader = Reader()
    for piece in cut(b"".join(bare(0x82, data) for data in sent), size):
        reader.take(piece)
    assert reader.messages == sent
    assert reader.plain == len(sent)


@pytest.mark.parametrize(
    "frame",
    [
        bare(0x89, b"ping"),
        bare(0x8A, b"pong"),
        bare(0x88, b"\x03\xe8bye"),
        bare(0x02, b"first") + bare(0x00, b"second") + bare(0x80, b"third"),
        bare(0x02, b"first") + bare(0x89, b"in between") + bare(0x80, b"last"),
        bare(0x82, b"eight bytes of length", length=8),
        bare(0x82, b"two bytes of length", length=2),
        bare(0xC2, b"compressed, which was not agreed"),
        bare(0x82, b"masked", masked=True),
        bare(0x82, b"x" * (LARGEST + 1)),
        bare(0x82, b"x" * (LARGEST + 1), length=8),
        bare(0x02, b"first") + bare(0x82, b"in the middle of another"),
        bare(0x80, b"the end of nothing"),
        bare(0x83, b"an opcode that there is not"),
        bare(0x09, b"a ping in parts"),
        bare(0x89, b"p" * 126),
        bare(0x02, b"x" * (LARGEST - 1)) + bare(0x80, b"too much together"),
        b"\x82\xff\xff",
    ],
)
@pytest.mark.parametrize("size", [1, 3, 50, 10_000])
def test_what_is_not_plain_ends_as_with_websockets_alone(frame: bytes, size: int) -> None:
    data = bare(0x82, b"before") + frame + bare(0x82, b"behind") + bare(0x81, b"and more")
    reader = Reader()
    for piece in cut(data, size):
        reader.take(piece)
    assert reader.outcome() == alone(data)
    assert reader.messages[0] == b"before"
    assert all(len(piece) <= PIECE for piece in reader.pieces)


@pytest.mark.parametrize("seed", range(300))
def test_any_course_ends_as_with_websockets_alone(seed: int) -> None:
    rng = random.Random(seed)
    data = b""
    for _ in range(rng.randrange(1, 60)):
        first = rng.choice((0x82, 0x82, 0x82, 0x82, 0x81, 0x89, 0x8A, 0x02, 0x00, 0x80))
        if first == 0x80 or rng.random() < 0.02:
            first = rng.choice((first, first, first, rng.randrange(256)))
        limit = 125 if first & 0x08 else 900
        data += bare(first, rng.randbytes(rng.choice((0, 1, 100, rng.randrange(limit)))), masked=rng.random() < 0.005)
    reader = Reader()
    for piece in cut(data, rng):
        reader.take(piece)
    assert reader.outcome() == alone(data)


def test_noise_ends_as_with_websockets_alone() -> None:
    rng = random.Random(5)
    for _ in range(2000):
        data = rng.choice((b"", bare(0x82, b"a message"))) + rng.randbytes(rng.randrange(1, 40))
        reader = Reader()
        for piece in cut(data, rng):
            reader.take(piece)
        assert reader.outcome() == alone(data), data

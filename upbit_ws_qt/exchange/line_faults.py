"""Faults of a line: what is done to it, and the malformed bytes it is sent."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

from websockets.frames import Frame, Opcode

from .faultlist import FaultName
from .requests import RequestRefusedError

if TYPE_CHECKING:
    from .faultlist import Fault
    from .hub import Hub
    from .session import Session

_GARBAGE = {
    "not_json": b"\xec\x97\x85 this is not JSON {",
    "binary": bytes(range(256)),
    "empty": b"",
    "deep": b"[" * 20_000,
    "scalar": b"42",
    "array": b"[]",
    "unknown_type": b'{"type":"weather","code":"KRW-BTC","stream_type":"REALTIME"}',
    "no_type": b'{"code":"KRW-BTC","trade_price":1.0}',
    "wrong_types": b'{"type":"ticker","code":42,"trade_price":{},"timestamp":"now","stream_type":null}',
    "nan": b'{"type":"ticker","code":"KRW-BTC","trade_price":NaN,"stream_type":"REALTIME"}',
    "long_number": b'{"type":"ticker","code":"KRW-BTC","trade_price":' + b"9" * 10_000 + b',"stream_type":"REALTIME"}',
    "duplicate_keys": b'{"type":"ticker","type":"trade","code":"KRW-BTC","code":"KRW-ETH","stream_type":"REALTIME"}',
}

_VIOLATIONS = {
    "opcode": b"\x83\x00",
    "continuation": b"\x80\x02{}",
    "rsv": b"\xb2\x02{}",
    "long_ping": b"\x89\x7e\x00\x80" + bytes(128),
    "fragmented_ping": b"\x09\x00",
    "utf8": b"\x81\x02\xc3\x28",
    "length": b"\x82\x7f" + b"\xff" * 8,
    "close_code": b"\x88\x02\x03\xed",  # 1005 must never be on the wire
}


def apply_line_fault(hub: Hub, session: Session, fault: Fault) -> None:
    """Do to the session's line what the fault says."""
    options, line = fault.options, session.line
    reason = f"fault {fault.name}"
    if fault.name is FaultName.DROP:
        line.abort(reason)
    elif fault.name is FaultName.HALF_OPEN:
        hub.silence(session)
    elif fault.name is FaultName.CLOSE:
        line.close(options["code"], options["text"], reason)
    elif fault.name is FaultName.ERROR:
        hub.refuse(session, RequestRefusedError(options["error"]))
    elif fault.name is FaultName.GARBAGE:
        for _ in range(options["count"]):
            session.push(_GARBAGE[options["kind"]])
        hub.flush(session)
    elif fault.name is FaultName.HUGE_MESSAGE:
        session.push(b'{"type":"ticker","code":"' + b"A" * options["size"] + b'"}')
        hub.flush(session)
    else:
        _break_protocol(hub, session, fault, reason)


def _break_protocol(hub: Hub, session: Session, fault: Fault, reason: str) -> None:
    options, line = fault.options, session.line
    if fault.name is FaultName.CUT_FRAME:
        session.push_raw(b"\x82\x7e\x04\x00" + b'{"type":"ticker"')
    elif fault.name is FaultName.MASKED_FRAME:
        session.push_raw(Frame(Opcode.BINARY, b'{"type":"ticker","code":"KRW-BTC"}').serialize(mask=True))
    elif fault.name is FaultName.PROTOCOL_VIOLATION:
        session.push_raw(_VIOLATIONS[options["kind"]])
    else:
        session.push_raw(decompression_bomb(options["size"]))
    hub.flush(session)
    if options["hold"]:
        hub.silence(session)
    elif fault.name is FaultName.CUT_FRAME:
        line.finish(reason)


def decompression_bomb(size: int) -> bytes:
    """Return a small compressed frame that becomes a JSON string of about `size` bytes when inflated."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -12)
    block = b"0" * 65536
    parts = [deflate.compress(b'"')]
    parts += [deflate.compress(block) for _ in range(size // len(block) + 1)]
    parts += [deflate.compress(b'"'), deflate.flush(zlib.Z_SYNC_FLUSH)]
    payload = b"".join(parts).removesuffix(b"\x00\x00\xff\xff")
    return struct.pack("!BBQ", 0xC2, 127, len(payload)) + payload  # FIN, RSV1, binary

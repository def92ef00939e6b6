"""Who gets what: the realtime streams of all sessions, found by what has changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .messages import Change
    from .session import Stream


class Routes:
    """Streams by kind and code, and by key where there is one."""

    def __init__(self) -> None:
        self.by_code: dict[str, dict[str, list[Stream]]] = {}
        self.by_key: dict[object, list[Stream]] = {}

    def add(self, stream: Stream) -> None:
        """Start to deliver to `stream`."""
        if stream.key is not None:
            self.by_key.setdefault(stream.key, []).append(stream)
        else:
            self.by_code.setdefault(stream.kind, {}).setdefault(stream.code, []).append(stream)

    def remove(self, stream: Stream) -> None:
        """Stop to deliver to `stream`, which must have been added."""
        if stream.key is not None:
            self.by_key[stream.key].remove(stream)
            if not self.by_key[stream.key]:
                del self.by_key[stream.key]
            return
        by_code = self.by_code[stream.kind]
        by_code[stream.code].remove(stream)
        if not by_code[stream.code]:
            del by_code[stream.code]
            if not by_code:
                del self.by_code[stream.kind]

    def find(self, change: Change) -> Sequence[Stream]:
        """Return the streams that get `change`, in the order they were added."""
        if change.key is not None:
            return self.by_key.get(change.key, ())
        by_code = self.by_code.get(change.kind)
        if by_code is None:
            return ()
        streams = by_code.get(change.code, ())
        if change.kind == "myOrder" and "" in by_code:
            return [*streams, *by_code[""]]
        return streams

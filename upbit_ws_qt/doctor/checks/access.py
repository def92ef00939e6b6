"""Tokens, good and bad (P2)."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from upbit_ws_qt.doctor.line import DialRefusedError
from upbit_ws_qt.doctor.questions import check

if TYPE_CHECKING:
    from upbit_ws_qt.doctor.examination import Examination

_REFUSED = "INVALID_AUTH"


async def knock(exam: Examination, token: str | None) -> str:
    """Try a token; return "" where it opens the private endpoint, and what is said otherwise."""
    try:
        async with exam.line("private", token=token) as line:
            # Nothing acknowledges a token; that a question is answered shows that it was taken.
            listed = await line.listing(exam.waits.patience)
            if listed is not None and line.error() is None:
                return ""
            answer = await line.answer(exam.waits.close, exam.waits.close)
            exam.note_refusal(line, answer)
            return answer.error or f"closed with {answer.closed}"
    except DialRefusedError as error:
        if error.status is None:
            raise
        return f"{_REFUSED if _REFUSED in error.body else error.body[:80]} (HTTP {error.status})"


@check("P2.1", needs="key")
async def knock_with_hs512(exam: Examination) -> None:
    """The recommended algorithm."""
    said = await knock(exam, exam.token())
    exam.judge("P2.1", not said, said or "HS512, access_key and nonce only")


@check("P2.2", needs="key")
async def knock_with_others(exam: Examination) -> None:
    """The other algorithms."""
    said = {algorithm: await knock(exam, exam.token(algorithm=algorithm)) for algorithm in ("HS256", "HS384")}
    exam.judge("P2.2", not any(said.values()), ", ".join(f"{name}: {text or 'taken'}" for name, text in said.items()))


@check("P2.3")
async def knock_without(exam: Examination) -> None:
    """No token."""
    said = await knock(exam, None)
    exam.judge("P2.3", said.startswith(_REFUSED), said or "let in")


@check("P2.4", needs="key")
async def knock_with_wrong_secret(exam: Examination) -> None:
    """Signed with another secret."""
    said = {
        algorithm: await knock(exam, exam.token(algorithm=algorithm, wrong_secret=True))
        for algorithm in ("HS512", "HS256")
    }
    right = all(text.startswith(_REFUSED) for text in said.values())
    exam.judge("P2.4", right, ", ".join(f"{name}: {text or 'let in'}" for name, text in said.items()))


@check("P2.5", needs="key")
async def knock_twice(exam: Examination) -> None:
    """The same nonce in two tokens."""
    nonce = str(uuid.uuid4())
    first = await knock(exam, exam.token(nonce=nonce))
    if first:
        exam.unchecked("P2.5", f"the nonce was not taken the first time: {first}")
        return
    again = await knock(exam, exam.token(nonce=nonce, algorithm="HS384"))
    exam.judge("P2.5", again.startswith(_REFUSED), again or "let in twice")

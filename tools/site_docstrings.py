"""Lets the reference read docstrings as they are written here: "Example:" with or without a prompt, and "Signals:"."""

from __future__ import annotations

import re
import textwrap

from griffe import Extension, Object

SECTION = re.compile(r"^(?P<name>Example|Signals):\n(?P<body>(?:[ ]{4}.*\n|\n)+)", re.MULTILINE)
SIGNAL = re.compile(r"^(\w+(?:\(.*?\))?): ", re.MULTILINE)


class DocstringsAsWritten(Extension):  # type: ignore[misc]
    """Rewrites the sections of a docstring that Google's style does not know."""

    def on_instance(self, *, obj: Object, **_: object) -> None:
        """Rewrite the docstring of a class, function or method."""
        if obj.docstring is not None:
            text = obj.docstring.value.rstrip("\n") + "\n"
            obj.docstring.value = SECTION.sub(_rewritten, text)


def _rewritten(match: re.Match[str]) -> str:
    body = textwrap.dedent(match["body"]).strip("\n")
    if match["name"] == "Example":
        if ">>>" in body:
            return f"Examples:\n{textwrap.indent(body, '    ')}\n"
        return f"**Example**\n\n```python\n{body}\n```\n\n"
    return "**Signals**\n\n" + SIGNAL.sub(r"- `\1`: ", body) + "\n\n"

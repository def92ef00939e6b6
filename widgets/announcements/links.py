"""Which links of announcements may be opened: https and the exchange's own hosts, and nothing that only looks so."""

from __future__ import annotations

from urllib.parse import urlsplit

from PyQt6.QtCore import QUrl

__all__ = ["safe_link"]

_DOMAIN = "upbit.com"
_LONGEST = 2000


def safe_link(text: str) -> QUrl | None:
    """Return the URL to open; None for another scheme, host or port, a user name, or what two readers may differ on.

    Python's and Qt's parsers both have to see the same plain ASCII host.
    """
    if len(text) > _LONGEST or not text.isascii() or not text.isprintable() or set(text) & set('\\ "<>'):
        return None
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return None
    host = (parts.hostname or "").removesuffix(".")
    url = QUrl(text, QUrl.ParsingMode.StrictMode)
    fits = (
        parts.scheme == url.scheme() == "https"
        and "@" not in parts.netloc
        and not url.userInfo()
        and port in (None, 443)
        and (host == _DOMAIN or host.endswith("." + _DOMAIN))
        and url.isValid()
        and url.host().removesuffix(".") == host
    )
    return url if fits else None

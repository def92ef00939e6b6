"""What the package says of itself on PyPI: where the project lives, and a README whose links work there.

Where that is, is said when a release is built: UPBIT_WS_QT_REPOSITORY=https://… (docs/release.md). Without it the links
of the README stay relative, and no address is claimed.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

__all__ = ["VARIABLE", "AddressHook", "absolute_links", "urls"]

VARIABLE = "UPBIT_WS_QT_REPOSITORY"
_LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)#:\s]+)(#[^)\s]*)?\)")


def absolute_links(text: str, repository: str, version: str) -> str:
    """Return Markdown whose relative links and pictures lead to a version's tag in a repository."""

    def absolute(link: re.Match[str]) -> str:
        mark, words, path, part = link.groups("")
        return f"{mark}[{words}]({repository}/{'raw' if mark else 'blob'}/v{version}/{path}{part})"

    return _LINK.sub(absolute, text)


def urls(repository: str, version: str) -> dict[str, str]:
    """Return the addresses that PyPI shows beside the package."""
    tree = f"{repository}/blob/v{version}"
    return {
        "Documentation": f"{tree}/docs/using.md",
        "Source": repository,
        "Issues": f"{repository}/issues",
        "Changelog": f"{tree}/CHANGELOG.md",
    }


class AddressHook(MetadataHookInterface):
    """Fills in `readme` and `urls`; named in pyproject.toml."""

    PLUGIN_NAME = "custom"

    def update(self, metadata: dict[str, Any]) -> None:
        """Add to what pyproject.toml says."""
        text = Path(self.root, "README.md").read_text(encoding="utf-8")
        repository, version = os.environ.get(VARIABLE, "").rstrip("/"), metadata["version"]
        if repository:
            if not repository.startswith("https://"):
                raise ValueError(f"{VARIABLE} is an address that begins with https://, not {repository!r}")
            text = absolute_links(text, repository, version)
            metadata["urls"] = urls(repository, version)
        metadata["readme"] = {"content-type": "text/markdown", "text": text}

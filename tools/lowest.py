"""Print the lowest version of each dependency that pyproject.toml allows, exactly, one requirement a line.

`make check-lowest` installs these, so that a lower bound which is not true cannot stay there unseen.
"""

from __future__ import annotations

import argparse
import re
import sys
import tomllib
from pathlib import Path

PYPROJECT = Path(__file__).parent.parent / "pyproject.toml"
_REQUIREMENT = re.compile(r"(?P<name>[A-Za-z0-9._-]+)(?:\[(?P<extras>[^]]*)])?\s*(?P<bounds>[^;]*)")
_LOWER_BOUND = re.compile(r">=\s*([0-9][0-9A-Za-z.]*)")


def lowest(pyproject: str, extra: str = "") -> list[str]:
    """Return `name==version` for the dependencies and those of `extra`; ValueError names one without a lower bound."""
    project = tomllib.loads(pyproject)["project"]
    requirements = list(project["dependencies"])
    if extra:
        requirements += project["optional-dependencies"][extra]
    pins = []
    for requirement in requirements:
        parts = _REQUIREMENT.match(requirement)
        assert parts, requirement
        if parts["name"] == project["name"]:  # an extra that contains another one
            raise ValueError(f"{requirement}: name the extra {parts['extras']!r} itself")
        bound = _LOWER_BOUND.search(parts["bounds"])
        if bound is None:
            raise ValueError(f"{requirement}: no lower bound")
        pins.append(f"{parts['name']}=={bound[1]}")
    return pins


def main() -> int:
    """Print the pins; what has no lower bound goes to standard error."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--extra", default="", help="an extra whose lower bounds are wanted too")
    try:
        pins = lowest(PYPROJECT.read_text(encoding="utf-8"), parser.parse_args().extra)
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    print("\n".join(pins))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

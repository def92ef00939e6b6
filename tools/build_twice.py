"""Builds the source distribution and the wheel twice, from two copies of the tree, and compares them byte by byte.

`python -m tools.build_twice dist` leaves them there and prints their digests. `--release v1.2.3` refuses a tree that is
not that version, whose changelog does not have it, or that does not say where the project lives.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

from tools.metadata_hook import VARIABLE

ROOT = Path(__file__).parent.parent
_NOT_PART_OF_IT = shutil.ignore_patterns(".*", "__pycache__", "dist", "build")
# Two machines differ in these and must not differ in what they build.
_MACHINES: tuple[dict[str, str], ...] = (
    {"TZ": "UTC", "PYTHONHASHSEED": "1", "LC_ALL": "C"},
    {"TZ": "Asia/Seoul", "PYTHONHASHSEED": "2", "LC_ALL": "C.UTF-8"},
)


class BuildError(RuntimeError):
    """It cannot be built, or not twice the same, or is no release; the message is one line."""


def build(source: Path, out: Path, machine: dict[str, str]) -> dict[str, bytes]:
    """Build the source distribution of a tree, and the wheel from that, as pip would; return both by name."""
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **machine})
    if done.returncode:
        raise BuildError(f"the build failed: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return {path.name: path.read_bytes() for path in sorted(out.iterdir())}


def build_twice(out: Path) -> dict[str, str]:
    """Build in two copies of the tree, which differ in their times and modes; return the digests of what was built."""
    with tempfile.TemporaryDirectory() as folder:
        built = []
        for number, machine in enumerate(_MACHINES):
            copy = Path(folder, str(number), "a tree of another name" if number else "tree")
            shutil.copytree(ROOT, copy, ignore=_NOT_PART_OF_IT, copy_function=shutil.copy)
            if number:
                for path in copy.rglob("*"):
                    os.utime(path, (1_000_000_000, 1_000_000_000))
            built.append(build(copy, Path(folder, str(number), "dist"), machine))
        one, other = built
        different = [name for name in one.keys() | other.keys() if one.get(name) != other.get(name)]
        if different:
            raise BuildError(f"built twice, it is not the same: {', '.join(sorted(different))}")
    out.mkdir(parents=True, exist_ok=True)
    for name, content in one.items():
        (out / name).write_bytes(content)
    return {name: hashlib.sha256(content).hexdigest() for name, content in one.items()}


def release_problem(tag: str, version: str, changelog: str, repository: str) -> str:
    """Return why this is not ready to be the release of that tag; "" where it is."""
    if tag != f"v{version}":
        return f"the tag is {tag}, and pyproject.toml says {version}"
    if not re.search(rf"^## \[{re.escape(version)}\] - \d{{4}}-\d\d-\d\d$", changelog, re.MULTILINE):
        return f"CHANGELOG.md has no section [{version}] with its date"
    if not repository:
        return f"{VARIABLE} has to say where the project lives (https://…)"
    return ""


def main() -> int:
    """Check, build, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--release", metavar="TAG")
    options = parser.parse_args()
    try:
        if options.release is not None:
            version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
            changelog = (ROOT / "CHANGELOG.md").read_text("utf-8")
            problem = release_problem(options.release, version, changelog, os.environ.get(VARIABLE, ""))
            if problem:
                raise BuildError(problem)
        for name, digest in build_twice(options.out).items():
            print(digest, name)
    except BuildError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

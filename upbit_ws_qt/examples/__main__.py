"""`python -m upbit_ws_qt.examples`: a window with all examples; `--list` names them, NAME starts one."""

from __future__ import annotations

import argparse
import runpy
import sys

from upbit_ws_qt.examples import FOLDER, examples


def main() -> int:
    """List, start one, or show the window."""
    parser = argparse.ArgumentParser(prog="python -m upbit_ws_qt.examples", description="Examples of upbit_ws_qt.")
    parser.add_argument("--list", action="store_true", help="name them, with a line about each, and end")
    parser.add_argument("name", nargs="?", metavar="NAME", help="start this one; what follows is for it")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    options = parser.parse_args()
    known = {example.name: example for example in examples()}
    if options.list:
        width = max(map(len, known))
        print(*(f"{name:{width}}  {example.summary}" for name, example in known.items()), f"\n{FOLDER}", sep="\n")
        return 0
    if options.name is None:
        from upbit_ws_qt.examples.gallery import show_gallery

        return show_gallery()
    example = known.get(options.name.removesuffix(".py"))
    if example is None:
        parser.error(f"there is no example {options.name!r}; there is {', '.join(known)}")
    sys.argv = [str(example.path), *options.arguments]
    runpy.run_path(str(example.path), run_name="__main__")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

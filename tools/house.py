"""Print the figures by which the shape of the code is watched: sizes, imports, who writes whose attributes, a walk.

`make house` measures this checkout, `python tools/house.py --root PATH` another one, such as a worktree of an old
commit. Figures of the same script can be compared; those of another script count other things.
"""

from __future__ import annotations

import argparse
import ast
import asyncio
import contextlib
import io
import os
import statistics
import sys
import tokenize
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

CLIENT = "upbit_ws_qt"
EXCHANGE = "upbit_ws_qt.exchange"
WIDGETS = "widgets"
# Comments that speak to a tool say nothing to a reader.
DIRECTIVES = ("noqa", "type:", "fmt:", "ruff:", "pragma:")
# A subscription request is longer than any ping, pong or close.
SMALLEST_REQUEST = 40
WALKS = 5

_Function = ast.FunctionDef | ast.AsyncFunctionDef


class Module(NamedTuple):
    """One source file."""

    name: str
    path: Path
    source: str
    tree: ast.Module

    @property
    def is_package(self) -> bool:
        """Whether it is the `__init__` of a package."""
        return self.path.name == "__init__.py"

    @property
    def room(self) -> str:
        """The package below the top-level one that it belongs to, or that one itself."""
        parts = self.name.split(".")
        deep = len(parts) > 2 or (len(parts) == 2 and self.is_package)
        return ".".join(parts[:2]) if deep else parts[0]

    @property
    def lines(self) -> int:
        """All lines, blank ones and comments included."""
        return self.source.count("\n")


def modules(root: Path, *packages: str) -> list[Module]:
    """Read all modules of the packages in `root`."""
    found = []
    for package in packages:
        for path in sorted((root / package).rglob("*.py")):
            parts = path.relative_to(root).with_suffix("").parts
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            source = path.read_text(encoding="utf-8")
            found.append(Module(name, path, source, ast.parse(source)))
    return found


def code_and_comment_lines(source: str) -> tuple[int, int]:
    """Count the lines that have code (docstrings are none), and those with a comment for a reader."""
    code: set[int] = set()
    comments: set[int] = set()
    beside = (tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER)
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            if not token.string.lstrip("# ").startswith(DIRECTIVES):
                comments.add(token.start[0])
        elif token.type not in beside:
            code.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.Module, ast.ClassDef, _Function)) and ast.get_docstring(node, clean=False) is not None:
            docstring = node.body[0]
            code.difference_update(range(docstring.lineno, (docstring.end_lineno or docstring.lineno) + 1))
    return len(code), len(comments)


def _is_type_checking(test: ast.expr) -> bool:
    return (isinstance(test, ast.Name) and test.id == "TYPE_CHECKING") or (
        isinstance(test, ast.Attribute) and test.attr == "TYPE_CHECKING"
    )


def _run_at_import(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    for node in body:
        if isinstance(node, _Function):
            continue
        if isinstance(node, ast.If) and _is_type_checking(node.test):
            yield from _run_at_import(node.orelse)
            continue
        yield node
        for name in ("body", "orelse", "finalbody"):
            yield from _run_at_import(getattr(node, name, []))
        for handler in getattr(node, "handlers", []):
            yield from _run_at_import(handler.body)


def imports(module: Module, known: set[str]) -> set[str]:
    """Return which of the known modules this one imports when it is imported itself."""
    found: set[str] = set()
    package = module.name if module.is_package else module.name.rpartition(".")[0]
    for node in _run_at_import(module.tree.body):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                start = package.rsplit(".", node.level - 1)[0] if node.level > 1 else package
                base = f"{start}.{base}" if base else start
            for alias in node.names:
                found.add(f"{base}.{alias.name}" if f"{base}.{alias.name}" in known else base)
    return {name for name in found if name in known and name != module.name}


def longest_chain(graph: dict[str, set[str]]) -> list[str]:
    """Return the longest chain of imports, the importer first; circles are cut where they come back."""
    chains: dict[str, list[str]] = {}
    on_the_way: set[str] = set()

    def longest_from(name: str) -> list[str]:
        if name in chains:
            return chains[name]
        on_the_way.add(name)
        below = [longest_from(other) for other in sorted(graph[name]) if other not in on_the_way]
        on_the_way.discard(name)
        chains[name] = [name, *max(below, key=len, default=[])]
        return chains[name]

    return max((longest_from(name) for name in sorted(graph)), key=len)


def foreign_writes(tree: ast.Module) -> list[int]:
    """Return the lines where an attribute is set or deleted that belongs to neither `self` nor `cls`."""
    lines = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, (ast.Store, ast.Del)):
            if not (isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")):
                lines.append(node.lineno)
        elif (
            isinstance(node, ast.Call)
            and ast.unparse(node.func) in ("setattr", "object.__setattr__")
            and ast.unparse(node.args[0]) != "self"
        ):
            lines.append(node.lineno)
    return lines


def names_in_all(tree: ast.Module) -> int:
    """Return how many names the module's `__all__` has; what is put together in code counts by its strings."""
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if any(isinstance(target, ast.Name) and target.id == "__all__" for target in targets):
            value = getattr(node, "value", None)
            return sum(isinstance(part, ast.Constant) for part in ast.walk(value)) if value else 0
    return 0


def public_members(found: list[Module], class_name: str) -> set[str]:
    """Return the public methods, properties and attributes of a class and of its bases in these modules."""
    classes = {node.name: node for module in found for node in ast.walk(module.tree) if isinstance(node, ast.ClassDef)}
    members: set[str] = set()
    waiting = [class_name]
    while waiting:
        node = classes.get(waiting.pop())
        if node is None:
            continue
        waiting += [base.id for base in node.bases if isinstance(base, ast.Name)]
        for part in ast.walk(node):
            if isinstance(part, _Function) and part in node.body:
                members.add(part.name)
            elif isinstance(part, ast.AnnAssign) and part in node.body and isinstance(part.target, ast.Name):
                members.add(part.target.id)
            elif (
                isinstance(part, ast.Attribute)
                and isinstance(part.ctx, ast.Store)
                and isinstance(part.value, ast.Name)
                and part.value.id == "self"
            ):
                members.add(part.attr)
    return {name for name in members if not name.startswith("_")}


def _function_lengths(found: list[Module]) -> list[int]:
    lengths = []
    for module in found:
        for node in ast.walk(module.tree):
            if isinstance(node, _Function):
                body = node.body[1:] if ast.get_docstring(node) is not None else node.body
                lengths.append(body[-1].end_lineno - body[0].lineno + 1 if body else 0)  # type: ignore[operator]
    return lengths


class Walk:
    """Counts the calls of the client's own functions until a request's bytes are handed to the socket."""

    def __init__(self, root: Path) -> None:
        self._client = str(root / CLIENT) + os.sep
        self._exchange = str(root / CLIENT / "exchange") + os.sep
        self.calls: Counter[str] = Counter()
        self.written = asyncio.Event()

    def begin(self) -> None:
        """Count from here."""
        self.calls.clear()
        self.written.clear()
        sys.setprofile(self._profile)

    def _profile(self, frame: FrameType, event: str, _argument: Any) -> None:
        if event != "call":
            return
        file = frame.f_code.co_filename
        if frame.f_code.co_name == "write" and file.endswith("selector_events.py"):
            if len(frame.f_locals["data"]) >= SMALLEST_REQUEST:
                sys.setprofile(None)
                self.written.set()
        elif file.startswith(self._client) and not file.startswith(self._exchange):
            self.calls[file] += 1


async def walk_of_a_second_wish(root: Path) -> tuple[float, float, list[str]]:
    """Return the calls and files (medians) of a `subscribe_ticker` on a line that is up, and the files of the last."""
    from upbit_ws_qt import ServiceConfig, WebSocketClientProxy, WebSocketService
    from upbit_ws_qt.exchange import EmbeddedExchange, ExchangeSettings

    settings = ExchangeSettings(stopped=True, messages_per_second=None, messages_per_minute=None)
    walk = Walk(root)
    calls, files = [], []
    async with EmbeddedExchange(settings) as exchange:
        service = WebSocketService(ServiceConfig.for_exchange(exchange))
        await service.start()
        codes = [code for code in exchange.world.codes if code.startswith("KRW-")][: WALKS + 1]
        async with WebSocketClientProxy("walk", service=service) as proxy:
            await proxy.subscribe_ticker(codes[0], lambda event: None)
            for code in codes[1:]:
                await asyncio.sleep(0.3)  # what the wish before had to do afterwards is done
                walk.begin()
                try:
                    wish = proxy.subscribe_ticker(code, lambda event: None)
                    await walk.written.wait()
                finally:
                    sys.setprofile(None)
                calls.append(walk.calls.total())
                files.append(len(walk.calls))
                await wish
        await service.stop()
    return statistics.median(calls), statistics.median(files), sorted(walk.calls)


def _print_walk(root: Path, show_files: bool) -> None:
    import qasync
    from PyQt6.QtCore import QCoreApplication

    application = QCoreApplication.instance() or QCoreApplication([])
    loop = qasync.QEventLoop(application)
    with loop:
        calls, files, names = loop.run_until_complete(walk_of_a_second_wish(root))
    print(f"a second subscribe_ticker until its bytes are on the socket: {calls:.0f} calls in {files:.0f} files")
    if show_files:
        print("\n".join(f"    {Path(name).relative_to(root)}" for name in names))


def _print_sizes(found: list[Module]) -> None:
    rooms: dict[str, list[Module]] = {}
    for module in found:
        rooms.setdefault(module.room, []).append(module)
    print(f"{'room':30} {'files':>5} {'lines':>6} {'code':>6} {'foreign writes':>14} {'per 1,000 lines':>15}")
    rows = list(rooms.items())
    client = [module for module in found if module.room.startswith(CLIENT) and module.room != EXCHANGE]
    rows += [("client without the exchange", client), ("all", found)]
    for name, part in rows:
        lines = sum(module.lines for module in part)
        code = sum(code_and_comment_lines(module.source)[0] for module in part)
        writes = sum(len(foreign_writes(module.tree)) for module in part)
        print(f"{name:30} {len(part):5} {lines:6,} {code:6,} {writes:14} {1000 * writes / max(lines, 1):15.1f}")


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, default=Path(__file__).parent.parent, help="the checkout to measure")
    parser.add_argument("--details", action="store_true", help="also the longest chain and the files of the walk")
    arguments = parser.parse_args()
    root = arguments.root.resolve()
    found = modules(root, CLIENT, WIDGETS)
    package = [module for module in found if module.room.startswith(CLIENT)]
    _print_sizes(found)
    print(f"\n{CLIENT}, the exchange included:")
    print(f"median of a file: {statistics.median(module.lines for module in package):.0f} lines")
    lengths = _function_lengths(package)
    print(f"median of a function's body: {statistics.median(lengths):.0f} lines, {len(lengths):,} functions")
    code, comments = (sum(part) for part in zip(*(code_and_comment_lines(m.source) for m in package), strict=True))
    print(f"lines with a comment per 100 lines of code: {100 * comments / code:.1f}")
    known = {module.name for module in package}
    chain = longest_chain({module.name: imports(module, known) for module in package})
    print(f"longest chain of imports: {len(chain)} modules")
    if arguments.details:
        print("    " + " → ".join(chain))
    faces = sum(names_in_all(module.tree) for module in package if module.is_package)
    inside = sum(names_in_all(module.tree) for module in package if not module.is_package)
    print(f"names in __all__: {inside} of modules, {faces} of packages")
    print(f"public members of GlobalWebSocketManager: {len(public_members(package, 'GlobalWebSocketManager'))}")
    sys.path.insert(0, str(root))
    with contextlib.suppress(ValueError):
        sys.path.remove(str(Path(__file__).parent))
    _print_walk(root, arguments.details)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

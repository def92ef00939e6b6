"""Changes a module in a thousand small ways, one at a time, and says which of them no test notices.

    python -m tools.mutants upbit_ws_qt/subscriptions/planner.py tests/subscriptions
    python -m tools.mutants            every module of `ROOMS`, with the tests of its own room

Each comparison, operator, number, condition, assignment, return and call for its effect is changed; texts are not, as
no test asserts about them. The module is imported once, with all its mutants in it and a switch between them, and a
forked child runs the tests that come by a mutant, the quick ones first, until one fails. What is worked out while the
module is imported, and what survives although a cache may have been filled before the fork, is tried in a process of
its own.
"""

from __future__ import annotations

import argparse
import ast
import builtins
import copy
import importlib.abc
import importlib.util
import os
import resource
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from _pytest.runner import runtestprotocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

ROOT = Path(__file__).parents[1]
ROOMS = {
    "upbit_ws_qt/subscriptions/state.py": ("tests/subscriptions",),
    "upbit_ws_qt/subscriptions/planner.py": ("tests/subscriptions",),
    "upbit_ws_qt/connection/rate_limit.py": ("tests/connection/test_rate_limit.py",),
    "upbit_ws_qt/connection/epoch.py": ("tests/connection/test_epoch_and_auth.py", "tests/connection/test_gaps.py"),
    "upbit_ws_qt/routing/ordering.py": ("tests/routing",),
    "upbit_ws_qt/routing/route.py": ("tests/routing",),
    "upbit_ws_qt/wire/decoder.py": ("tests/wire",),
}
SWITCH = "__mutant__"  # a builtin: the number of the mutant that is switched on
# Seconds that a test may take beyond three times what it took before: a mutant that never ends is noticed by that.
PATIENCE = 5
STANDS_STILL = 60  # seconds after which a child that has computed nothing hangs
_OURSELVES = (sys.executable, "-m", "tools.mutants")

_COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
_OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult, ast.Pow: ast.Mult, ast.BitOr: ast.BitAnd, ast.BitAnd: ast.BitOr,
    ast.LShift: ast.RShift, ast.RShift: ast.LShift,
}  # fmt: skip
_NAMES = {"min": "max", "max": "min", "any": "all", "all": "any"}


@dataclass(frozen=True)
class Mutant:
    """One small change.

    Attributes:
        number: from 1.
        line: where.
        before: the code as it is.
        after: as it is with the mutant.
    """

    number: int
    line: int
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.number:4} line {self.line}: {_short(self.before)}  ->  {_short(self.after)}"


def _short(code: str) -> str:
    line = " ".join(code.split())
    return line if len(line) < 100 else line[:97] + "..."


class Mutator(ast.NodeTransformer):
    """Puts every mutant into a module, behind its switch."""

    def __init__(self) -> None:
        self.mutants: list[Mutant] = []

    def _asked(self, before: ast.expr | ast.stmt, after: ast.AST) -> ast.Compare:
        """Note a mutant and return the question whether it is switched on."""
        ast.fix_missing_locations(ast.copy_location(after, before))
        self.mutants.append(Mutant(len(self.mutants) + 1, before.lineno, ast.unparse(before), ast.unparse(after)))
        return ast.Compare(ast.Name(SWITCH, ast.Load()), [ast.Eq()], [ast.Constant(len(self.mutants))])

    def _either(self, before: ast.expr, afters: Sequence[ast.expr]) -> ast.expr:
        """Return an expression that is one of its mutants where that is switched on."""
        original = copy.deepcopy(before)
        result: ast.expr = super().generic_visit(before)  # type: ignore[assignment]
        for after in afters:
            result = ast.copy_location(ast.IfExp(self._asked(original, after), after, result), original)
        return result

    def _statement(self, before: ast.stmt, after: ast.stmt) -> ast.stmt:
        original = copy.deepcopy(before)
        question = self._asked(original, after)
        result: ast.stmt = super().generic_visit(before)  # type: ignore[assignment]
        return ast.copy_location(ast.If(question, [after], [result]), original)

    # -- what is passed over -------------------------------------------------------------------------------------------
    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
        return node

    def visit_Assert(self, node: ast.Assert) -> ast.AST:
        return node

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        return node

    def visit_arguments(self, node: ast.arguments) -> ast.AST:
        node.defaults = [self.visit(each) for each in node.defaults]
        node.kw_defaults = [each and self.visit(each) for each in node.kw_defaults]
        return node

    def visit_FunctionDef(self, node: Any) -> ast.AST:
        node.args = self.visit(node.args)
        node.body = [self.visit(each) for each in node.body]
        return node  # type: ignore[no-any-return]

    visit_AsyncFunctionDef = visit_FunctionDef

    # -- statements ----------------------------------------------------------------------------------------------------
    def visit_If(self, node: ast.If) -> ast.AST:
        if isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            return node
        node.test = self._condition(node.test)
        node.body = [self.visit(each) for each in node.body]
        node.orelse = [self.visit(each) for each in node.orelse]
        return node

    def visit_While(self, node: ast.While) -> ast.AST:
        node.test = self._condition(node.test)
        node.body = [self.visit(each) for each in node.body]
        return node

    def _condition(self, test: ast.expr) -> ast.expr:
        """Mutate what is in a condition, and negate the whole of one in which nothing else says the same."""
        if isinstance(test, ast.Compare | ast.BoolOp | ast.UnaryOp):
            return self.visit(test)  # type: ignore[no-any-return]
        return self._either(test, [ast.UnaryOp(ast.Not(), copy.deepcopy(test))])

    def visit_Return(self, node: ast.Return) -> ast.AST:
        if node.value is None or (isinstance(node.value, ast.Constant) and node.value.value is None):
            return node
        return self._statement(node, ast.Return(ast.Constant(None)))

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        simple = all(isinstance(target, ast.Name | ast.Attribute | ast.Subscript) for target in node.targets)
        is_text = isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        named = {target.id for target in node.targets if isinstance(target, ast.Name)}
        if not simple or is_text or named & {"__all__", "__slots__"}:
            return node
        if isinstance(node.value, ast.Constant):
            node.value = self.visit(node.value)
            return node
        after = ast.Assign(copy.deepcopy(node.targets), ast.Constant(None))
        return self._statement(node, after)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        if node.value is not None:
            node.value = self.visit(node.value)
        return node

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST:
        other = _OPERATORS.get(type(node.op))
        if other is None:
            return node
        after = ast.AugAssign(copy.deepcopy(node.target), other(), copy.deepcopy(node.value))
        return self._statement(node, after)

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        if isinstance(node.value, ast.Constant):
            return node
        return self._statement(node, ast.Pass(lineno=node.lineno))

    def visit_Delete(self, node: ast.Delete) -> ast.AST:
        return self._statement(node, ast.Pass(lineno=node.lineno))

    def visit_Break(self, node: ast.Break) -> ast.AST:
        return self._statement(node, ast.Continue(lineno=node.lineno))

    def visit_Continue(self, node: ast.Continue) -> ast.AST:
        return self._statement(node, ast.Break(lineno=node.lineno))

    # -- expressions ---------------------------------------------------------------------------------------------------
    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        afters: list[ast.expr] = []
        for index, operator in enumerate(node.ops):
            after = copy.deepcopy(node)
            after.ops[index] = _COMPARISONS[type(operator)]()
            afters.append(after)
        return self._either(node, afters)

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        other = _OPERATORS.get(type(node.op))
        if other is None:
            return super().generic_visit(node)
        after = copy.deepcopy(node)
        after.op = other()
        return self._either(node, [after])

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.AST:
        after = copy.deepcopy(node)
        after.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        return self._either(node, [after])

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        if isinstance(node.operand, ast.Constant) and isinstance(node.op, ast.USub):
            return self._either(node, [copy.deepcopy(node.operand)])
        return self._either(node, [copy.deepcopy(node.operand)])

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        if isinstance(node.value, bool):
            return self._either(node, [ast.Constant(not node.value)])
        if isinstance(node.value, int | float):
            return self._either(node, [ast.Constant(node.value + 1)])
        return node

    def visit_IfExp(self, node: ast.IfExp) -> ast.AST:
        node.test = self._condition(node.test)
        node.body, node.orelse = self.visit(node.body), self.visit(node.orelse)
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        if isinstance(node.func, ast.Name) and node.func.id in _NAMES:
            after = copy.deepcopy(node)
            after.func = ast.Name(_NAMES[node.func.id], ast.Load())
            return self._either(node, [after])
        return super().generic_visit(node)


class _Loader(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports one module with its mutants in it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        tree = ast.parse(path.read_text(encoding="utf-8"))
        mutator = Mutator()
        self._tree = ast.fix_missing_locations(mutator.visit(tree))
        self.mutants = mutator.mutants

    def find_spec(self, fullname: str, path: object, target: object = None) -> ModuleSpec | None:
        if fullname != self._name:
            return None
        return importlib.util.spec_from_file_location(fullname, self._path, loader=self)

    def create_module(self, spec: ModuleSpec) -> None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        exec(compile(self._tree, str(self._path), "exec"), module.__dict__)  # noqa: S102 - it is our own module


class _Recorder:
    """Stands for "none", and notes which mutants somebody came by."""

    def __init__(self) -> None:
        self.seen: set[int] = set()

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        assert isinstance(other, int)
        self.seen.add(other)
        return False


@dataclass
class Outcome:
    """What became of a module's mutants."""

    mutants: list[Mutant]
    survivors: list[Mutant] = field(default_factory=list)
    unvisited: list[Mutant] = field(default_factory=list)

    @property
    def killed(self) -> int:
        """How many a test noticed."""
        return len(self.mutants) - len(self.survivors) - len(self.unvisited)


class _Runner:
    """A pytest plugin: instead of running the tests once, runs those that come by each mutant."""

    def __init__(self, mutants: list[Mutant], recorder: _Recorder) -> None:
        self._recorder = recorder
        self.outcome = Outcome(mutants)
        self.alone: list[Mutant] = []  # to be tried in a process of their own

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Run each test once to see what it comes by, then the mutants."""
        at_import = set(self._recorder.seen)
        tests: list[tuple[float, pytest.Item, set[int]]] = []
        for item in session.items:
            self._recorder.seen = set()
            began = time.process_time()
            if (failure := _failure(item)) is not None:
                raise pytest.UsageError(f"{item.nodeid} fails without any mutant\n{failure}")
            tests.append((time.process_time() - began, item, self._recorder.seen))
        tests.sort(key=lambda test: test[0])
        if not tests:
            raise pytest.UsageError("there are no tests")
        print(f"{len(tests)} tests, {sum(test[0] for test in tests):.0f} s", flush=True)
        for mutant in self.outcome.mutants:
            coming_by = [(took, item) for took, item, seen in tests if mutant.number in seen]
            if mutant.number in at_import:
                self.alone.append(mutant)
            elif not coming_by:
                self.outcome.unvisited.append(mutant)
            elif not _is_noticed(mutant, coming_by):
                self.alone.append(mutant)
        return True


def _failure(item: pytest.Item) -> str | None:
    """Run a test; return what pytest has to say where it fails."""
    return next((report.longreprtext for report in runtestprotocol(item, log=False) if report.failed), None)


def _fails_within(took: float, item: pytest.Item) -> bool:
    """Whether a test fails; where it computes for much longer than it `took` before, the process ends."""
    ends = int(time.process_time() + PATIENCE + 3 * took) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (ends, resource.RLIM_INFINITY))
    return _failure(item) is not None


def _is_noticed(mutant: Mutant, tests: list[tuple[float, pytest.Item]]) -> bool:
    """Whether one of the tests fails, or never ends, with a mutant."""
    child = os.fork()
    if child == 0:
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, 1)
        os.dup2(nothing, 2)
        setattr(builtins, SWITCH, mutant.number)
        try:
            noticed = any(_fails_within(took, item) for took, item in tests)
        except BaseException:  # noqa: BLE001 - whatever it is, it was noticed
            noticed = True
        os._exit(noticed)
    # By what it computes, not by the time it takes: on a busy machine it may have to wait for a processor for long.
    times, computed, at = psutil.Process(child).cpu_times, 0.0, time.monotonic()
    ends = at + 100 * (PATIENCE + 3 * sum(took for took, _ in tests))
    while time.monotonic() < min(ends, at + STANDS_STILL):
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return status != 0
        if (now := sum(times()[:2])) > computed:
            computed, at = now, time.monotonic()
        time.sleep(0.005)
    os.kill(child, 9)
    os.waitpid(child, 0)
    return True


class _Prepared:
    """A pytest plugin: the module is imported with its mutants, and hypothesis tries the same examples every time."""

    def __init__(self, loader: _Loader) -> None:
        self._loader = loader

    @pytest.hookimpl(tryfirst=True)
    def pytest_configure(self) -> None:
        """Stand before pytest's own way of importing; and make the profile before hypothesis looks for it."""
        sys.meta_path.insert(0, self._loader)
        # Not imported earlier, or pytest would complain.
        from hypothesis import HealthCheck, settings

        settings.register_profile(
            "mutants", deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
        )


def _pytest(loader: _Loader, tests: Sequence[str], *options: str, plugins: Sequence[object] = ()) -> int:
    always = ["-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--order=0", "--hypothesis-profile=mutants"]
    arguments = [*always, "--no-header", "--no-summary", *options, *tests]
    return int(pytest.main(arguments, plugins=[_Prepared(loader), *plugins]))


def examine(module: str, tests: Sequence[str]) -> Outcome:
    """Try every mutant of a module; return what became of them."""
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    loader, recorder = _Loader(ROOT / module), _Recorder()
    setattr(builtins, SWITCH, recorder)
    runner = _Runner(loader.mutants, recorder)
    if _pytest(loader, tests, plugins=[runner]) != pytest.ExitCode.OK:
        raise SystemExit(f"{module} was not examined: its tests do not pass without a mutant")
    for mutant in runner.alone:
        told = subprocess.run(
            [*_OURSELVES, module, *tests, "--only", str(mutant.number)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
            cwd=ROOT,
        )
        if told.returncode == 0:
            runner.outcome.survivors.append(mutant)
            print(mutant, flush=True)
    return runner.outcome


def _only(module: str, tests: Sequence[str], number: int) -> int:
    """Run the tests with one mutant; 0 where they do not notice."""
    setattr(builtins, SWITCH, number)
    return _pytest(_Loader(ROOT / module), tests, "-x", "--timeout=120")


def _lines(outcome: Outcome) -> Iterator[str]:
    for mutant in outcome.survivors:
        yield f"survives {mutant}"
    for mutant in outcome.unvisited:
        yield f"not run  {mutant}"
    total = len(outcome.mutants)
    yield f"{outcome.killed} of {total} mutants noticed, {100 * outcome.killed / max(1, total):.1f} %"


def main() -> int:
    """Examine the modules that are asked for, each in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("module", nargs="?", help="file of the module, from the root of the checkout")
    parser.add_argument("tests", nargs="*", help="what notices; by default the tests of its room")
    parser.add_argument("--only", type=int, help="run the tests with this mutant, and nothing else")
    options = parser.parse_args()
    if options.module is None:
        return max(subprocess.run([*_OURSELVES, each], check=False, cwd=ROOT).returncode for each in ROOMS)
    tests = options.tests or ROOMS[options.module]
    if options.only is not None:
        return _only(options.module, tests, options.only)
    outcome = examine(options.module, tests)
    print(options.module, *_lines(outcome), sep="\n")
    return int(outcome.killed < 0.9 * len(outcome.mutants))


if __name__ == "__main__":
    sys.exit(main())

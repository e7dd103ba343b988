"""Every step rests on the code that its result follows from: an edit of it runs the step again, also from the cache."""

from __future__ import annotations

import ast
import json
import re
import sqlite3
from pathlib import Path

import pytest
from builds import ROOT, Place

from hlspike.tasks.engine import sources
from hlspike.tasks.engine.sources import NO_CONTENT

STEPS = ROOT / "tasks" / "steps.py"
CALLS = ROOT / "tasks" / "inputs" / "calls.py"
TREE = ast.parse(STEPS.read_text(encoding="utf-8"))
FUNCTIONS = {node.name: node for node in TREE.body if isinstance(node, ast.FunctionDef)}
STAGES = {"stimulus": "stimulus", "train": "train", "extract": "extract", "network": "settle", "extent": "extent",
          "float": "run_float", "decide": "decide", "design": "design", "generate": "generate",
          "compile": "compile_unit", "link": "link", "reference": "reference", "csim": "csim", "report": "report"}
"""Task → its function in tasks/steps.py."""


def _modules(node: ast.AST, names: set[str] | None = None) -> set[Path]:
    """Files of ours that `node` imports, wherever in it; only by those `names`, if they are given."""
    found: set[Path | None] = set()
    for inner in ast.walk(node):
        if isinstance(inner, ast.Import):
            found |= {_file(alias.name) for alias in inner.names}
        elif isinstance(inner, ast.ImportFrom) and inner.module is not None:
            found |= {_file(f"{inner.module}.{alias.name}") or _file(inner.module) for alias in inner.names
                      if names is None or alias.name in names}
    return found - {None}


def _file(module: str) -> Path | None:
    place = ROOT / module.removeprefix("hlspike.").replace(".", "/")
    found = (place.with_suffix(".py"), place / "__init__.py") if module.startswith("hlspike.") else ()
    return next((path for path in found if path.is_file()), None)


def _apart(names: set[str]) -> set[Path]:
    """Files of ours that the functions of tasks/steps.py have a child of its own import."""
    given = {node.args[0].value for name in names for node in ast.walk(FUNCTIONS[name])
             if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "_called"
             and isinstance(node.args[0], ast.Constant)}
    body = ast.parse(CALLS.read_text(encoding="utf-8")).body
    functions = [node for node in body if isinstance(node, ast.FunctionDef) and node.name in given]
    names = {inner.id for node in functions for inner in ast.walk(node) if isinstance(inner, ast.Name)}
    above = [node for node in body if isinstance(node, ast.ImportFrom)]
    return set().union(*map(_modules, functions), *(_modules(node, names) for node in above))


def _called(name: str) -> set[str]:
    """The functions of tasks/steps.py that `name` calls, itself included."""
    found, pending = {name}, [name]
    while pending:
        names = {node.id for node in ast.walk(FUNCTIONS[pending.pop()]) if isinstance(node, ast.Name)}
        new = (names & FUNCTIONS.keys()) - found
        found |= new
        pending += new
    return found


def rests_on(function: str) -> set[str]:
    """Sources that a step's function reaches by imports, beside those that decide no content."""
    pending = set().union(*(_modules(FUNCTIONS[name]) for name in _called(function)), _apart(_called(function)))
    found: set[Path] = set()
    while pending:
        path = pending.pop()
        if path.relative_to(ROOT).as_posix() not in NO_CONTENT:
            found.add(path)
            pending |= _modules(ast.parse(path.read_text(encoding="utf-8"))) - found
    return {path.relative_to(ROOT).as_posix() for path in found}


@pytest.fixture(scope="module")
def declared(built: Place, tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """Task → our own sources that its record names, after a build with training."""
    place = built.copy(tmp_path_factory.mktemp("declared") / "place")
    place.build("model.train=model.py:train")
    with sqlite3.connect(place.path / "build" / ".doit.db") as connection:
        rows = connection.execute("select task_id, task_data from doit").fetchall()
    records = {name: json.loads(data).get("_values_:", {}) for name, data in rows}
    return {re.split("[:@]", name)[0]: set(values["rests"]["code"]) for name, values in records.items()
            if "code" in values.get("rests", {})}


@pytest.mark.parametrize("task", sorted(STAGES))
def test_a_step_declares_the_code_it_rests_on(task: str, declared: dict[str, set[str]]) -> None:
    reached = rests_on(STAGES[task])
    assert reached, f"{STAGES[task]} imports nothing; has it moved?"
    assert reached - declared[task] == set()


@pytest.mark.parametrize("task", sorted(STAGES))
def test_a_step_rests_on_no_code_beside(task: str, declared: dict[str, set[str]]) -> None:
    """But for what modules above the functions import, and what decides which inputs the user's code has had."""
    beside = ("tasks/steps.py", "tasks/engine/", "tasks/archives/", "tasks/inputs/", "generators/templates/")
    assert {path for path in declared[task] - rests_on(STAGES[task]) if not path.startswith(beside)} == set()


def test_imports_are_read_from_the_text_as_python_reads_them() -> None:
    for place in [*(ROOT / "tasks").rglob("*.py"), *(ROOT / "generators").rglob("*.py")]:
        path, tree = place.relative_to(ROOT).as_posix(), ast.parse(place.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
                node.body = [ast.Pass()]
        found = {found.relative_to(ROOT).as_posix() for found in _modules(tree)}
        assert sources.imported(path) == found, path


def test_an_edit_runs_the_steps_that_rest_on_it() -> None:
    """By module, the steps of a build that are to run again once it is edited."""
    rest = {task: set(sources.of_function(f"hlspike.tasks.steps:{function}")) for task, function in STAGES.items()}
    resting = {path: {task for task, found in rest.items() if path in found} for path in set().union(*rest.values())}
    assert resting["generators/emit.py"] == {"generate"}
    assert resting["generators/report/summary.py"] == {"report"}
    assert resting["generators/schedule.py"] == {"design"}
    assert resting["generators/settle/settlement.py"] == {"network"}
    assert resting["tasks/compilation/toolchain.py"] == {"compile", "link", "csim"}
    assert resting["generators/fixed.py"] == {"design", "reference", "csim", "decide", "report"}
    assert resting["tasks/sources/module.py"] == {"train", "extract", "float"}
    assert resting["tasks/steps.py"] == set(STAGES)

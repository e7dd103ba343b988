"""Every step declares the code that its result rests on: an edit of it runs the step again, also from the cache."""

from __future__ import annotations

import ast
import json
import re
import sqlite3
from pathlib import Path

import pytest
from builds import ROOT, Place

STEPS = ROOT / "tasks" / "steps.py"
CALLS = ROOT / "tasks" / "inputs" / "calls.py"
TREE = ast.parse(STEPS.read_text(encoding="utf-8"))
FUNCTIONS = {node.name: node for node in TREE.body if isinstance(node, ast.FunctionDef)}
NO_CONTENT = {"generators/errors.py", *(f"tasks/{name}.py" for name in (
    "layout", "system/files", "system/processes", "terminal/console", "engine/notes", "engine/manifests",
))}
"""What decides messages, places and times, but never a byte of a result; and the manifest, which is not shared."""
STAGES = {"stimulus": "stimulus", "train": "train", "extract": "extract", "network": "settle", "extent": "extent",
          "float": "run_float", "decide": "decide", "design": "design", "generate": "generate",
          "compile": "compile_unit", "link": "link", "reference": "reference", "csim": "csim", "report": "report"}
"""Task → its function in tasks/steps.py."""


def _modules(node: ast.AST) -> set[Path]:
    """Files of ours that `node` imports, wherever in it."""
    names: set[str] = set()
    for inner in ast.walk(node):
        if isinstance(inner, ast.Import):
            names |= {alias.name for alias in inner.names}
        elif isinstance(inner, ast.ImportFrom) and inner.module is not None:
            names |= {inner.module, *(f"{inner.module}.{alias.name}" for alias in inner.names)}
    ours = (name.removeprefix("hlspike.").replace(".", "/") for name in names if name.startswith("hlspike."))
    return {path for name in ours if (path := ROOT / f"{name}.py").is_file()}


def _apart(names: set[str]) -> set[Path]:
    """Files of ours that the functions of tasks/steps.py have a child of its own import."""
    given = {node.args[0].value for name in names for node in ast.walk(FUNCTIONS[name])
             if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "_called"
             and isinstance(node.args[0], ast.Constant)}
    body = ast.parse(CALLS.read_text(encoding="utf-8")).body
    wanted = [node for node in body if not isinstance(node, ast.FunctionDef) or node.name in given]
    return set().union(*map(_modules, wanted)) if given else set()


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
    records = {name: json.loads(data)["_values_:"] for name, data in rows}
    return {re.split("[:@]", name)[0]: set(values["rests"]["code"]) for name, values in records.items()
            if "code" in values.get("rests", {})}


@pytest.mark.parametrize("task", sorted(STAGES))
def test_a_step_declares_the_code_it_rests_on(task: str, declared: dict[str, set[str]]) -> None:
    reached = rests_on(STAGES[task])
    assert reached, f"{STAGES[task]} imports nothing; has it moved?"
    assert reached - declared[task] == set()

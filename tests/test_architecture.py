"""The rules of the house: who may import whom, what the core may not touch, how large and how named a module may be."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import pytest

from hlspike.tasks.engine import sources

ROOT = Path(__file__).resolve().parent.parent
CORE = {path.relative_to(ROOT).with_suffix("").as_posix(): path for path in sorted((ROOT / "generators").rglob("*.py"))}
SHELL = {path.relative_to(ROOT).with_suffix("").as_posix(): path for path in sorted((ROOT / "tasks").rglob("*.py"))}
_MOST = 14
"""Files of a room; a stranger reads them at one look."""
STAGES = ("fixed", "ir", "extract", "quantize", "schedule", "reference", "emit", "report")


def imports(source: str) -> set[str]:
    """Every module that `source` imports anywhere, as a/b/c, ours from the top; `from a import b` is both a and a/b."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {_path(alias.name) for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports name their module in full"
            assert node.module is not None
            module = _path(node.module)
            found |= {module, *(f"{module}/{alias.name}" for alias in node.names)}
    return found


def _path(module: str) -> str:
    return module.removeprefix("hlspike.").replace(".", "/")


IMPORTS = {name: imports(path.read_text(encoding="utf-8")) for name, path in {**CORE, **SHELL}.items()}
PACKAGES = {name: {module.split("/")[0] for module in found} for name, found in IMPORTS.items()}
WITHIN = {name: IMPORTS[name] & set(CORE) for name in CORE}


def _importers(*packages: str) -> set[str]:
    return {name for name, found in PACKAGES.items() if found & set(packages)}


def _reached(name: str) -> set[str]:
    """The modules of the core that come along with `name`."""
    found: set[str] = set()
    pending = [name]
    while pending:
        new = WITHIN[pending.pop()] - found
        found |= new
        pending += new
    return found


def test_imports_are_seen_wherever_they_stand() -> None:
    source = """
import os.path as path
from hlspike.generators import ir, fixed as types
if TYPE_CHECKING:
    from hlspike.tasks.layout import Layout
def later():
    import torch
"""
    assert imports(source) == {
        "os/path", "generators", "generators/ir", "generators/fixed", "tasks/layout", "tasks/layout/Layout", "torch",
    }


@pytest.mark.parametrize(
    ("stage", "below"),
    [
        ("fixed", ""),
        ("ir", "fixed"),
        ("extract", "fixed ir"),
        ("schedule", "fixed ir"),
        ("reference", "fixed ir"),
        # ranges of automatic types come from a run of the reference
        ("quantize", "fixed ir reference"),
        # a design is plain names, integers and strings
        ("emit", "fixed ir extract quantize schedule reference"),
        ("report/summary", ""),
    ],
)
def test_a_stage_rests_on_none_but_those_before_it(stage: str, below: str) -> None:
    own = {name for name in CORE if f"{name}/".startswith(f"generators/{stage}/")}
    assert own
    reached = set().union(*(_reached(name) for name in own)) - own
    assert {name.split("/")[1] for name in reached} & set(STAGES) <= set(below.split())


def test_report_and_emit_stand_alone_and_nothing_rests_on_them() -> None:
    own = {name for name in CORE if name.startswith("generators/report/")}
    assert WITHIN["generators/report/summary"] == WITHIN["generators/emit"] == set()
    ends = {*own, "generators/emit"}
    assert {name: found & ends for name, found in WITHIN.items() if found & ends and name not in own} == {}


def test_no_module_imports_itself_by_a_detour() -> None:
    """What is imported for types alone is no detour."""
    for name in IMPORTS:
        own = f"{name}.py"
        reached: set[str] = set()
        # a program of many processes imports itself by its name, and an old name of a package the package
        pending = [*sources.imported(own) - {own}]
        while pending:
            new = sources.imported(pending.pop()) - reached
            reached |= new
            pending += new
        assert own not in reached


def test_a_room_is_small_and_its_files_are_not_told_apart_by_an_ending() -> None:
    rooms: dict[str, list[str]] = {}
    for name in IMPORTS:
        room, _, module = name.rpartition("/")
        if module != "__init__":
            rooms.setdefault(room, []).append(module)
    stems = {room: [re.sub(r"(ings?|ed|s|e?r)$", "", module) for module in modules] for room, modules in rooms.items()}
    assert {room: sorted(found) for room, found in stems.items() if len(set(found)) < len(found)} == {}
    assert {room: len(modules) for room, modules in rooms.items() if len(modules) > _MOST} == {}


def test_the_core_knows_nothing_of_the_shell() -> None:
    assert _importers("tasks", "examples", "benchmarks") & set(CORE) == set()


@pytest.mark.parametrize("name", CORE)
def test_the_core_uses_numpy_extraction_torch_and_emission_templates(name: str) -> None:
    allowed = {"numpy", "generators", "hlspike"}
    if name.startswith("generators/extract/") or name == "generators/readout":
        allowed |= {"torch", "snntorch"}
    if name == "generators/emit":
        allowed |= {"jinja2"}
    if name == "generators/hardware/distributed":
        allowed |= {"da4ml"}
    assert PACKAGES[name] - sys.stdlib_module_names <= allowed


def test_hydra_and_doit_stay_in_their_modules() -> None:
    own = {f"tasks/configuration/{name}" for name in ("compose", "jobs", "origins", "reading/loader", "reading/parts",
                                                      "reading/source")}
    assert _importers("hydra", "omegaconf") == {"tasks/sweep"} | own
    users = ("dodo", "engine/incremental", "engine/record", "engine/running", "engine/store", "terminal/command",
             "terminal/console", "terminal/usage", "vitis/stages")
    assert _importers("doit") == {f"tasks/{name}" for name in users}


def test_only_pictures_are_drawn_with_matplotlib_and_never_with_its_global_state() -> None:
    assert _importers("matplotlib") == {"tasks/results/pictures"}
    assert "matplotlib/pyplot" not in IMPORTS["tasks/results/pictures"]


IMPURE = {"os", "subprocess", "pathlib", "shutil", "tempfile", "glob", "socket", "multiprocessing", "importlib"}
FILES = {"open", "fdopen", "read_text", "write_text", "read_bytes", "write_bytes", "tofile", "fromfile", "memmap",
         "savez", "savez_compressed", "loadtxt", "savetxt"}


@pytest.mark.parametrize("name", CORE)
def test_the_core_touches_no_file_and_no_process(name: str) -> None:
    """jinja2's PackageLoader in emit is the one exception: the templates belong to the package's code."""
    calls = [node.func for node in ast.walk(ast.parse(CORE[name].read_text())) if isinstance(node, ast.Call)]
    called = {func.id if isinstance(func, ast.Name) else func.attr for func in calls
              if isinstance(func, ast.Name | ast.Attribute)}
    loaded = {ast.unparse(func) for func in calls} & {"np.load", "np.save", "torch.load", "torch.save"}
    assert (PACKAGES[name] & IMPURE, called & FILES, loaded) == (set(), set(), set())


def test_no_module_is_named_like_one_of_python() -> None:
    parts = {part for name in (*CORE, *SHELL) for part in name.split("/")}
    assert parts & sys.stdlib_module_names == set()


def _sources() -> list[Path]:
    """Every text of the repository that is not made by a tool."""
    return [
        path
        for path in sorted(ROOT.rglob("*"))
        if path.is_file()
        and path.suffix in (".py", ".h", ".cpp", ".j2", ".yaml", ".toml", ".md", ".tcl", ".sh")
        and not any(part.startswith(".") or part.endswith(".egg-info") or part in ("build", "outputs", "multirun")
                    for part in path.relative_to(ROOT).parts)
    ]


def test_modules_are_short() -> None:
    checked = [path for path in _sources() if path.relative_to(ROOT).parts[0] in ("generators", "tasks", "hls_src")]
    assert len(checked) > len(CORE) + len(SHELL)
    lines = {str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in checked}
    assert {name: count for name, count in lines.items() if count > 350} == {}


def test_nothing_is_left_to_do() -> None:
    reminder = re.compile(r"\b(TO" r"DO|FIX" r"ME)\b", re.IGNORECASE)
    assert [path.name for path in _sources() if reminder.search(path.read_text(encoding="utf-8"))] == []

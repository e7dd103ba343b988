"""Three holes of stock doit, each shown to be there and to be closed here: the same small graph under both."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
DODO = '''
import os
from pathlib import Path
from doit.tools import config_changed
import steps
word = os.environ["WORD"]
if os.environ["ENGINE"] == "stock":
    def task_make():
        return {"actions": [(steps.make, [word])], "targets": ["made"], "uptodate": [config_changed({"word": word})]}
    def task_copy():
        return {"actions": [(steps.copy,)], "file_dep": ["source"], "targets": ["copied"]}
else:
    from hlspike.tasks.engine import incremental as engine
    from hlspike.tasks.engine.step import Rests
    DOIT_CONFIG = engine.options([])
    here, rests = Path("."), Rests({"word": word})
    def task_make():
        yield engine.task("make", None, "steps:make", {"word": word}, inputs=[], outputs=[Path("made")], rests=rests,
                          root=here, notes=Path("notes.json"))
    def task_copy():
        yield engine.task("copy", None, "steps:copy", {}, inputs=[Path("source")], outputs=[Path("copied")],
                          rests=Rests(), root=here, notes=Path("notes.json"))
'''
STEPS = '''
import os, signal
from pathlib import Path
def make(word):
    Path("made").write_text(word)
    if os.environ.get("KILLED"):
        os.kill(os.getpid(), signal.SIGKILL)
def copy():
    Path("copied").write_bytes(Path("source").read_bytes())
'''


class Graph:
    """Two tasks: `make` writes the word of the environment to `made`, `copy` copies `source` to `copied`."""

    def __init__(self, folder: Path, engine: str) -> None:
        self.folder, self.engine = folder, engine
        for name, text in (("dodo.py", DODO), ("steps.py", STEPS), ("source", "one")):
            (folder / name).write_text(text)
        (folder / "build").mkdir()

    def run(self, word: str = "A", **environment: str) -> int:
        known = {"ENGINE": self.engine, "WORD": word, "PYTHONPATH": f"{ROOT}{os.pathsep}{self.folder}", **environment}
        command = [sys.executable, "-m", "doit", "-v", "0", "make", "copy"]
        return subprocess.run(command, cwd=self.folder, env={**os.environ, **known}, check=False).returncode

    def text(self, name: str) -> str:
        return (self.folder / name).read_text()


def killed_then_reverted(graph: Graph) -> bool:
    """Build A, be killed while B is made, ask for A again."""
    assert graph.run("A") == 0
    assert graph.run("B", KILLED="1") == -9
    assert graph.run("A") == 0
    return graph.text("made") == "A"


def damaged_target(graph: Graph) -> bool:
    assert graph.run() == 0
    (graph.folder / "made").write_text("")
    assert graph.run() == 0
    return graph.text("made") == "A"


def same_time_other_content(graph: Graph) -> bool:
    """Rewritten in place with as many bytes, its time put back: as some editors, tar and rsync do."""
    assert graph.run() == 0
    source = graph.folder / "source"
    stat = source.stat()
    source.write_text("two")
    os.utime(source, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert graph.run() == 0
    return graph.text("copied") == "two"


@pytest.mark.parametrize("hole", [killed_then_reverted, damaged_target, same_time_other_content])
@pytest.mark.parametrize(("engine", "closed"), [("stock", False), ("ours", True)])
def test_a_hole_of_stock_doit_is_closed(hole: object, engine: str, closed: bool, tmp_path: Path) -> None:
    assert callable(hole)
    assert hole(Graph(tmp_path, engine)) is closed

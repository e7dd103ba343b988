"""What a user's code raises: one line that names the line of theirs, and the whole traceback in a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from builds import Place

from hlspike.generators.errors import HlspikeError
from hlspike.tasks import steps
from hlspike.tasks.inputs import failures
from hlspike.tasks.layout import Layout

HEAD = """import os, sys
import numpy as np
from helper import fail

def stimulus(seed):
"""
HELPER = """def fail(error):
    raise error
"""


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "helper.py").write_text(HELPER)


def refused(body: str) -> HlspikeError:
    Path("data.py").write_text(HEAD + "".join(f"    {line}\n" for line in body.splitlines()))
    with pytest.raises(HlspikeError) as refusal:
        steps.stimulus(Layout(Path("build/x")), {"source": "data.py:stimulus", "kwargs": {}}, [3], 1)
    return refusal.value


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("raise ValueError('too\\n   long')", "raised ValueError: too long; at data.py:6"),
        ("fail(KeyError('x'))", "raised KeyError: 'x'; at helper.py:2"),
        ("np.zeros(3).reshape(2)", "raised ValueError: cannot reshape array of size 3 into shape (2,); at data.py:6"),
        ("return stimulus(seed)", "raised RecursionError: maximum recursion depth exceeded; at data.py:6"),
        ("exec('1 / 0')", "raised ZeroDivisionError: division by zero; at data.py:6"),
        ("import nowhere", "raised ModuleNotFoundError: No module named 'nowhere'; at data.py:6"),
        ("raise AssertionError", "raised AssertionError; at data.py:6"),
        ("raise ExceptionGroup('two', [ValueError(), KeyError()])",
         "raised ExceptionGroup: two (2 sub-exceptions); at data.py:6"),
        ("raise ValueError('\\x1b[2J\\0\\ud800')", r"raised ValueError: \x1b[2J\x00\ud800; at data.py:6"),
        ("class Mute(Exception):\n    def __str__(self): return 3\nraise Mute",
         "raised Mute: a message that cannot be read, TypeError; at data.py:8"),
        ("sys.exit(0)", "raised SystemExit: 0; return instead of ending the program; at data.py:6"),
        ("raise KeyboardInterrupt", "raised KeyboardInterrupt; let it return or raise an error; at data.py:6"),
        ("raise ValueError('x' * 1000)", f"raised ValueError: {'x' * 300}…; at data.py:6"),
        ("os._exit(0)", "ended its process with exit code 0; return instead"),
        ("os.abort()", "was ended by SIGABRT"),
    ],
)
def test_an_error_is_told_with_its_line(body: str, told: str) -> None:
    refusal = refused(body)
    assert str(refusal) == f"data.source: data.py:stimulus {told}"
    assert ("; at " in told) == refusal.trace.startswith(("Traceback", "  + Exception Group Traceback"))


def test_a_function_that_cannot_be_entered_is_told_with_its_first_line() -> None:
    Path("data.py").write_text("\n\ndef stimulus(*, speed): return {}\n")
    with pytest.raises(HlspikeError) as refusal:
        steps.stimulus(Layout(Path("build/x")), {"source": "data.py:stimulus", "kwargs": {}}, [3], 1)
    assert str(refusal.value) == (
        "data.source: data.py:stimulus raised TypeError: stimulus() got an unexpected keyword argument 'seed'; at "
        "data.py:3"
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("def (", "raised SyntaxError: invalid syntax (broken.py, line 1); at broken.py:1"),
        ("x = 1\ny = unknown", "raised NameError: name 'unknown' is not defined; at broken.py:2"),
        ("import helper\nhelper.fail(OSError(2, 'gone'))", "raised FileNotFoundError: [Errno 2] gone; at helper.py:2"),
    ],
)
def test_an_import_that_fails_is_told_with_its_line(text: str, told: str) -> None:
    Path("broken.py").write_text(text)
    with pytest.raises(HlspikeError) as refusal:
        steps.stimulus(Layout(Path("build/x")), {"source": "broken.py:stimulus", "kwargs": {}}, [3], 1)
    assert str(refusal.value) == f"data.source: importing broken.py {told}"


def test_a_place_is_of_the_users_files_alone(tmp_path: Path) -> None:
    def raising(**_: Any) -> None:
        raise ValueError

    try:
        raising()
    except ValueError as error:
        mine = failures.place(error, lambda path: path == __file__)
        assert mine is not None and mine.startswith(f"{__file__}:")
        assert failures.place(error, lambda path: False) is None
        assert failures.place(error, lambda path: False, raising) is None


def test_the_traceback_is_kept_until_the_step_succeeds(place: Place) -> None:
    log = place.path / "build" / "tiny" / "log" / "extract-traceback.log"
    place.edit("model.py", "return self.lif2(", "raise ValueError('no') or self.lif2(")
    assert place.refused() == (
        "model: forward of Net fails on one timestep of shape (5,): no; make it run on that, or set model.input_shape "
        "to what it takes (without batch); at model.py:16; traceback in build/tiny/log/extract-traceback.log"
    )
    assert log.read_text().startswith("Traceback") and log.read_text().endswith("ValueError: no\n")
    place.edit("model.py", "raise ValueError('no') or self.lif2(", "return self.lif2(")
    place.build()
    assert not log.exists()
    # only the float run has six sequences
    place.edit("model.py", "return self.lif2(", "assert len(x) != 6\n        return self.lif2(")
    assert place.refused() == (
        "model: forward of Net raised AssertionError; at model.py:16; traceback in build/tiny/log/float-traceback.log"
    )

"""A call of the user's code touches nothing outside of its child, and however it ends, that is one line."""

from __future__ import annotations

import os
import re
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from calling import call, run, value

from hlspike.generators.errors import ConfigError
from hlspike.tasks.inputs import prepared


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "one.txt").write_text("one")
    return tmp_path


TOLD = """
import random, signal, threading, torch
state = (os.getcwd(), os.umask(0o22), torch.get_default_dtype(), torch.is_grad_enabled(), torch.get_num_threads(),
         np.random.random(), random.random(), torch.rand(1).item(), os.environ.get('LEFT'), 'left' in sys.modules,
         threading.active_count(), signal.getsignal(signal.SIGINT), np.get_printoptions()['precision'],
         os.listdir('/proc/self/fd').__len__(), sys.path, sorted(os.sched_getaffinity(0)), hash('text'))
return {'frames': np.full((1, 1, 4), hash(str(state)) % 2**20)}
"""
MISCHIEF = {
    "directory": "os.chdir('/')",
    "umask": "os.umask(0o777)",
    "dtypes": "import torch; torch.set_default_dtype(torch.float64)",
    "gradients": "import torch; torch.set_grad_enabled(False)",
    "threads of torch": "import torch; torch.set_num_threads(2); torch.rand(900, 900) @ torch.rand(900, 900)",
    "seeds": "import random, torch; random.seed(5); np.random.seed(5); torch.manual_seed(5)",
    "environment": "os.environ['LEFT'] = '1'",
    "modules": "import types; sys.modules['left'] = types.ModuleType('left')",
    "a patched library": "np.set_printoptions(precision=2); np.linalg.norm = None",
    "a thread that goes on": "import threading, time; threading.Thread(target=time.sleep, args=(600,)).start()",
    "signals": "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)",
    "all descriptors closed": "os.closerange(3, 4096)",
    "its output closed": "os.close(1); os.close(2)",
    "its input read": "assert sys.stdin.read() == ''",
    "a session of its own": "import subprocess; subprocess.Popen(['sleep', '600'], start_new_session=True)",
    "exit functions": "import atexit; atexit.register(lambda: 1 / 0)",
    "a signal to its group": "import signal; signal.signal(15, signal.SIG_IGN); os.killpg(0, 15)",
    "a limit": "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))",
    "its parent's memory": "import gc; gc.disable()",
}


@pytest.mark.parametrize("kind", MISCHIEF)
def test_what_a_call_leaves_behind_reaches_no_other(kind: str) -> None:
    call(TOLD)
    before = value()
    call(MISCHIEF[kind])
    call(TOLD)
    assert value() == before


def test_what_closed_every_descriptor_is_recorded_all_the_same() -> None:
    assert "one.txt" in call("os.closerange(3, 4096)\nopen('one.txt').read()")


DAEMON = """
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        open('daemon', 'w').write(str(os.getpid()))
        os.execvp('sleep', ['sleep', '600'])
    os._exit(0)
os.wait()
while not os.path.exists('daemon') or not open('daemon').read(): pass
"""


@pytest.mark.parametrize("end", ["pass", "os._exit(0)", "os.kill(os.getpid(), 9)"])
def test_a_daemon_does_not_outlive_its_call(end: str, here: Path) -> None:
    if end == "pass":
        call(DAEMON)
    else:
        with pytest.raises(ConfigError):
            call(f"{DAEMON}\n{end}")
    assert not Path(f"/proc/{(here / 'daemon').read_text()}").exists()


def test_no_child_is_left_as_a_zombie() -> None:
    call("import subprocess\nsubprocess.Popen(['true'])")
    assert prepared._process is not None
    listed = subprocess.run(["ps", "-eo", "stat,ppid"], capture_output=True, text=True, check=True).stdout
    mine = [line.split() for line in listed.splitlines()[1:] if line.split()[1] == str(os.getpid())]
    assert not [stat for stat, _ in mine if stat.startswith("Z")]


ENDS = [
    ("sys.exit(0)", "data.source: data.py:stimulus raised SystemExit: 0; return instead of ending the program"
                    "; at data.py:6"),
    ("sys.exit()", "data.source: data.py:stimulus raised SystemExit; return instead of ending the program"
                   "; at data.py:6"),
    ("sys.exit('no data')",
     "data.source: data.py:stimulus raised SystemExit: no data; return instead of ending the program; at "
     "data.py:6"),
    ("raise KeyboardInterrupt",
     "data.source: data.py:stimulus raised KeyboardInterrupt; let it return or raise an error; at data.py:6"),
    ("raise GeneratorExit", "data.source: data.py:stimulus raised GeneratorExit; at data.py:6"),
    ("raise BaseException('own')", "data.source: data.py:stimulus raised BaseException: own; at data.py:6"),
    ("class Own(BaseException): pass\nraise Own('x')", "data.source: data.py:stimulus raised Own: x; at data.py:7"),
    ("raise ValueError('one\\ntwo')", "data.source: data.py:stimulus raised ValueError: one two; at data.py:6"),
    ("def f(): f()\nf()",
     "data.source: data.py:stimulus raised RecursionError: maximum recursion depth exceeded; at data.py:6"),
    ("os._exit(0)", "data.source: data.py:stimulus ended its process with exit code 0; return instead"),
    ("os._exit(3)", "data.source: data.py:stimulus ended its process with exit code 3; return instead"),
    ("os.abort()", "data.source: data.py:stimulus was ended by SIGABRT"),
    ("import ctypes; ctypes.string_at(0)", "data.source: data.py:stimulus was ended by SIGSEGV"),
    ("os.kill(os.getpid(), 9)", "data.source: data.py:stimulus was ended by SIGKILL; is there enough memory?"),
    ("os.kill(os.getpid(), 40); import time; time.sleep(9)", "data.source: data.py:stimulus was ended by signal 40"),
    ("import threading\nt = threading.Thread(target=os._exit, args=(4,)); t.start(); t.join()",
     "data.source: data.py:stimulus ended its process with exit code 4; return instead"),
    ("class Odd(Exception):\n    __class__ = property(lambda self: 1 / 0)\nraise Odd('x')",
     "data.source: data.py:stimulus raised Odd: x; at data.py:8"),
    *((body, "data.source: data.py:stimulus changed its process so that nothing can be told of it any more; leave "
       "limits, the root folder, built-in names and modules of Python as they are") for body in (
        "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))",
        "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))",
        "import json; json.dumps = None", "import builtins; builtins.open = builtins.isinstance = None")),
    ("os.execvp('true', ['true'])", "data.source: data.py:stimulus ended its process with exit code 0; return instead"),
    ("input('name? ')", "data.source: data.py:stimulus raised EOFError: EOF when reading a line; at data.py:6"),
]


@pytest.mark.parametrize(("body", "message"), ENDS)
def test_however_a_call_ends_it_is_told_in_one_line(body: str, message: str) -> None:
    with pytest.raises(ConfigError, match=f"^{re.escape(message)}$"):
        call(body)
    call("pass")


def test_a_process_that_was_forked_and_returns_is_no_call(capfd: pytest.CaptureFixture[str]) -> None:
    """It tells no outcome, and makes nothing, in the place of the call."""
    call("if os.fork() == 0:\n    raise ValueError('late')\nassert os.wait()[1]")
    assert capfd.readouterr().err.endswith("ValueError: late\n")
    call("if os.fork() == 0:\n    return {'frames': np.zeros((1, 1, 4))}\nassert not os.wait()[1]")
    assert value() == 1


def test_an_import_that_ends_the_program_is_told_as_well() -> None:
    Path("data.py").write_text("import sys\nsys.exit(0)\n")
    told = "data.source: importing data.py raised SystemExit: 0; return instead of ending the program; at data.py:2"
    with pytest.raises(ConfigError, match=f"^{re.escape(told)}$"):
        run("data.py:stimulus")


def test_what_is_printed_is_passed_on_line_by_line(capfd: pytest.CaptureFixture[str]) -> None:
    call("print('β = 0.9')\nsys.stdout.write('half')\nprint('to err', file=sys.stderr)\nos.system('echo shell')\n"
         "sys.stderr.write('\\r10 %\\r20 %')\nos.write(1, b' \\xff\\n')")
    out, err = capfd.readouterr()
    assert sorted(out.splitlines()) == sorted(["β = 0.9", "shell", " \ufffd", "half"])
    assert err == "to err\n20 %\n"


def test_two_calls_at_once_are_apart() -> None:
    os.mkfifo("fast")
    Path("slow.py").write_text("import numpy as np\ndef stimulus(seed):\n    open('slow', 'w')\n"
                               "    open('fast').read()\n    return {'frames': np.ones((1, 1, 4))}\n")
    Path("fast.py").write_text("import os, numpy as np\ndef stimulus(seed):\n    open('one.txt').read()\n"
                               "    return {'frames': np.ones((1, 1, 4))}\n")
    found: dict[str, object] = {}
    slow = threading.Thread(target=lambda: found.update(slow=run("slow.py:stimulus")))
    slow.start()
    while not Path("slow").exists():
        time.sleep(0.01)
    found["fast"] = run("fast.py:stimulus")
    Path("fast").write_text("done")
    slow.join()
    assert "one.txt" in found["fast"] and "one.txt" not in found["slow"]  # type: ignore[operator]

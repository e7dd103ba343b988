"""User code in whole builds: what runs again when something that it rests on has changed, and what is refused."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from builds import ROOT, Place, furnished

CACHED = "cache.enabled=true"
RECORDED = '''
import h5py


def stimulus(seed, sequences):
    with h5py.File("recording.h5", "r") as file:
        return {"frames": file["frames"][:sequences]}
'''


def record(place: Place, seed: int) -> None:
    frames = np.random.default_rng(seed).integers(0, 9, (6, 4, 5)) / 8
    with h5py.File(place.path / "recording.h5", "w") as file:
        file["frames"] = frames


def inputs(place: Place) -> dict[str, str]:
    found: dict[str, str] = json.loads((place.path / "build/tiny/manifest.json").read_text())["inputs"]
    return found


def test_a_recording_that_is_rewritten_is_read_again_and_another_checkout_gets_its_own(tmp_path: Path) -> None:
    places = [furnished(tmp_path / name) for name in "ab"]
    for seed, place in enumerate(places):
        place.write("data.py", RECORDED)
        record(place, seed)
        ran = place.doit("build", CACHED, XDG_CACHE_HOME=str(tmp_path / "cache"))
        assert (ran.code, ran.err) == (0, "")
        assert "stimulus" in ran.tasks, "each has a recording of its own"
    record(places[0], 1)
    ran = places[0].doit("build", CACHED, XDG_CACHE_HOME=str(tmp_path / "cache"))
    assert "stimulus" in ran.reused, "the other has made it already"
    assert places[0].made() == places[1].made()
    record(places[0], 2)
    ran = places[0].doit("build", CACHED, XDG_CACHE_HOME=str(tmp_path / "cache"))
    assert "stimulus" in ran.tasks
    assert {"data.py", "recording.h5", "model.py", "weights.pt"} == inputs(places[0]).keys()


def test_the_file_that_is_named_is_an_input_also_when_it_only_passes_on(place: Place) -> None:
    text = (place.path / "model.py").read_text()
    place.write("small.py", text)
    place.write("large.py", text.replace("nn.Linear(5, 6)", "nn.Linear(5, 6, bias=True)"))
    place.write("model.py", "from small import build")
    assert place.build() == {"extract", "float"}
    assert {"model.py", "small.py"} <= inputs(place).keys() and "large.py" not in inputs(place)
    place.write("model.py", "from large import build")
    assert place.build() == {"extract", "float"}
    assert {"model.py", "large.py"} <= inputs(place).keys() and "small.py" not in inputs(place)


def test_an_input_of_two_steps_counts_for_each(place: Place) -> None:
    place.write("settings.py", "BETA = 0.75\nSEED = 7\n")
    place.edit("model.py", "from torch import nn", "from torch import nn\nimport settings")
    place.edit("data.py", "import numpy as np", "import numpy as np\nimport settings")
    assert place.build() == {"extract", "float", "stimulus"}
    place.write("settings.py", "BETA = 0.75\nSEED = 8\n")
    assert place.build() == {"extract", "float", "stimulus"}
    assert place.build() == set()


NONDETERMINISTIC = {
    "numpy": "import numpy as np\n    net.fc1.weight.data += torch.tensor(np.random.default_rng().random((6, 5)))",
    "time": "import time\n    net.fc1.weight.data += time.perf_counter()",
    "one value": "import uuid\n    net.fc1.weight.data[5, 4] = uuid.uuid4().int % 1000",
}


@pytest.mark.parametrize("kind", NONDETERMINISTIC)
def test_a_module_that_is_another_each_time_is_refused_by_its_parameter(kind: str, place: Place) -> None:
    place.edit("model.py", "    return Net(beta)", f"    net = Net(beta)\n    {NONDETERMINISTIC[kind]}\n    return net")
    told = ("model.source: model.py:build gives other values of 'fc1.weight' now than when {}, although random, NumPy "
            "and torch are seeded alike; let every call give the same module: seed its own generators, use no time")
    if kind == "numpy":
        trained = ("model.checkpoint=null", "model.train=model.py:train")
        assert place.refused(*trained) == told.format("it was trained")
    assert place.refused("model.checkpoint=null") == told.format("the network was read from it")


def test_a_module_that_is_another_each_time_may_be_loaded(place: Place) -> None:
    drawn = NONDETERMINISTIC["numpy"]
    place.edit("model.py", "    return Net(beta)", f"    net = Net(beta)\n    {drawn}\n    return net")
    assert place.build() == {"extract", "float"}


def test_generators_that_are_seeded_for_it_give_the_same_module(place: Place) -> None:
    drawn = ("import random\n    import numpy as np\n    net.fc1.weight.data *= random.random() + np.random.rand()\n"
             "    net.fc1.weight.data[0, 0] = len(sorted({'a', 'b'}, key=hash)[0]) * torch.rand(1).item()")
    place.edit("model.py", "    return Net(beta)", f"    net = Net(beta)\n    {drawn}\n    return net")
    place.build("model.checkpoint=null")
    assert place.build("model.checkpoint=null") == set()


def test_a_file_that_changes_between_two_steps_is_told(place: Place) -> None:
    """The network has been read from it when the stimulus is made; the float run would be of another."""
    place.edit("data.py", "    chance =", "    open('model.py', 'a').write('# changed')\n    chance =")
    place.edit("model.py", "def build", "# the network\ndef build")
    assert place.refused() == "model.py: it changed while the build ran; run the build again"
    place.edit("data.py", "    open('model.py', 'a').write('# changed')\n", "")
    assert {"extract", "float"} <= place.build()
    assert place.build() == set()


def test_environment_variables_that_are_named_count(place: Place) -> None:
    place.edit("data.py", "default_rng(7)", "default_rng(int(os.environ.get('CHANCE', 7)))")
    place.edit("data.py", "import numpy as np", "import os\nimport numpy as np")
    place.edit("conf/config.yaml", "  calibration: 4", "  calibration: 4\n  env: [CHANCE]")
    assert "stimulus" in place.build()
    ran = place.doit("build", CHANCE="8")
    assert "stimulus" in ran.tasks and "extract" not in ran.tasks
    assert place.doit("build", CHANCE="8").tasks == set()
    assert place.doit("why", "stimulus").out == "stimulus: environment variable CHANCE: 8 → none\n"
    assert "stimulus" in place.build()


def test_files_that_are_named_by_hand_count(place: Place) -> None:
    (place.path / "served").mkdir()
    (place.path / "served" / "version.txt").write_text("1")
    given = "model.inputs=[served]", "data.inputs=['served/*.txt']"
    assert {"stimulus", "extract", "float"} <= place.build(*given)
    assert place.build(*given) == set()
    (place.path / "served" / "version.txt").write_text("2")
    assert {"stimulus", "extract", "float"} <= place.build(*given)
    (place.path / "served" / "more.txt").write_text("1")
    assert {"stimulus", "extract", "float"} <= place.build(*given)
    assert place.refused("data.inputs=[sreved/*.txt]") == (
        f"data.inputs: there is no file 'sreved/*.txt'; paths are relative to {place.path}"
    )


EXITS = {
    "when it is imported": ("import torch", "import torch\nimport sys\nsys.exit(0)",
                            "model.source: importing model.py raised SystemExit: 0; "),
    "when it is built": ("    return Net(beta)", "    raise SystemExit",
                         "model.source: model.py:build raised SystemExit; "),
    "when it runs": ("        return self", "        raise SystemExit(0)\n        return self",
                     "model: forward of Net raised SystemExit: 0; "),
}


@pytest.mark.parametrize("kind", EXITS)
def test_code_that_ends_the_program_fails_its_step(kind: str, place: Place) -> None:
    old, new, told = EXITS[kind]
    place.edit("model.py", old, new)
    said = place.refused()
    assert said.startswith(f"{told}return instead of ending the program; at model.py:"), said


def test_a_variant_that_ends_the_program_leaves_the_others_standing(place: Place) -> None:
    place.edit("data.py", "    chance =", "    if sequences == 5: raise SystemExit(0)\n    chance =")
    ran = place.doit("build", "data.kwargs.sequences=5,6,4")
    assert ran.code != 0 and ran.err.count("\n") == 1
    assert ran.err.startswith("error: data.source: data.py:stimulus raised SystemExit: 0; ")
    rows = (place.path / "build" / "tiny" / "sweep.csv").read_text().splitlines()[1:]
    assert [row.split(",")[1:3] for row in rows] == [["5", "failed"], ["6", "ok"], ["4", "ok"]]


COUNTING = '''
import os, sys
if any(word.endswith("forking.py") for word in sys.orig_argv):
    with open(os.environ["COUNTER"], "a") as counter:
        counter.write("started\\n")
'''


def test_the_prepared_process_is_started_once_for_a_build_and_not_at_all_for_nothing(
    place: Place, tmp_path: Path
) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(COUNTING)
    counter = tmp_path / "counter"
    counter.touch()
    environment = {"PYTHONPATH": f"{Path(__file__).parent.parent}:{tmp_path / 'site'}", "COUNTER": str(counter)}
    assert place.doit("build", **environment).tasks == set()
    assert counter.read_text() == ""
    place.edit("model.py", "def build", "# the network\ndef build")
    place.edit("data.py", "def stimulus", "# the data\ndef stimulus")
    ran = place.doit("-n", "2", "build", "seed=0,1", **environment)
    assert {task.split(":")[0] for task in ran.tasks} >= {"stimulus", "extract", "float"}, ran
    assert counter.read_text() == "started\n"


def test_what_is_printed_stands_in_lines_of_its_own(place: Place) -> None:
    place.edit("data.py", "    chance =", "    print('reading', end='')\n    chance =")
    ran = place.doit("build")
    assert re.search(r"^reading$", ran.out, re.MULTILINE)
    assert re.search(r"^ *\d+\.\d\d s  stimulus$", ran.out, re.MULTILINE)


def test_why_tells_what_is_more_than_a_file(place: Place) -> None:
    (place.path / "clips").mkdir()
    looks = "os.listdir('clips'), os.path.exists('more')"
    place.edit("data.py", "    chance =", f"    import os\n    {looks}\n    chance =")
    place.build()
    (place.path / "clips" / "one").touch()
    (place.path / "more").touch()
    (place.path / "numpy.py").touch()
    told = set(place.doit("why", "stimulus").out.splitlines())
    assert told == {
        "stimulus: clips, a folder that it lists, holds other names",
        "stimulus: more, which it looked for, is there now",
        "stimulus: import of numpy: none → numpy.py",
    }


def test_a_package_counts_with_its_version_and_a_module_without_one_by_its_bytes(place: Place, tmp_path: Path) -> None:
    site = tmp_path / "site-packages"
    (site / "recorded-1.0.dist-info").mkdir(parents=True)
    (site / "recorded-1.0.dist-info" / "top_level.txt").write_text("recorded\n")
    (site / "recorded.py").write_text("FACTOR = 1\n")
    (site / "dropped.py").write_text("OFFSET = 0\n")
    environment = {"PYTHONPATH": f"{Path(__file__).parent.parent}:{site}"}
    place.edit("data.py", "import numpy as np", "import numpy as np\nimport dropped, recorded")
    place.edit("data.py", "/ 8,", "/ 8 * recorded.FACTOR + dropped.OFFSET,")
    assert "stimulus" in place.doit("build", **environment).tasks
    assert place.doit("build", **environment).tasks == set()
    (site / "recorded-1.0.dist-info").rename(site / "recorded-2.0.dist-info")
    assert place.doit("why", "stimulus", **environment).out == "stimulus: version of recorded: 1.0 → 2.0\n"
    assert "stimulus" in place.doit("build", **environment).tasks
    (site / "dropped.py").write_text("OFFSET = 1\n")
    assert "stimulus" in place.doit("build", **environment).tasks
    manifest = json.loads((place.path / "build/tiny/manifest.json").read_text())
    assert manifest["versions"]["recorded"] == "2.0"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_user_code_does_not_outlive_a_build_that_is_killed(number: signal.Signals, place: Place) -> None:
    place.edit("data.py", "    chance =", "    wait()\n    chance =")
    place.write("data.py", (place.path / "data.py").read_text() + '''

def wait():
    import os, subprocess, time
    child = subprocess.Popen(["sleep", "600"])
    with open("pids.new", "w") as file:
        file.write(f"{os.getpid()} {os.getppid()} {child.pid}")
    os.rename("pids.new", "pids")
    time.sleep(600)
''')
    process = place.start("build")
    until(lambda: (place.path / "pids").exists())
    process.send_signal(number)
    process.communicate()
    pids = (place.path / "pids").read_text().split()
    until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids))


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_what_is_printed_does_not_touch_the_live_line(place: Place) -> None:
    place.edit("data.py", "    chance =", "    import time\n    for k in range(4):\n        print('reading', k)\n"
               "        time.sleep(0.3)\n    chance =")
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "doit", "-f", str(ROOT / "tasks" / "dodo.py"), "-d", ".", "build"]
    process = subprocess.Popen(
        command, cwd=place.path, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdin=theirs, stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    told = b""
    with contextlib.suppress(OSError):  # the other end has been closed
        while data := os.read(ours, 4096):
            told += data
    assert process.wait() == 0
    assert b"] stimulus" in told, "there was a live line"
    shown = told.decode().replace("\r\n", "\n")
    for k in range(4):
        assert re.search(rf"(^|\n|\x1b\[K)reading {k}\n", shown), shown


def test_a_full_disk_is_not_taken_for_code_that_reads_nothing(place: Place, tmp_path: Path) -> None:
    place.edit("data.py", "    chance =", "    [os.path.exists(f'none{k}') for k in range(99)]\n    chance =")
    place.edit("data.py", "import numpy as np", "import os, resource\nimport numpy as np\n"
               "resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 10**9))")
    place.edit("data.py", "    chance =", "    resource.setrlimit(resource.RLIMIT_FSIZE, (10**9, 10**9))\n    chance =")
    told = place.refused(TMPDIR=str(tmp_path))
    assert told == f"stimulus: {tmp_path} takes no more, and what was read is not known; set TMPDIR"


def test_packages_that_cannot_be_imported_are_one_line(place: Place, tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text("import sys\nsys.modules['snntorch'] = None\n")
    place.edit("data.py", "def stimulus", "# the data\ndef stimulus")
    told = place.refused(PYTHONPATH=f"{Path(__file__).parent.parent}:{tmp_path / 'site'}")
    assert told == (
        "the process that runs the user's code cannot start: ModuleNotFoundError: import of snntorch halted; None in "
        "sys.modules"
    )


def test_a_build_goes_on_when_the_prepared_process_is_killed(place: Place) -> None:
    place.edit("data.py", "import numpy as np", "import os\nimport numpy as np")
    place.edit("data.py", "    chance =", "    if sequences == 5:\n        os.kill(os.getppid(), 9)\n    chance =")
    ran = place.doit("build", "data.kwargs.sequences=5,6")
    assert ran.code != 0
    assert ran.err == "error: the process that runs the user's code is gone; run the build again\n"
    rows = (place.path / "build" / "tiny" / "sweep.csv").read_text().splitlines()[1:]
    assert [row.split(",")[1:3] for row in rows] == [["5", "failed"], ["6", "ok"]]

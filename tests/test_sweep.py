"""Sweeps by Hydra's launchers: the same as in one process, and no job costs another its result."""

from __future__ import annotations

import csv
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from builds import ROOT, Place

from hlspike.generators.errors import ConfigError
from hlspike.tasks import sweep
from hlspike.tasks.configuration import compose, launchers

SWEPT = "hls.layers.fc1.reuse_factor=1,5"
LABELS = ("hls.layers.fc1.reuse_factor-1", "hls.layers.fc1.reuse_factor-5")
TIMES = re.compile(r"^\[(\d)/(\d)\] (.*), \d+\.\d s$", re.MULTILINE)
SHARED = "cache.enabled=true"


def run(place: Place, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": str(place.path / ".cache")}
    command = [sys.executable, "-m", "hlspike.tasks.sweep", *arguments]
    return subprocess.run(command, cwd=place.path, env=environment, capture_output=True, text=True, check=False)


def table(place: Place) -> list[dict[str, str]]:
    """sweep.csv without what differs from run to run."""
    with open(place.path / "build" / "tiny" / "sweep.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    return [{key: value for key, value in row.items() if key not in ("seconds", "reused")} for row in rows]


def made(place: Place) -> dict[str, bytes]:
    """Every file of the variants that holds no time."""
    return {path: content for path, content in place.made().items() if path.startswith(LABELS)}


def log(place: Place, label: str) -> str:
    return (place.path / "build" / "tiny" / label / "log" / "build.log").read_text()


@pytest.fixture(scope="module")
def one_process(built: Place, tmp_path_factory: pytest.TempPathFactory) -> tuple[Place, str]:
    """A directory after a sweep in one process, and what that said last."""
    place = built.copy(tmp_path_factory.mktemp("swept") / "place")
    ran = place.doit("build", SHARED, SWEPT)
    assert ran.code == 0, ran
    return place, ran.out


@pytest.fixture
def warm(place: Place, one_process: tuple[Place, str]) -> Place:
    """A directory whose cache holds the sweep."""
    shutil.copytree(one_process[0].path / ".cache", place.path / ".cache")
    return place


@pytest.mark.parametrize("launcher", ["basic", "joblib", "submitit_local"])
def test_every_launcher_makes_what_one_process_makes(
    warm: Place, one_process: tuple[Place, str], launcher: str
) -> None:
    done = run(warm, "-m", SHARED, SWEPT, f"hydra/launcher={launcher}")
    assert (done.returncode, done.stderr) == (0, "")
    assert made(warm) == made(one_process[0])
    assert len(made(warm)) > 40
    assert table(warm) == table(one_process[0])
    assert [(row["hls.layers.fc1.reuse_factor"], row["status"]) for row in table(warm)] == [("1", "ok"), ("5", "ok")]
    told = TIMES.findall(done.stdout)
    assert [line[:2] for line in told] == [("1", "2"), ("2", "2")]
    assert {line[2] for line in told} == {f"tiny {label}: ok" for label in LABELS}
    # the other way of asking finds everything done
    assert warm.build(SHARED, SWEPT) == set()


def test_the_sweep_of_a_file_is_one_to_a_build_and_to_launchers(
    warm: Place, one_process: tuple[Place, str], tmp_path: Path
) -> None:
    key, _, values = SWEPT.partition("=")
    config = (warm.path / "conf" / "config.yaml").read_text()
    warm.write("conf/config.yaml", f"{config}hydra: {{sweeper: {{params: {{{key}: '{values}'}}}}}}\n")
    done = run(warm, "-m", SHARED, "hydra/launcher=joblib")
    assert (done.returncode, done.stderr) == (0, "")
    assert table(warm) == table(one_process[0])
    assert warm.build(SHARED) == set()
    # the command line wins
    done = run(warm, "-m", SHARED, f"{key}=5,3")
    assert (done.returncode, done.stderr) == (0, "")
    assert [row[key] for row in table(warm)] == ["5", "3"]


def test_a_sweep_in_one_process_is_one_to_launchers_too(one_process: tuple[Place, str], tmp_path: Path) -> None:
    place = one_process[0].copy(tmp_path / "place")
    done = run(place, "-m", SHARED, SWEPT)
    assert done.returncode == 0
    assert [log(place, label).count(" s  ") for label in LABELS] == [0, 0]
    columns = re.search(r"^ *hls\.layers\.fc1\.reuse_factor .*?\n\n", one_process[1], re.DOTALL | re.MULTILINE)
    assert columns is not None and columns[0].splitlines()[0] in done.stdout


def test_a_job_that_fails_costs_only_its_row_and_the_next_sweep_does_only_what_is_missing(warm: Place) -> None:
    done = run(warm, "-m", SHARED, "hls.layers.fc1.reuse_factor=1,4", "hydra/launcher=joblib")
    assert done.returncode == 1
    reason = ("hls.layers.fc1.reuse_factor: 4 does not divide the 30 products of layer 'fc1'; "
              "the nearest legal values are 3 and 5")
    assert done.stderr == f"error: tiny hls.layers.fc1.reuse_factor-4: {reason}\n"
    rows = table(warm)
    assert [row["status"] for row in rows] == ["ok", "failed"]
    assert [row["accuracy_csim"] == "" for row in rows] == [False, True]
    assert "failed" in done.stdout

    done = run(warm, "-m", SHARED, SWEPT, "hydra/launcher=joblib")
    assert (done.returncode, done.stderr) == (0, "")
    assert log(warm, LABELS[0]).count(" s  ") == 0
    assert log(warm, LABELS[1]).count(" s  ") > 20


def test_a_job_that_is_killed_leaves_the_others_their_results(place: Place) -> None:
    """With its whole process, as a cluster does when memory or time is up."""
    place.edit("data.py", "import numpy as np\n", "import os, signal, time\nimport numpy as np\n")
    place.edit("data.py", "    chance =", "    if sequences == 5:\n        kill()\n    chance =")
    place.write("data.py", (place.path / "data.py").read_text() + """

def kill():
    other = "build/tiny/data.kwargs.sequences-6/log/job.json"
    while not os.path.exists(other):
        time.sleep(0.05)
    line = [os.getpid()]  # this call, what forked it, the build, the job
    while len(line) < 4:
        line.append(int(open(f"/proc/{line[-1]}/stat").read().rpartition(")")[2].split()[1]))
    for process in reversed(line[2:]):
        os.kill(process, signal.SIGKILL)
    time.sleep(60)
""")
    done = run(place, "-m", "data.kwargs.sequences=6,5", "hydra/launcher=joblib", "hydra.launcher.n_jobs=2")
    assert done.returncode == 1
    assert [row["status"] for row in table(place)] == ["ok", "failed"]
    # joblib's processes complain as well
    first, second = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert "Traceback" not in done.stderr, done.stderr
    assert first.startswith("error: the launcher: TerminatedWorkerError: ")
    assert second == ("error: tiny data.kwargs.sequences-5: its job has not come to an end; "
                      "see build/tiny/data.kwargs.sequences-5/log/build.log")


def test_a_difference_between_executors_is_a_row_of_its_own(warm: Place) -> None:
    """The csim of one variant is made to lie; its report is there, and says so."""
    assert run(warm, "-m", SHARED, SWEPT).returncode == 0
    trace = warm.path / "build" / "tiny" / LABELS[1] / "csim" / "trace.npz"
    lie = f"""
import numpy as np
from hlspike.tasks.archives import arrays
from hlspike.tasks.archives import traces as recorded

_csim = recorded.csim

def csim(layout, *given):
    _csim(layout, *given)
    if layout.root.name == {LABELS[1]!r}:
        found = arrays.read_npz(layout.trace("csim"))
        found["spikes/lif1"][2, 1, 3] ^= 1
        arrays.write_npz(layout.trace("csim"), found)

recorded.csim = csim
"""
    trace.unlink()
    (warm.path / "lies").mkdir()
    warm.write("lies/sitecustomize.py", lie)
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{warm.path / 'lies'}"}
    done = subprocess.run(
        [sys.executable, "-m", "hlspike.tasks.sweep", "-m", "cache.enabled=false", SWEPT], cwd=warm.path,
        env=environment, capture_output=True, text=True, check=False,
    )
    assert done.returncode == 1
    assert [row["status"] for row in table(warm)] == ["ok", "differs"]
    place = "sequence 2, timestep 1, neuron 3"
    assert done.stderr.startswith(
        f"error: tiny {LABELS[1]}: lif1: csim differs from the reference in spikes of {place}: expected "
    )
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["precision=eight"], "sweep: -m is missing; for a single variant use doit build"),
        (["-m", "--cfg", "job"], "sweep: --cfg is not supported; give -m and overrides"),
        (["-m", "hydra/sweeper=optuna"],
         "hydra/sweeper: optuna is not supported, variants are named at the start; use basic"),
    ],
)
def test_what_cannot_be_swept_is_refused_in_one_line(
    capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert sweep.main(arguments) == 1
    assert capsys.readouterr().err == f"error: {message}\n"


def test_a_wrong_key_is_refused_before_any_job(place: Place) -> None:
    done = run(place, "-m", "sim.tracee=spikes,states", "hydra/launcher=joblib")
    assert done.returncode == 1
    assert done.stderr.startswith("error: sim.tracee: there is no such key") and done.stderr.count("\n") == 1
    assert "did you mean 'sim.trace'" in done.stderr
    assert done.stdout == ""


def test_a_launcher_that_is_missing_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launchers, "installed", lambda plugin: False)
    with pytest.raises(ConfigError) as caught:
        sweep._check(["-m"], ["hydra/launcher=ray"])
    assert str(caught.value) == "hydra/launcher: ray is not installed; pip install 'hlspike[ray]'"
    with pytest.raises(ConfigError, match=r"^hydra/launcher: slurm is not installed; pip install 'hlspike\[sweep\]'$"):
        sweep._check(["-m"], ["hydra/launcher=slurm"])


def test_without_any_plugin_no_launcher_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(name: str) -> None:
        raise ModuleNotFoundError("No module named 'hydra_plugins'")

    monkeypatch.setattr(launchers, "find_spec", gone)
    assert launchers.missing("joblib") == "hydra/launcher: joblib is not installed; pip install 'hlspike[sweep]'"
    assert launchers.missing("basic") is None


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("hydra/launcher=jobli",
         "hydra/launcher: there is no 'jobli', did you mean 'joblib'; choices are basic, joblib, slurm, "
         "submitit_local, submitit_slurm"),
        ("hydra/launcher=3",
         "hydra/launcher: must be the name of a choice, found 3; choices are basic, joblib, slurm, submitit_local, "
         "submitit_slurm"),
        ("hydra/launcher=null",
         "hydra/launcher: must be the name of a choice, found null; choices are basic, joblib, slurm, submitit_local, "
         "submitit_slurm"),
        ("hydra/launcher=joblib,basic", "hydra/launcher: has several values; a sweep has one launcher, set one"),
        ("hydra.launcher.jobs=3", "hydra.launcher.jobs: there is no such key or group; see conf/config.yaml"),
        ("hydra.verbos=1", "hydra.verbos: there is no such key or group; see conf/config.yaml"),
    ],
)
def test_a_setting_of_hydra_is_judged_before_a_job_begins(setting: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        compose.check_hydra([setting], ROOT / "conf")
    assert str(caught.value) == message


def test_a_value_of_a_launcher_has_its_type() -> None:
    with pytest.raises(ConfigError, match=r"^hydra\.launcher\.n_jobs: must be of type Integer, found many$"):
        compose.check_hydra(["hydra/launcher=joblib", "hydra.launcher.n_jobs=many"], ROOT / "conf")


def test_a_sweep_that_cannot_be_launched_is_one_line(place: Place) -> None:
    done = run(place, "-m", SWEPT, "hydra/launcher=nowhere")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "error: hydra/launcher: there is no 'nowhere'; choices are basic, joblib, slurm, submitit_local, "
        "submitit_slurm\n"
    )


def test_the_shipped_slurm_launcher_holds_jobs_to_the_licences() -> None:
    from hydra import compose as composed
    from hydra import initialize_config_dir

    with initialize_config_dir(version_base="1.3", config_dir=str(ROOT / "conf")):
        given = ["hydra/launcher=slurm", "hydra.launcher.array_parallelism=2"]
        launcher = composed("config", given, return_hydra_config=True).hydra.launcher
    assert launcher._target_ == "hydra_plugins.hydra_submitit_launcher.submitit_launcher.SlurmLauncher"
    assert (launcher.array_parallelism, launcher.timeout_min) == (2, 480)

"""The build engine as its user meets it: sharing of results, sweeps, company, interruption, and what it tells."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from builds import ROOT, UNITS, Place, Ran, furnished, own_package

CACHED = "cache.enabled=true"
COPIED = {"resolve", "network", "extent", "decide", "kernels", "report", "manifest"}
"""Steps that cost no more than a copy, and so are never taken from the cache."""
WEIGHT = "hls.layers.fc1.precision.weight=ap_fixed<7,2>"
COUNTED = """
import os
from model import train as plain


def train(module, *, seed, factor=2.0):
    with open(os.environ["COUNTER"], "a") as counter:
        counter.write("trained\\n")
    return plain(module, seed=seed, factor=factor)
"""


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache folder that holds every result of the directory that `furnished` makes."""
    folder = tmp_path_factory.mktemp("shared")
    ran = furnished(folder / "first").doit("build", CACHED, XDG_CACHE_HOME=str(folder / "cache"))
    assert (ran.code, ran.err, ran.reused) == (0, "", set())
    return folder / "cache"


@pytest.fixture
def own_cache(cache: Path, tmp_path: Path) -> Path:
    """A copy of `cache`, to be changed."""
    return Path(shutil.copytree(cache, tmp_path / "cache", copy_function=os.link))


def build(place: Place, cache: Path, *overrides: str, **environment: str) -> Ran:
    ran = place.doit("build", CACHED, *overrides, XDG_CACHE_HOME=str(cache), **environment)
    assert ran.code == 0, ran
    return ran


def every_step() -> set[str]:
    units = {f"{stage}:{unit}" for stage in ("generate", "compile") for unit in UNITS}
    steps = {"stimulus", "extract", "float", "headers", "design", "scripts", "link", "reference", "csim"}
    return steps | units | COPIED


def test_a_clone_elsewhere_takes_every_result_from_the_cache(cache: Path, tmp_path: Path) -> None:
    clone = furnished(tmp_path / "some" / "where" / "else")
    ran = build(clone, cache)
    assert ran.tasks <= COPIED | {"scripts"}
    assert ran.tasks | ran.reused == every_step()
    assert clone.made() == Place(cache.parent / "first").made()
    assert build(clone, cache).tasks == set()


def test_going_back_costs_copies_and_a_neighbour_its_layer(own_cache: Path, tmp_path: Path) -> None:
    place = furnished(tmp_path / "place")
    build(place, own_cache)
    away = build(place, own_cache, WEIGHT)
    assert away.reused == set()
    assert away.tasks - COPIED == {"design", "generate:fc1", "compile:fc1", "link", "reference", "csim"}
    assert build(place, own_cache).tasks <= COPIED
    assert build(place, own_cache, WEIGHT).tasks <= COPIED


def test_a_damaged_result_is_told_and_made_again(own_cache: Path, tmp_path: Path) -> None:
    for description in own_cache.rglob("entry.json"):
        entry = json.loads(description.read_text())
        if entry["meta"]["step"] == "compile:lif1":
            blob = description.parent / "0"
            data = blob.read_bytes()
            blob.unlink()
            blob.write_bytes(data[:-1] + b"?")
    place = furnished(tmp_path / "place")
    ran = build(place, own_cache)
    told = f"cache: {blob.parent}: {{variant}}/csim/lif1.o is not what was put in; compile:lif1 is made again\n"
    assert ran.err == told
    assert ran.tasks - COPIED - {"scripts"} == {"compile:lif1"}
    assert place.doit("cache", "verify", CACHED, XDG_CACHE_HOME=str(own_cache)).out.endswith("0 were damaged\n")


def test_a_cache_that_cannot_be_written_is_told_once_and_done_without(place: Place, tmp_path: Path) -> None:
    (tmp_path / "blocked").write_text("a file")
    ran = place.doit("build", CACHED, WEIGHT, f"cache.dir={tmp_path / 'blocked'}")
    told = f"cache: {tmp_path / 'blocked' / 'hlspike'}: Not a directory; going on without it\n"
    assert (ran.code, ran.err) == (0, told)


def test_another_compiler_of_the_same_name_compiles_anew(place: Place, tmp_path: Path) -> None:
    compiler = tmp_path / "bin" / "g++"
    compiler.parent.mkdir()
    real = shutil.which("g++")
    path = f"{compiler.parent}{os.pathsep}{os.environ['PATH']}"
    for comment in ("one", "two"):
        compiler.write_text(f'#!/bin/sh\n# build {comment}\nexec {real} "$@"\n')
        compiler.chmod(0o755)
        ran = place.doit("build", PATH=path)
        assert ran.code == 0
        assert {task for task in ran.tasks if task.startswith(("compile", "headers", "link"))} == {
            "headers", "link", *(f"compile:{unit}" for unit in UNITS),
        }
    assert place.doit("build", PATH=path).tasks == set()


def test_an_edited_kernel_costs_what_includes_it_and_an_edited_stage_what_rests_on_it(
    place: Place, tmp_path: Path
) -> None:
    package = own_package(tmp_path / "package")

    def ran() -> set[str]:
        process = place.start("build", package=package)
        out, err = process.communicate()
        assert (process.returncode, err) == (0, "")
        return Ran(0, out, err).tasks

    # our own sources lie elsewhere, and so do the headers' inputs; none of it is another content
    assert ran() <= {"kernels", "headers"}
    kernel = package / "hls_src" / "kernels" / "neuron.h"
    kernel.write_text(kernel.read_text() + "// a remark\n")
    assert ran() == {"kernels", "compile:lif1", "compile:lif2", "manifest"}
    stage = package / "generators" / "emit.py"
    stage.write_text(stage.read_text() + "# a remark\n")
    assert ran() - {"scripts"} == {f"generate:{unit}" for unit in UNITS}


def test_clean_removes_what_was_made_and_nothing_else(place: Place) -> None:
    place.build("hls.layers.fc1.reuse_factor=5")
    mine = place.path / "build" / "tiny" / "firmware" / "mine.txt"
    mine.write_text("notes")
    assert place.doit("clean").code == 0
    left = {path for path in (place.path / "build").rglob("*") if path.is_file() and ".cache" not in path.parts}
    assert {path.name for path in left} - {".lock"} == {"mine.txt", ".doit.db", ".hlspike"}
    assert place.build() >= {"headers", "compile:fc1", "report"}


SWEPT = ("hls.layers.fc1.reuse_factor=1,5", "seed=0,1")


def test_a_sweep_is_one_graph_with_shared_steps_once_and_one_table(own_cache: Path, tmp_path: Path) -> None:
    place = furnished(tmp_path / "place")
    ran = place.doit("-n", "2", "build", CACHED, *SWEPT, XDG_CACHE_HOME=str(own_cache))
    assert (ran.code, ran.err) == (0, "")
    labels = [f"hls.layers.fc1.reuse_factor-{factor},seed-{seed}" for factor in (1, 5) for seed in (0, 1)]
    assert sorted(path.name for path in (place.path / "build" / "tiny").iterdir() if path.is_dir()) == labels
    stages = [task.split(":")[0] for task in ran.tasks]
    # what comes of the other seed is made once for two variants
    assert [stages.count(stage) for stage in ("stimulus", "extract", "float")] == [1] * 3
    # of the other reuse factor: fc1, the layer before it, which hands on as many values at a time, and what holds both
    assert [stages.count(stage) for stage in ("generate", "compile")] == [3, 4]
    assert stages.count("csim") <= 1
    header, *rows = (place.path / "build" / "tiny" / "sweep.csv").read_text().splitlines()
    assert header.startswith("name,hls.layers.fc1.reuse_factor,seed,status,accuracy_float,")
    assert [row.split(",")[:4] for row in rows] == [
        ["tiny", factor, seed, "ok"] for factor in ("1", "5") for seed in ("0", "1")
    ]
    assert re.findall(r"^[* ] ([15]) +([01]) +(\w+) ", ran.out, re.MULTILINE) == [
        (factor, seed, "ok") for factor in ("1", "5") for seed in ("0", "1")
    ]
    again = place.doit("build", CACHED, *SWEPT, XDG_CACHE_HOME=str(own_cache))
    assert (again.tasks, again.reused) == (set(), set())
    single = furnished(tmp_path / "single")
    build(single, own_cache, "hls.layers.fc1.reuse_factor=5")
    assert place.made(f"tiny/{labels[2]}") == single.made()


def test_a_variant_that_fails_leaves_the_others_standing(place: Place) -> None:
    ran = place.doit("build", "hls.layers.fc1.reuse_factor=1,7")
    assert ran.code != 0
    assert ran.err.count("\n") == 1 and ran.err.startswith("error: hls.layers.fc1.reuse_factor: 7 does not divide")
    rows = (place.path / "build" / "tiny" / "sweep.csv").read_text().splitlines()[1:]
    assert [row.split(",")[1:3] for row in rows] == [["1", "ok"], ["7", "failed"]]


def _counting(place: Place) -> None:
    place.write("counted.py", COUNTED)


def test_three_builds_in_one_checkout_train_once_and_all_succeed(place: Place, tmp_path: Path) -> None:
    _counting(place)
    counter = tmp_path / "counter"
    arguments = ("build", "model.train=counted.py:train")
    processes = [place.start(*arguments, COUNTER=str(counter)) for _ in range(3)]
    said = [process.communicate() for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0], said
    assert counter.read_text() == "trained\n"
    assert sum(err == "waiting for another build in this folder\n" for _, err in said) >= 1
    assert {err for _, err in said} <= {"", "waiting for another build in this folder\n"}


def test_three_checkouts_with_one_cache_train_once(own_cache: Path, tmp_path: Path) -> None:
    places = [furnished(tmp_path / name) for name in "abc"]
    for place in places:
        _counting(place)
    counter = tmp_path / "counter"
    environment = {"XDG_CACHE_HOME": str(own_cache), "COUNTER": str(counter)}
    processes = [place.start("build", CACHED, "model.train=counted.py:train", **environment) for place in places]
    said = [process.communicate() for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0], said
    assert counter.read_text() == "trained\n"
    assert places[0].made() == places[1].made() == places[2].made()


def _until_done(place: Place, chance: random.Random, kills: int, parallel: bool) -> int:
    """Build, be killed, build again, until a build gets through; the number of times it was killed."""
    done: set[str] = set()
    count = 0
    while True:
        process = place.start(*(("-n", "2") if parallel else ()), "build", "model.train=model.py:train")
        number = chance.choice((signal.SIGKILL, signal.SIGTERM, signal.SIGINT))
        try:
            out, err = process.communicate(timeout=chance.uniform(0.3, 2.0) if count < kills else None)
        except subprocess.TimeoutExpired:
            process.send_signal(number)
            out, err = process.communicate()
        ran = Ran(process.returncode, out, err)
        assert not done & ran.tasks, "what was done is done again"
        done |= ran.tasks
        if ran.code == 0:
            return count
        count += 1
        if number != signal.SIGKILL and out:
            assert (ran.code, err) == (130, "interrupted; what was done is kept\n")
        _wait_for_the_end_of_compilers(place.path)


def _wait_for_the_end_of_compilers(folder: Path) -> None:
    """They are killed when the build is gone, not before."""
    end = time.monotonic() + 2
    while subprocess.run(["pgrep", "-f", f"cc1plus.*{folder}/"], capture_output=True, check=False).returncode == 0:
        assert time.monotonic() < end, "a compiler outlived the build"
        time.sleep(0.02)


def _killed_again_and_again(built: Place, tmp_path: Path, rounds: int) -> None:
    chance = random.Random(0)
    plain = built.copy(tmp_path / "plain")
    plain.build("model.train=model.py:train")
    killed, number = 0, 0
    while killed < rounds:
        place = built.copy(tmp_path / str(number))
        place.doit("clean", "build")
        shutil.rmtree(place.path / "build" / "tiny", ignore_errors=True)
        killed += _until_done(place, chance, rounds - killed, parallel=number % 2 == 1)
        assert place.made() == plain.made()
        assert not [path for path in (place.path / "build").rglob("*") if path.name.endswith(".part")]
        number += 1


def test_a_build_killed_at_any_moment_goes_on_where_it_was(built: Place, tmp_path: Path) -> None:
    _killed_again_and_again(built, tmp_path, 6)


@pytest.mark.heavy
def test_a_build_killed_fifty_times_goes_on_where_it_was(built: Place, tmp_path: Path) -> None:
    _killed_again_and_again(built, tmp_path, 50)


def test_a_disk_that_takes_no_more_is_one_line_and_damages_nothing(place: Place) -> None:
    before = place.made()
    place.write("small.sh", 'ulimit -f 1\nexec "$@"\n')
    limited = subprocess.run(
        ["sh", "small.sh", sys.executable, "-m", "doit", "-f", str(ROOT / "tasks" / "dodo.py"), "-d", ".", "build",
         "data.kwargs.sequences=60"],
        cwd=place.path, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False,
    )
    assert limited.returncode != 0
    assert limited.stderr.count("\n") == 1 and "File too large" in limited.stderr, limited.stderr
    assert "Traceback" not in limited.stdout
    assert place.build() <= {"resolve", "stimulus"}
    assert place.made() == before


def test_a_build_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    place = furnished(tmp_path)
    (tmp_path / "build").write_text("a file")
    assert place.refused() == "build: File exists; the build needs to write there"


def test_why_tells_the_key_the_file_and_the_tool(place: Place) -> None:
    assert place.doit("why").out.endswith("steps are up to date\n")
    assert place.doit("why", "compile:fc1", WEIGHT).out == (
        "compile:fc1 follows design: hls.layers.fc1.precision.weight: none → ap_fixed<7,2>\n"
    )
    assert place.doit("why", "link").out == "1 step is up to date\n"
    place.edit("model.py", "def build", "# the network\ndef build")
    (place.path / "build" / "tiny" / "firmware" / "lif1.h").unlink()
    told = place.doit("why").out.splitlines()
    assert "extract: model.py, which it reads, has changed" in told
    assert "generate:lif1: build/tiny/firmware/lif1.h, which it made, is missing" in told
    assert place.doit("why", "reference").out == "reference follows extract: model.py, which it reads, has changed\n"
    ran = place.doit("why", "compile:fc11")
    assert ran.code != 0
    assert ran.err == (
        "error: why: there is no step 'compile:fc11', did you mean 'compile:fc1'; doit list --all names them, once the "
        "network has been extracted those of its layers too\n"
    )


def _reproduce(place: Place) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "hlspike.tasks.reproduce", "build/tiny/manifest.json"],
        cwd=place.path, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False,
    )
    assert done.stderr == ""
    return done.returncode, done.stdout


def test_a_manifest_builds_the_same_again_and_tells_what_differs(place: Place) -> None:
    manifest = json.loads((place.path / "build" / "tiny" / "manifest.json").read_text())
    assert set(manifest) == {
        "name", "overrides", "config", "seeds", "inputs", "outputs", "versions", "platform", "git"
    }
    assert set(manifest["inputs"]) == {"model.py", "data.py", "weights.pt"}
    # the configuration of the manifest counts, not the one that stands in the folder now
    place.edit("conf/config.yaml", "sequences: 6", "sequences: 5")
    assert _reproduce(place) == (0, f"equal: {len(manifest['outputs'])} files have the same bytes\n")
    place.change_weights(fc2=1.5)
    code, out = _reproduce(place)
    assert code == 1
    assert {"weights.npz: differs", "firmware/fc2.cpp: differs", "input weights.pt: not what it was"} <= {
        *out.splitlines()
    }
    assert "firmware/fc1.cpp: differs" not in out


def test_a_manifest_lists_what_this_build_has_read_and_nothing_of_earlier_ones(place: Place) -> None:
    def inputs() -> set[str]:
        return set(json.loads((place.path / "build" / "tiny" / "manifest.json").read_text())["inputs"])

    place.write("trainer.py", "from model import train\n")
    place.build("model.train=trainer.py:train")
    assert inputs() >= {"trainer.py", "model.py"}
    (place.path / "trainer.py").unlink()
    assert "resolve" in place.build()
    assert "trainer.py" not in inputs()
    assert place.report()["seconds"].keys() >= {"extract"} and "train" not in place.report()["seconds"]
    (place.path / "data.py").rename(place.path / "sequences.py")
    place.build("data.source=sequences.py:stimulus")
    assert inputs() >= {"sequences.py"} and "data.py" not in inputs()


def test_single_builds_sweeps_and_builds_of_other_names_keep_each_others_records(place: Place) -> None:
    swept = "hls.layers.fc1.reuse_factor=1,5"
    assert place.build() == set()
    place.build(swept)
    assert place.build() == set()
    place.build("name=other", "seed=1")
    assert place.build() == place.build(swept) == place.build("name=other", "seed=1") == set()
    # what one forgets the others know
    assert place.doit("forget", "extract", "name=other", "seed=1").code == 0
    assert "extract" in place.build("name=other", "seed=1")
    assert place.build() == set()


ORDERED = """
import snntorch as snn
from torch import nn


def build(sizes):
    layers, before = [], 5
    for name, size in sizes.items():
        layers += [nn.Linear(before, size), snn.Leaky(beta=0.75, init_hidden=True)]
        before = size
    return nn.Sequential(*layers)
"""


def test_the_order_of_a_map_counts_for_the_users_code_here_and_from_the_cache(tmp_path: Path) -> None:
    def furnish(name: str) -> Place:
        place = furnished(tmp_path / name)
        place.write("ordered.py", ORDERED)
        place.edit("conf/config.yaml", "source: model.py:build", "source: ordered.py:build")
        place.edit("conf/config.yaml", "checkpoint: weights.pt", "checkpoint: null")
        place.edit("conf/config.yaml", "kwargs: {beta: 0.75}", "kwargs: {sizes: {a: 4, b: 3}}")
        return place

    def sizes(place: Place) -> list[int]:
        network = json.loads((place.path / "build" / "tiny" / "network.json").read_text())
        return [layer["out_features"] for layer in network["layers"] if layer["type"] == "Linear"]

    def turn(place: Place) -> None:
        place.edit("conf/config.yaml", "{a: 4, b: 3}", "{b: 3, a: 4}")

    cache, first = tmp_path / "cache", furnish("first")
    build(first, cache)
    assert sizes(first) == [4, 3]
    turn(first)
    assert first.doit("why", "extract", CACHED).out == "extract: order of model.kwargs.sizes: a, b → b, a\n"
    assert "extract" in build(first, cache).tasks
    assert sizes(first) == [3, 4]
    assert build(first, cache).tasks == set()
    # order counts nowhere else
    first.edit("conf/config.yaml", "{trace: spikes, sequences: null}", "{sequences: null, trace: spikes}")
    assert build(first, cache).tasks == set()
    other = furnish("other")
    assert "extract" in build(other, cache).reused
    assert sizes(other) == [4, 3]
    turn(other)
    assert "extract" in build(other, cache).reused
    assert sizes(other) == [3, 4]


HEAVY = ("hydra", "omegaconf", "pydantic", "jinja2", "numpy", "torch", "yaml")


def test_a_build_with_nothing_to_do_imports_nothing_large(place: Place) -> None:
    assert place.build() == set()  # the configuration is composed once for each folder
    script = (
        "import sys; from doit.doit_cmd import DoitMain; code = DoitMain().run(sys.argv[1:]); "
        f"print(code, sorted(set(sys.modules) & set({HEAVY!r})))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, "-f", str(ROOT / "tasks" / "dodo.py"), "-d", ".", "build"],
        cwd=place.path, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=True,
    )
    assert done.stdout.splitlines()[-1] == "0 []"
    assert done.stdout.startswith("0 steps ran, ")



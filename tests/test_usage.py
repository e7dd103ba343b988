"""The command line: what it is told where a word, an option or its place is wrong, and what it lists."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest
from builds import ROOT, Place
from doit.cmdparse import CmdParseError

from hlspike.generators.vitis import STAGES
from hlspike.tasks.terminal import usage

_ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("--dry-run", "--dry-run: there is no such option; doit why tells what a build would run, and why"),
        ("build --dry-run", "--dry-run: there is no such option; doit why tells what a build would run, and why"),
        ("build -n 2", "-n: options stand before the task, as in doit -n … build"),
        ("compile:fc1 --process=2", "--process=2: options stand before the task, as in doit --process=2 … compile:fc1"),
        ("--proces 2 --alwys-execute", "--alwys-execute: there is no such option, did you mean '--always-execute'; "
         "doit help run tells them all"),
        ("list --sttus", "--sttus: there is no such option, did you mean '--status'; doit help run tells them all"),
        ("seed=1 -x", "-x: there is no such option; doit help run tells them all"),
        ("results --sorted=seed",
         "--sorted: there is no such option; options are --sort=…, --columns=…, --pareto=…, --picture=…"),
        ("why build --all", "--all: there is no such option; options are none"),
    ],
)
def test_an_option_that_is_not_there_or_stands_elsewhere_is_told(line: str, told: str) -> None:
    with pytest.raises(CmdParseError) as refused:
        usage.check(line.split())
    assert str(refused.value) == told
    assert usage.refusal(line.split()) == (3, f"ERROR: {told}")


@pytest.mark.parametrize(
    "line",
    [
        "", "build", "-n 2 build", "-n2 -a build seed=1", "--process 2", "-f dodo.py -d . --alw csynth", "list --all",
        "list -s", "clean -n", "clean --dry-run build", "results --sort=-seed --col=name seed>1", "help run",
        "forget -s extract", "own_task -x",
    ],
)
def test_what_doit_takes_passes(line: str) -> None:
    usage.check(line.split())


def test_every_task_is_either_listed_or_a_step() -> None:
    tree = ast.parse((ROOT / "tasks" / "dodo.py").read_text(encoding="utf-8"))
    functions = [node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("task_")]
    made = {name.removeprefix("task_") for name in functions} - {"stage"} | {*STAGES, "layer", "cosim_data"}
    assert made == {*usage.TASKS, *usage.STEPS}


def test_the_nearest_name_is_told() -> None:
    steps = ["compile:fc1", "generate:fc1"]
    assert usage.missing("biuld", steps) == (
        "biuld: there is no such task, did you mean 'build'; doit list --all names them"
    )
    assert usage.missing("compile:fc11", steps) == (
        "compile:fc11: there is no such task, did you mean 'compile:fc1'; doit list --all names them"
    )
    assert usage.missing("xyzzy", steps) == "xyzzy: there is no such task; doit list --all names them"


def test_a_misspelt_task_is_one_line_and_the_list_has_what_users_ask_for(place: Place) -> None:
    for word in ("repotr", "compile:fc11"):
        ran = place.doit(word)
        near = {"repotr": "report", "compile:fc11": "compile:fc1"}[word]
        told = f"ERROR: {word}: there is no such task, did you mean '{near}'; doit list --all names them\n"
        assert (ran.code, ran.out, ran.err) == (3, "", told)
    assert [line.split()[0] for line in place.doit("list").out.splitlines()] == [*usage.TASKS]
    every = [line.split()[0] for line in place.doit("list", "--all").out.splitlines()]
    assert every[:len(usage.TASKS)] == [*usage.TASKS] and {"extract", "link", "compile:fc1"} <= {*every}


@pytest.mark.parametrize("folder", [ROOT, ROOT / "examples" / "own_project"], ids=["checkout", "own project"])
def test_a_folder_that_names_our_loader_answers_before_doit(folder: Path) -> None:
    def told(*arguments: str) -> tuple[int, str, str]:
        command = [sys.executable, "-m", "doit", *arguments]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env=_ENVIRONMENT)
        return done.returncode, done.stdout, done.stderr

    assert told("--version")[1].startswith("hlspike ")
    assert told("help")[1].startswith("hlspike: a trained spiking network becomes a verified HLS project\n")
    assert told("--dry-run") == (3, "", f"ERROR: {usage.refusal(['--dry-run'])[1].removeprefix('ERROR: ')}\n")


@pytest.mark.parametrize("word", ["help", "--version", "--dry-run"])
def test_nobody_reading_an_answer_is_no_failure(word: str) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "doit", word], cwd=ROOT / "examples" / "own_project", text=True, env=_ENVIRONMENT,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    told = process.stderr.read()
    assert (process.wait(), told) == ((3, f"ERROR: {told[7:]}") if word == "--dry-run" else (0, ""))


def test_nobody_reading_is_no_failure(place: Place) -> None:
    for words in ("list", "config"):
        process = place.start(words)
        process.stdout.close()
        assert process.stderr.read() == "" and process.wait() in (0, -13)


def test_a_terminal_without_a_letter_fails_nothing(place: Place) -> None:
    place.edit("data.py", "import numpy", "print('ungefähr')\nimport numpy")
    ran = place.doit("build", PYTHONIOENCODING="ascii")
    assert (ran.code, ran.err) == (0, "")
    assert "ungef\\xe4hr\n" in ran.out


def test_a_build_in_a_folder_with_blanks_is_as_any_other(place: Place, tmp_path: Path) -> None:
    odd = place.copy(tmp_path / "a b $c #d")
    assert "compile:fc1" in odd.build("hls.layers.fc1.reuse_factor=5")
    assert odd.build("hls.layers.fc1.reuse_factor=5") == set()
    assert odd.doit("pictures", HLSPIKE_BUILD="my build", XDG_CACHE_HOME=str(tmp_path / "cache")).code == 0

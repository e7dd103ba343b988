"""The benchmark's measurement of a model that something else has compiled."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "benchmarks"))
import peer  # type: ignore[import-not-found,unused-ignore]

FRAMES = np.ones((40, 3), np.float32)
LIBRARY = """
#include <cstdio>
extern "C" void net_float(float *in, float *out) {
    out[0] = in[0] + in[1] + in[2];
    std::FILE *told = std::fopen("COUNTED", "a");
    std::fprintf(told, "%g\\n", out[0]);
    std::fclose(told);
}
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project") / "firmware"
    folder.mkdir()
    (folder / "net.cpp").write_text(LIBRARY.replace("COUNTED", str(folder / "counted")))
    subprocess.run(["g++", "-shared", "-fPIC", "net.cpp", "-o", "net-1a2b.so"], cwd=folder, check=True)
    return folder / "net-1a2b.so"


@pytest.mark.parametrize("whole", [False, True])
def test_a_library_is_called_once_per_timestep(library: Path, whole: bool) -> None:
    told = library.parent / "counted"
    told.unlink(missing_ok=True)
    assert peer.speed(library.parent.parent if whole else library, FRAMES) > 0
    assert told.read_text().split() == ["3"] * 40


def test_a_program_is_given_the_frames(tmp_path: Path) -> None:
    program = tmp_path / "peer"
    program.write_text(f"#!/bin/sh\ncp $1 {tmp_path}/seen.npy\n")
    program.chmod(0o755)
    assert peer.speed(program, FRAMES) > 0
    assert np.array_equal(np.load(tmp_path / "seen.npy"), FRAMES)


def _nothing(folder: Path) -> Path:
    return folder / "absent"


def _fails(folder: Path) -> Path:
    path = folder / "fails"
    path.write_text("#!/bin/sh\nexit 3\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(("made", "message"), [
    (_nothing, "--peer: there is no {path}; give a library, a project's folder or a program"),
    (lambda folder: folder, "--peer: {path} holds no .so; compile the project, or name a program"),
    (_fails, "--peer: {path} ended with exit code 3"),
])
def test_what_is_no_peer_is_refused(tmp_path: Path, made: Any, message: str) -> None:
    path = made(tmp_path)
    with pytest.raises(SystemExit) as error:
        peer.speed(path, FRAMES)
    assert str(error.value) == message.format(path=path)

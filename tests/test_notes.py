"""Notes on steps: the latest run counts, whatever a kill or a bad disk has left of the others."""

from __future__ import annotations

from pathlib import Path

import pytest

from hlspike.tasks.engine import notes
from hlspike.tasks.engine.notes import Note


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "log" / "steps.json"


def fill(path: Path) -> None:
    notes.begin(path, "extract", [Path("network.json"), Path("weights.npz")])
    notes.note(path, "extract", 1.23456, False, {"network.json": "d1", "weights.npz": "d2"}, {"model.py": "d3"})
    notes.begin(path, "generate:fc1", [Path("fc1.h")])
    notes.note(path, "generate:fc1", 0.5, True, {"fc1.h": "d4"}, {})


EXTRACT = Note(1.235, False, {"network.json": "d1", "weights.npz": "d2"}, {"model.py": "d3"})
GENERATE = Note(0.5, True, {"fc1.h": "d4"}, {})


def test_the_latest_run_counts(path: Path) -> None:
    assert notes.read(path) == {}
    fill(path)
    notes.note(path, "extract", 2.0, True, {"network.json": "d5"}, {})
    assert notes.read(path) == {"extract": Note(2.0, True, {"network.json": "d5"}, {}), "generate:fc1": GENERATE}
    assert notes.read(path, ["generate:fc1", "report"]) == {"generate:fc1": GENERATE}
    assert notes.seconds(notes.read(path)) == {"extract": 2.0, "generate": 0.5}


def test_what_a_step_was_writing_when_it_was_killed_is_of_unknown_bytes(path: Path) -> None:
    fill(path)
    notes.begin(path, "extract", [Path("network.json"), Path("network.key")])
    assert notes.read(path)["extract"] == Note(
        1.235, False, {"network.json": None, "weights.npz": "d2", "network.key": None}, {"model.py": "d3"}
    )


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[:-20],
        lambda data: data + b'{"step": "float", "mak',
        lambda data: b"\x00\xff" * 50 + b"\n" + data,
        lambda data: data + b'[]\n7\nnull\n{}\n{"step": "x"}\n{"step": 3, "making": 4}\n{"step": "y", "made": []}\n',
        lambda data: data + b"[" * 100_000,
    ],
)
def test_a_line_that_says_nothing_costs_no_other(path: Path, damage: object) -> None:
    assert callable(damage)
    fill(path)
    path.write_bytes(damage(path.read_bytes()))
    assert notes.read(path)["extract"] == EXTRACT
    notes._opened.clear()  # as another process
    notes.note(path, "float", 3.0, False, {"trace.npz": "d6"}, {})
    found = notes.read(path)
    assert (found["extract"], found["float"]) == (EXTRACT, Note(3.0, False, {"trace.npz": "d6"}, {}))
    assert [path.name for path in path.parent.iterdir()] == ["steps.json"]


def test_a_process_that_comes_to_old_notes_keeps_a_line_for_each_step(path: Path) -> None:
    for _ in range(5):
        fill(path)
    notes._opened.clear()
    notes.begin(path, "float", [])
    assert len(path.read_text().splitlines()) == 3
    assert notes.read(path)["extract"] == EXTRACT


def test_what_is_forgotten_is_told_with_what_it_made(path: Path) -> None:
    fill(path)
    assert notes.forget(path, lambda label: label.startswith("compile:")) == {}
    assert notes.forget(path, lambda label: label.startswith("generate:")) == {"fc1.h": "d4"}
    assert notes.read(path) == {"extract": EXTRACT}

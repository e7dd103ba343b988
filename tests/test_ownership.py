"""Nothing of the user's is ever removed or written over, by whatever command and wherever it lies."""

from __future__ import annotations

from pathlib import Path

from builds import Place


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


MINE = (
    "build/mine.txt", "build/tiny/mine.txt", "build/tiny/firmware/mine.cpp", "build/tiny/firmware/fc9.h",
    "build/tiny/firmware/kernels/mine.h", "build/tiny/tb/mine.cpp", "build/tiny/units/fc9.json",
    "build/tiny/csim/mine.o", "build/tiny/csim/.run/mine.npy", "build/tiny/log/mine.log",
    "build/tiny/log/.steps.json.mine.part",
    "build/tiny/vitis/mine.tcl", "build/tiny/pictures/mine.png", "build/tiny/train/state_dict.pt",
    "build/.headers/mine.txt", "build/.cache/mine.json",
)


def test_own_files_in_the_folders_of_a_build_outlive_every_command(place: Place) -> None:
    for name in MINE:
        place.write(name, "mine")
    generated = place.path / "build" / "tiny" / "firmware" / "readout.h"
    assert generated.is_file()
    # a design of other layers, a build that failed, one that was made again, and none at all
    assert place.build("readout.decision_rule=none") >= {"design"}
    assert not generated.exists(), "what was made for a layer that is gone goes"
    place.refused("hls.layers.fc1.reuse_factor=7")
    place.build()
    assert place.doit("cache", "verify").code == 0
    assert place.doit("clean").code == 0
    assert tree(place.path / "build").items() >= {name.removeprefix("build/"): b"mine" for name in MINE}.items()
    made = set(tree(place.path / "build" / "tiny")) - {name.removeprefix("build/tiny/") for name in MINE}
    assert made == {".hlspike"}
    # what lies where a build writes is the build's to write
    place.build()


def test_clean_leaves_what_was_edited_by_hand_and_says_so(place: Place) -> None:
    edited = place.path / "build" / "tiny" / "firmware" / "fc1.cpp"
    text = edited.read_text() + "// tuned\n"
    place.write("build/tiny/firmware/fc1.cpp", text)
    cleaned = place.doit("clean")
    assert "build/tiny/firmware/fc1.cpp: is not what was made, and stays\n" in cleaned.out
    assert edited.read_text() == text
    assert set(tree(place.path / "build" / "tiny")) == {".hlspike", "firmware/fc1.cpp"}
    edited.unlink()
    assert place.doit("clean").code == 0
    place.build()
    place.doit("clean")
    assert not (place.path / "build" / "tiny").exists()


def test_cleaning_one_step_removes_its_outputs_alone(place: Place) -> None:
    before = tree(place.path / "build" / "tiny")
    assert place.doit("clean", "generate:fc1").code == 0
    assert before.keys() - tree(place.path / "build" / "tiny").keys() == {"firmware/fc1.h", "firmware/fc1.cpp"}
    # the record knows too what was made, without the notes
    (place.path / "build" / "tiny" / "log" / "steps.json").unlink()
    assert place.doit("clean", "generate:lif1").code == 0
    assert not (place.path / "build" / "tiny" / "firmware" / "lif1.h").exists()


def test_a_folder_that_is_no_build_is_neither_built_in_nor_cleaned(place: Place) -> None:
    place.write("conf/network.json", "mine")
    place.write("conf/firmware/fc1.h", "mine")
    before = tree(place.path / "conf")
    told = (
        "name: conf holds files that are of no build, there is no .hlspike in it; choose another name, or another "
        "folder for builds by HLSPIKE_BUILD"
    )
    assert place.refused("name=conf", HLSPIKE_BUILD=".") == told
    for command in ("clean", "forget"):
        assert place.doit(command, "name=conf", HLSPIKE_BUILD=".").code == 0
    assert place.refused("name=conf", "precision=w4,w8", HLSPIKE_BUILD=".") == told
    assert tree(place.path / "conf") == before

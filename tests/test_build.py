"""What a change costs: the exact set of tasks that run after each kind of edit, and nothing at all after none."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from builds import UNITS, Place, furnished

SIMULATED = {"link", "csim", "report"}
"""What follows from any change of the C++."""
PLAYED = {"extent", "float", "decide", "reference", "csim", "report"}
"""What follows from other sequences."""


def units(*names: str) -> set[str]:
    return {f"{task}:{name}" for task in ("generate", "compile") for name in names}


@pytest.mark.smoke
def test_the_first_build_makes_everything_and_the_second_nothing(tmp_path: Path) -> None:
    place = furnished(tmp_path)
    shared = {"resolve", "stimulus", "extract", "network", "extent", "float", "decide", "kernels", "headers", "design",
              "reference", "scripts"}
    assert place.build() == shared | units(*UNITS) | SIMULATED
    assert place.build() == set()


def test_a_directory_may_be_moved(place: Place) -> None:
    assert place.build() == set()


@pytest.mark.parametrize(
    ("override", "runs"),
    [
        ("hls.layers.fc1.precision.weight=ap_fixed<7,2>", units("fc1") | {"reference"}),
        ("hls.layers.lif1.precision.membrane=ap_fixed<11,5>", units("lif1") | {"reference"}),
        # the neurons behind a synapse read its result
        ("hls.layers.fc1.precision.result=ap_fixed<11,5>",
         units("fc1", "lif1") | {"compile:top", "compile:tb", "reference"}),
        # with every factor 1 the whole is one pipeline
        ("hls.layers.lif1.reuse_factor=2", units("lif1") | {"generate:top", "compile:top"}),
    ],
)
def test_the_precision_or_reuse_factor_of_a_layer_costs_that_layer(place: Place, override: str, runs: set[str]) -> None:
    assert place.build(override) == {"resolve", "design"} | runs | SIMULATED


def test_a_setting_that_compiles_to_the_same_object_simulates_nothing(place: Place) -> None:
    ran = place.build("target.control=ap_ctrl_hs")
    assert ran == {"resolve", "design", "scripts", "generate:top", "compile:top"}


def test_a_wider_type_that_changes_no_value_of_a_layer_costs_its_text_alone(place: Place) -> None:
    """The same weights in another type for the whole kind: one layer names its own, and is left alone."""
    place.edit("conf/precision/eight.yaml", "layers:", "layers:\n  fc2: {precision: {weight: 'ap_fixed<8,2>'}}")
    assert place.build() == {"resolve", "design"}
    place.edit("conf/precision/eight.yaml", 'weight: "ap_fixed<8,2>"', 'weight: "ap_fixed<9,2>"')
    assert place.build() == {"resolve", "design", "reference"} | units("fc1") | SIMULATED


def test_the_weights_of_a_layer_cost_that_layer(place: Place) -> None:
    place.change_weights(fc2=1.5)
    runs = {"extract", "float", "decide", "design", "reference"}
    assert place.build() == runs | units("fc2") | SIMULATED


def test_comments_order_and_layout_of_a_configuration_cost_nothing(place: Place) -> None:
    place.edit("conf/config.yaml", "name: tiny\nseed: 0\n", "seed: 0   # of chance\n\nname:   tiny\n")
    place.edit("conf/precision/eight.yaml", 'weight: "ap_fixed<8,2>", bias: "ap_fixed<8,2>"',
               "bias: 'ap_fixed<8,2>',   weight: 'ap_fixed<8,2>'")
    assert place.build() == set()


@pytest.mark.parametrize("override", ["readout.decision_rule=first_to_threshold", "readout.decision_rule=null"])
def test_the_decision_rule_costs_the_readout(place: Place, override: str) -> None:
    runs = {"resolve", "network"}
    same = override.endswith("null")  # the default is the rule that was named
    changed = {"extent", "decide", "design", "reference"} | units("readout") | SIMULATED
    assert place.build(override) == (runs if same else runs | changed)


def test_the_number_of_sequences_compiles_nothing(place: Place) -> None:
    assert place.build("sim.sequences=3") == {"resolve", "extent", "decide", "reference", "csim", "report"}
    assert place.report()["sequences"] == 3
    with np.load(place.path / "build" / "tiny" / "float" / "trace.npz") as trace:
        assert {name: len(trace[name]) for name in trace} == {"decision": 3, "spikes/lif1": 3, "spikes/lif2": 3}


def test_what_only_synthesis_needs_costs_nothing_before_it(place: Place) -> None:
    # whether the design fits, and how long it takes, is told in the report
    assert place.build("target.part=xczu7ev-ffvc1156-2-e") == {"resolve", "scripts", "report"}
    assert place.build("target.clock_period=5") == {"resolve", "scripts", "report"}


def test_a_seed_that_changes_no_value_stops_where_that_is_seen(place: Place) -> None:
    assert place.build("seed=1") == {"resolve", "stimulus", "extract", "network", "float"}


def test_going_back_gives_the_same_bytes(place: Place) -> None:
    before = place.made()
    assert place.build("hls.layers.fc1.precision.weight=ap_fixed<7,2>", "readout.decision_rule=first_to_threshold")
    assert place.made() != before
    assert place.build()
    assert place.made() == before


def test_a_layer_that_is_gone_leaves_nothing_behind(place: Place, built: Place, tmp_path: Path) -> None:
    place.build("readout.decision_rule=none")
    assert not [path for path in place.made() if "readout" in path and "kernels" not in path]
    other = built.copy(tmp_path / "other")
    other.doit("clean")
    other.build("readout.decision_rule=none")
    assert place.made() == other.made()


def test_touched_files_with_the_same_bytes_cost_nothing(place: Place) -> None:
    for name in ("model.py", "data.py", "weights.pt", "conf/config.yaml", "conf/precision/eight.yaml"):
        path = place.path / name
        data = path.read_bytes()
        path.unlink()
        path.write_bytes(data)
        os.utime(path)
    assert place.build() == set()


def test_a_comment_in_the_model_is_read_and_then_stops(place: Place) -> None:
    place.edit("model.py", "def build", "# the network\ndef build")
    assert place.build() == {"extract", "float"}
    assert place.build() == set()


def test_a_comment_in_the_data_is_read_and_then_stops(place: Place) -> None:
    place.edit("data.py", "def stimulus", "# the sequences\ndef stimulus")
    assert place.build() == {"stimulus"}


def test_other_sequences_cost_no_compilation(place: Place) -> None:
    place.edit("data.py", "default_rng(7)", "default_rng(8)")
    # the design is made anew, because a stimulus may settle types; this one settles none
    assert place.build() == {"stimulus", "design"} | PLAYED


def test_other_arrays_in_a_file_cost_no_compilation(place: Place) -> None:
    frames = np.ones((2, 4, 5))
    np.savez(place.path / "data.npz", frames=frames)
    place.edit("conf/config.yaml", "kwargs: {sequences: 6}", "kwargs: {}")
    assert "stimulus" in place.build("data.source=data.npz")
    np.savez(place.path / "data.npz", frames=frames / 2)
    assert place.build("data.source=data.npz") == {"stimulus", "design"} | PLAYED


def test_a_file_that_the_users_code_reads_is_an_input(place: Place) -> None:
    np.save(place.path / "rates.npy", np.ones(3))
    place.edit("data.py", "    chance =", "    factor = np.load('rates.npy').max()\n    chance =")
    assert place.build() == {"stimulus"}
    np.save(place.path / "rates.npy", np.full(3, 1))
    assert place.build() == {"stimulus"}
    assert place.build() == set()


def test_a_module_that_the_model_imports_is_an_input_of_the_model_alone(place: Place) -> None:
    place.write("sizes.py", "HIDDEN = 6\n")
    place.edit("model.py", "from torch import nn", "from torch import nn\nfrom sizes import HIDDEN")
    place.edit("model.py", "nn.Linear(5, 6)", "nn.Linear(5, HIDDEN)")
    assert place.build() == {"extract", "float"}
    place.edit("sizes.py", "HIDDEN = 6", "HIDDEN = 2 * 3")
    assert place.build() == {"extract", "float"}


def test_training_happens_when_what_it_rests_on_changes_and_only_then(place: Place) -> None:
    trained = "model.train=model.py:train"
    assert {"train", "extract"} <= place.build(trained)
    assert "train" not in place.build(trained, "hls.layers.fc1.precision.weight=ap_fixed<7,2>")
    place.edit("data.py", "def stimulus", "# the sequences\ndef stimulus")
    assert place.build(trained) == {"resolve", "design", "reference", "stimulus"} | units("fc1") | SIMULATED
    assert {"train", "extract", "compile:fc1"} <= place.build(trained, "model.train_kwargs.factor=1.5")


def test_a_build_that_fails_loses_nothing(place: Place) -> None:
    before = place.made()
    assert "no_such" in place.refused("model.source=model.py:no_such")
    # the step that failed has no success to its name any more; what it makes is the same, so it ends there
    assert place.build() == {"resolve", "extract"}
    assert place.made() == before

"""The schema: what a wrong key, value or map is told, in words of its own; and names with dots."""

from __future__ import annotations

import re
from typing import Any

import pytest

from hlspike.generators.errors import ConfigError
from hlspike.tasks.configuration.settings import flattened, is_key, validated

COMPLETE: dict[str, Any] = {
    "name": "net",
    "model": {"source": "model.py:build", "input_shape": [4]},
    "data": {"source": "data.npz"},
    "target": {"part": "xc7z020clg400-1", "clock_period": 10, "io": "parallel"},
}


def changed(path: str, value: Any) -> dict[str, Any]:
    """COMPLETE with another value at `path`."""
    config = {key: dict(item) if isinstance(item, dict) else item for key, item in COMPLETE.items()}
    place: Any = config
    *parents, last = path.split("/")
    for part in parents:
        place = place.setdefault(part, {})
    place[last] = value
    return config


def test_what_is_not_given_has_its_default() -> None:
    found = validated(COMPLETE)
    assert found["seed"] == 0
    assert found["sim"] == {"trace": "spikes", "sequences": None}
    assert found["model"]["checkpoint"] is None
    assert found["target"]["clock_period"] == 10
    assert set(found["readout"].values()) == {None}


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("sede", 1, "sede: there is no such key, did you mean 'seed'"),
        ("model/sauce", 1, "model.sauce: there is no such key, did you mean 'source'"),
        ("sim/speed", 1, "sim.speed: there is no such key; keys are trace, sequences"),
        ("readout/window", 4, "readout.window: there is no such key, did you mean 'window_size'"),
        ("hls/model/reuse_facto", 1, "hls.model.reuse_facto: there is no such key, did you mean 'reuse_factor'"),
        ("hls/types/Linear/reuse_factors", 2,
         "hls.types.Linear.reuse_factors: there is no such key, did you mean 'reuse_factor'"),
        ("seed", "x", "seed: must be an integer, found 'x'"),
        ("seed", 1.5, "seed: must be an integer, found 1.5"),
        ("seed", True, "seed: must be an integer, found true"),
        ("name", 3, "name: must be a text, found 3; write it in quotes"),
        ("name", "../up",
         "name: a name is a folder below build/: letters, digits, and _ . + - within it, found '../up'"),
        ("model/source", None, "model.source: must be a text, found null"),
        ("model/kwargs", None, "model.kwargs: must be a map, {} for an empty one, found null"),
        ("model/input_shape", 64, "model.input_shape: must be a list such as [64], found 64"),
        ("model/input_shape", [], "model.input_shape: must have at least 1 value, found []"),
        ("model/input_shape", [4, "a"], "model.input_shape.1: must be an integer, found 'a'"),
        ("model/input_shape", [4, 0], "model.input_shape: every dimension must be at least 1, found [4, 0]"),
        ("data/calibration", 0, "data.calibration: must be at least 1, found 0"),
        ("readout/beta", "big", "readout.beta: must be a number, found 'big'"),
        ("hls", 3, "hls: must be a map with model, types and layers, found 3"),
        ("hls/types", [1], "hls.types: must be a map, {} for an empty one, found [1]"),
        ("hls/layers/fc1", 3,
         "hls.layers.fc1: must be a map with precision, reuse_factor, strategy and storage, found 3"),
        ("hls/layers/fc1/reuse_factor", 0, "hls.layers.fc1.reuse_factor: must be at least 1, found 0"),
        ("hls/layers/fc1/reuse_factor", 2.5, "hls.layers.fc1.reuse_factor: must be an integer, found 2.5"),
        ("hls/model/precision", 8,
         "hls.model.precision: must be a type such as ap_fixed<16,6>, or a map of them, found 8"),
        ("hls/layers/fc1/precision/weight", 8,
         "hls.layers.fc1.precision.weight: must be a type such as ap_fixed<16,6>, found 8"),
        ("target/clock_period", 1e-300, "target.clock_period: must be at least 0.001, found 1e-300"),
        ("target/clock_period", 1e7, "target.clock_period: must be at most 1e+06, found 10000000.0"),
        ("target/clock_period", float("inf"), "target.clock_period: must be a finite number, found inf"),
        ("target/clock_uncertainty", -1,
         "target.clock_uncertainty: percent or ns of the clock period, less than all of it, found -1"),
        ("target/clock_uncertainty", "100%",
         "target.clock_uncertainty: percent or ns of the clock period, less than all of it, found '100%'"),
        ("target/clock_uncertainty", "10ns",
         "target.clock_uncertainty: percent or ns of the clock period, less than all of it, found '10ns'"),
        ("target/clock_uncertainty", "ten", "target.clock_uncertainty: percent or ns, as 27% or 1.25, found 'ten'"),
        ("target/fifo_depth", 2**31, "target.fifo_depth: must be less than 2147483648, found 2147483648"),
        ("target/timeout", 1e300, "target.timeout: must be at most 1e+08, found 1e+300"),
        ("target/vitis", "", "target.vitis: must name something, found ''"),
        ("model/source", " ", "model.source: must name something, found ' '"),
        ("model/checkpoint", "", "model.checkpoint: must name something, found ''"),
        ("model/input_shape", [5000, 5000],
         "model.input_shape: a timestep has at most 16777216 values, found [5000, 5000]"),
        ("csim/compiler", "", "csim.compiler: must name something, found ''"),
        ("target/clock_period", 0, "target.clock_period: must be at least 0.001, found 0"),
        ("target/io", "fifo", "target.io: must be parallel or stream, found 'fifo'"),
        ("sim/trace", 1, "sim.trace: must be decisions, spikes or states, found 1"),
        ("sim/sequences", 0, "sim.sequences: must be at least 1, found 0"),
        ("cache/dir", "", "cache.dir: the path of a folder, or null for that of the user, found ''"),
        ("cache/dir", " ", "cache.dir: the path of a folder, or null for that of the user, found ' '"),
        ("cache/dir", "a\0b", "cache.dir: the path of a folder, or null for that of the user, found 'a\\x00b'"),
        ("cache/dir", "~nobody-here/c",
         "cache.dir: a folder below a home folder that there is, found '~nobody-here/c'"),
        ("cache/dir", 3, "cache.dir: must be a text, found 3; write it in quotes"),
        ("cache/size", 0, "cache.size: must be greater than 0, found 0"),
        ("cache/size", -1.0, "cache.size: must be greater than 0, found -1.0"),
        ("cache/size", float("inf"), "cache.size: must be a finite number, found inf"),
        ("cache/size", float("nan"), "cache.size: must be a finite number, found nan"),
        ("cache/size", 1e300, "cache.size: must be at most 1e+09, found 1e+300"),
    ],
)
def test_a_wrong_value_is_told_with_its_key_its_rule_and_itself(path: str, value: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=f"^{re.escape(message)}$"):
        validated(changed(path, value))


@pytest.mark.parametrize("missing", ["name", "model", "data", "target"])
def test_what_is_missing_is_named(missing: str) -> None:
    config = {key: value for key, value in COMPLETE.items() if key != missing}
    with pytest.raises(ConfigError, match=f"^{missing}: a value is missing; set it$"):
        validated(config)


def test_nested_maps_are_dotted_layer_names() -> None:
    entry, other = {"reuse_factor": 2}, {"precision": "ap_fixed<8,2>"}
    assert flattened({"block": {"1": {"fc": entry}, "2": {**other, "fc": entry}}, "out": None}) == {
        "block.1.fc": entry, "block.2": other, "block.2.fc": entry, "out": {},
    }
    layers = validated(changed("hls/layers", {"block": {"1": {"fc": entry}}}))["hls"]["layers"]
    assert layers == {"block.1.fc": {"precision": None, "strategy": None, "storage": None, **entry}}


@pytest.mark.parametrize(
    ("dotted", "known"),
    [("seed", True), ("sim.trace", True), ("hls.model.reuse_factor", True), ("readout.beta", True),
     ("model", False), ("sed", False), ("sim.trace.x", False), ("hls.layers.fc1.reuse_factor", False)],
)
def test_keys_of_the_schema_are_known_by_their_path(dotted: str, known: bool) -> None:
    assert is_key(dotted) is known

"""Overrides: Hydra's grammar and composition, with what it complains of in one line of our own."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from generators.errors import ConfigError
from tasks.compose import composed

CONF = Path(__file__).resolve().parent.parent / "conf"
MODELS = "digits, digits_membrane, mnist, mnist_membrane"


def one(*overrides: str) -> dict[str, object]:
    (variant,), _ = composed(overrides, CONF)
    found: dict[str, object] = variant["config"]
    return found


def test_types_are_written_as_everywhere_else() -> None:
    config = one(
        "hls.model.precision.default=ap_fixed<18,8,AP_RND,AP_SAT>", "hls.layers.fc1.precision={weight: ap_int<4>}"
    )
    assert config["hls"]["model"]["precision"]["default"] == "ap_fixed<18,8,AP_RND,AP_SAT>"  # type: ignore[index]
    assert config["hls"]["layers"]["fc1"]["precision"]["weight"] == "ap_int<4>"  # type: ignore[index]


def test_an_override_may_set_what_no_file_has_if_the_schema_or_a_free_map_knows_it() -> None:
    config = one("readout.stream_length=3", "model.kwargs.extra=1", "hls.layers.block.1.fc.reuse_factor=4")
    assert config["readout"]["stream_length"] == 3  # type: ignore[index]
    assert config["model"]["kwargs"]["extra"] == 1  # type: ignore[index]
    assert config["hls"]["layers"]["block.1.fc"]["reuse_factor"] == 4  # type: ignore[index]


def test_a_sweep_gives_a_variant_each_with_what_sets_it_apart() -> None:
    variants, folders = composed(["precision=w4,w6", "seed=range(2)", "readout.beta=1.0"], CONF)
    assert [variant["overrides"] for variant in variants] == [
        ["precision=w4", "seed=0"], ["precision=w4", "seed=1"], ["precision=w6", "seed=0"], ["precision=w6", "seed=1"],
    ]
    assert [variant["config"]["seed"] for variant in variants] == [0, 1, 0, 1]
    assert folders == [CONF]


def test_an_experiment_chooses_groups_and_an_override_still_wins() -> None:
    config = one("experiment=mnist_membrane", "precision=w4")
    assert (config["name"], config["readout"]["output_mode"]) == ("mnist_membrane", "membrane")  # type: ignore[index]
    assert config["hls"]["types"]["Linear"]["precision"]["weight"] == "ap_fixed<4,0>"  # type: ignore[index]


def test_folders_of_a_users_own_are_searched_and_told(tmp_path: Path) -> None:
    (tmp_path / "precision").mkdir()
    (tmp_path / "precision" / "mine.yaml").write_text("# @package hls\nmodel: {precision: ap_int<3>}\n")
    (variant,), folders = composed([f"hydra.searchpath=[file://{tmp_path}]", "precision=mine"], CONF)
    assert variant["config"]["hls"]["model"]["precision"] == "ap_int<3>"
    assert folders == [CONF, tmp_path]


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("sed=1", "sed: there is no such key or group, did you mean 'seed'; see conf/config.yaml"),
        ("modl=digits", "modl: there is no such key or group, did you mean 'model'; see conf/config.yaml"),
        ("model.sauce=1",
         "model.sauce: there is no such key or group, did you mean 'model.source'; see conf/config.yaml"),
        ("xyzzy=1", "xyzzy: there is no such key or group; see conf/config.yaml"),
        ("model=digit", f"model: there is no 'digit', did you mean 'digits'; choices are {MODELS}"),
        ("model=xyzzy", f"model: there is no 'xyzzy'; choices are {MODELS}"),
        ("model=null", f"model: must be the name of a choice, found null; choices are {MODELS}"),
        ("model=3", f"model: must be the name of a choice, found 3; choices are {MODELS}"),
        ("model=digits,mnost", f"model: there is no 'mnost', did you mean 'mnist'; choices are {MODELS}"),
        ("=3", "=3: the key is missing; an override reads key=value"),
        ("seed=[1", "seed=[1: cannot be parsed; close its brackets, and quote what has special characters"),
        ("hls.model.precision.default=ap_fixed<8",
         "hls.model.precision.default=ap_fixed<8: cannot be parsed; close its brackets, and quote what has special "
         "characters"),
        ("seed=${sed}", "seed: ${sed} names no key, did you mean 'seed'; correct the reference"),
        ("seed=${oc.env:HLSPIKE_UNSET}",
         "seed: the environment variable HLSPIKE_UNSET is not set; set it, or write ${oc.env:HLSPIKE_UNSET,default}"),
        ("model.source=???", "model.source: a value is missing; set it"),
        ("+extra=1", "extra: there is no such key; keys are "),
        ("hydra.searchpath=[file:///no/such]",
         "hydra.searchpath: there is no folder /no/such; correct its path, which is absolute"),
    ],
)
def test_a_faulty_override_is_told_in_one_line(override: str, message: str) -> None:
    end = "" if message.endswith("are ") else "$"  # a list of all keys would be repeated here
    with pytest.raises(ConfigError, match=f"^{re.escape(message)}{end}") as refused:
        composed([override], CONF)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("defaults: [_self_, shape: nothing]\nname: x\n",
         "shape/nothing: there is no such file in the configuration; correct the defaults list that names it"),
        ("name: [1\n", "{file}:2: is no YAML: expected ',' or ']', but got '<stream end>'"),
        ("name: ${nme}\n", "name: ${nme} names no key, did you mean 'name'; correct the reference"),
    ],
)
def test_a_faulty_file_is_told_in_one_line(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=f"^{re.escape(message.replace('{file}', str(file)))}$"):
        composed([], tmp_path)


@pytest.mark.parametrize(("name", "other"), [("Linear", "Dense"), ("Input", "InputLayer"), ("Readout", "SNNReadout")])
def test_an_override_by_the_other_name_of_a_type_reaches_the_entry_of_the_files(name: str, other: str) -> None:
    variants, _ = composed([f"hls.types.{other}.precision.result=ap_fixed<9,4>"], CONF)
    types = variants[0]["config"]["hls"]["types"]
    assert types[name]["precision"]["result"] == "ap_fixed<9,4>" and other not in types

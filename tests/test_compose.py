"""Overrides: Hydra's grammar and composition, with what it complains of in one line of our own."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hlspike.generators.errors import ConfigError
from hlspike.tasks.configuration.compose import composed

CONF = Path(__file__).resolve().parent.parent / "conf"
MODELS = "digits, digits_membrane, mnist, mnist_membrane, own"


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


@pytest.mark.smoke
def test_a_sweep_gives_a_variant_each_with_what_sets_it_apart() -> None:
    variants, folders = composed(["precision=w4,w6", "seed=range(2)", "readout.beta=1.0"], CONF)
    assert [variant["overrides"] for variant in variants] == [
        ["precision=w4", "seed=0"], ["precision=w4", "seed=1"], ["precision=w6", "seed=0"], ["precision=w6", "seed=1"],
    ]
    assert [variant["config"]["seed"] for variant in variants] == [0, 1, 0, 1]
    assert folders == [CONF]


@pytest.mark.parametrize(
    ("override", "values"),
    [
        ("choice(ap_fixed<8,2>,ap_fixed<6,2,AP_RND>)", ["ap_fixed<8,2>", "ap_fixed<6,2,AP_RND>"]),
        ("choice('ap_fixed<8,2>',\"ap_int<6>\")", ["ap_fixed<8,2>", "ap_int<6>"]),
        ("ap_fixed<8,2>,ap_int<6>", ["ap_fixed<8,2>", "ap_int<6>"]),
        ("sort(ap_fixed<8,2>,ap_fixed<6,2>)", ["ap_fixed<6,2>", "ap_fixed<8,2>"]),
        ("choice('null','true','1.5')", ["null", "true", "1.5"]),
    ],
)
def test_texts_are_swept_as_they_are_written(override: str, values: list[str]) -> None:
    variants, _ = composed([f"hls.model.precision.default={override}"], CONF)
    assert [variant["config"]["hls"]["model"]["precision"]["default"] for variant in variants] == values


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("${oc.decode:'3'}", 3), ("'${oc.env:HOME}'", "{home}"), ("\"it's\"", "it's"), ("a\\,b", "a,b"),
        ("[1,'2']", [1, "2"]),
    ],
)
def test_a_value_is_as_it_is_written(value: str, found: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "{home}")
    assert one(f"model.kwargs.a={value}")["model"]["kwargs"]["a"] == found  # type: ignore[index]


def test_a_glob_is_of_the_choices_of_a_group() -> None:
    variants, _ = composed(["precision=glob(w*,exclude=w1*)", "seed=range(0,4,2)"], CONF)
    assert [variant["overrides"] for variant in variants] == [
        [f"precision={choice}", f"seed={seed}"] for choice in ("w4", "w6", "w8", "wide") for seed in (0, 2)
    ]


def test_an_experiment_chooses_groups_and_an_override_still_wins() -> None:
    config = one("experiment=mnist_membrane", "precision=w4")
    assert (config["name"], config["readout"]["output_mode"]) == ("mnist_membrane", "membrane")  # type: ignore[index]
    assert config["hls"]["types"]["Linear"]["precision"]["weight"] == "auto<4>"  # type: ignore[index]


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
        ("", "'': the key is missing; an override reads key=value"),
        ("seed", "seed: the value is missing; an override reads key=value"),
        ("a\nb=1", "a b=1: 'a b' is no key that an override can name; set it in a file"),
        ("model.é=1", "model.é=1: 'model.é' is no key that an override can name; set it in a file"),
        ("model.kwargs." + "a." * 200 + "b=1",
         "model.kwargs.a.a.a.a.a.a.a.a.a.a.a.a.a.a…: a key of 414 characters is too long; it has at most 200"),
        ("hls.model.precision.default=std::vector<int>",
         "hls.model.precision.default=std::vector<int>: cannot be parsed; quote each type, as in "
         "'hls.model.precision.default=\"std::vector<int>\"'"),
        ("model.checkpoint=~nobody/w.pt",
         "model.checkpoint=~nobody/w.pt: cannot be parsed; quote the value, as in "
         "'model.checkpoint=\"~nobody/w.pt\"'"),
        ("seed=twice(2)",
         "seed=twice(2): there is no function twice; functions are choice, range, glob, sort, shuffle, int, float, str "
         "and bool; quote the value if it is a text"),
        ("seed=" + "9" * 5000, "configuration: a number of an override is too long; write it in quotes"),
        ("seed=" + "[" * 300 + "]" * 300,
         "configuration: is nested too deeply, or a defaults list leads back to its own file; flatten it"),
        ("precision =w4", "precision =w4: a blank is part of the key; write precision=w4"),
        ("a..b=1", "a..b=1: 'a..b' is no key that an override can name; set it in a file"),
        ("+precision=w4",
         "precision: has two choices in the defaults list; keep one, or write override precision: w4, on the command "
         "line precision=w4"),
        ("++precision=w4", "++precision=w4: a choice of a group takes no ++; write precision=w4"),
        ("precision/w4=1",
         "precision/w4: there is no such key or group, did you mean 'precision'; see conf/config.yaml"),
        ("+seed=1", "+seed: there is such a key already; leave out the +"),
        ("~sed=", "~sed: there is no such key or group, did you mean 'seed'; see conf/config.yaml"),
        ("~seed=3", "~seed: its value is 0, not 3; write ~seed="),
        ("precision@x=w4", "precision@x: the defaults list has precision instead; write precision=…"),
        ("model.kwargs={1: 2}", "model.kwargs: the key 1 is a number, not a text; write it in quotes"),
        ("model.kwargs={a: {true: 2}}",
         "model.kwargs.a: the key true is the truth value true, not a text; write it in quotes"),
        ("hls.layers={null: {}}", "hls.layers: a key of a map is no text in {null: {}}; write each key in quotes"),
        ("hydra/launcher=joblib",
         "hydra/launcher: has no effect, a build is not run by Hydra; leave it out, or sweep with python -m "
         "hlspike.tasks.sweep -m"),
        ("seed=range(100000000)",
         "sweep: asks for 100000000 variants (seed 100000000), at most 2000 are built at once; split it"),
        ("seed=range(0,1,1e-9)",
         "sweep: asks for 1000000000 variants (seed 1000000000), at most 2000 are built at once; split it"),
        ("seed=range(3,1)", "seed: range(3,1) holds no value; give at least one"),
        ("seed=range(1,3,0)", "seed: range(1,3,0) never ends; give a finite start, stop and step"),
        ("seed=range(0.0,inf)", "seed: range(0.0,inf) never ends; give a finite start, stop and step"),
        ("seed=interval(0,1)", "seed: interval(0,1) has no single values; write range(…) or choice(…)"),
        ("seed=range(2),range(3)", "seed: range(2),range(3) is a sweep of sweeps; write one range or choice"),
        ("precision=glob(x*)", "precision: glob(x*) is none of its choices; choices are auto, w16, w4, w6, w8, wide"),
        ("seed=glob(*)", "seed: glob(*) is of the choices of a group; write choice('…','…')"),
        ("seed=-1", "seed: must be at least 0, found -1"),
        ("seed=12345678901234567890123", "seed: must be less than 4294967296, found 12345678901234567890123"),
        ("target.clock_period=inf", "target.clock_period: must be a finite number, found inf"),
        ("target.clock_period=nan", "target.clock_period: must be a finite number, found nan"),
        ("target.clock_period=10ns", "target.clock_period: must be a number, found '10ns'"),
        ("cache.size=inf", "cache.size: must be a finite number, found inf"),
        ("name=" + "x" * 101, "name: a name has at most 100 characters, found '" + "x" * 101 + "'"),
        ("name=true", "name: must be a text, found true; write it in quotes"),
        ("+extra=1", "extra: there is no such key; keys are "),
        ("hydra.searchpath=[nowhere]",
         "hydra.searchpath: there is no folder nowhere; write file:// and its path, which is absolute"),
        ("hydra.searchpath=[pkg://nowhere]",
         "hydra.searchpath: there is no folder nowhere; write file:// and its path, which is absolute"),
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
        ("name: [1\n",
         "{file}:2: is no YAML: expected ',' or ']', but got '<stream end>'; close brackets and quotes, indent the keys"
         " of a map alike"),
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


NET = "model: {source: m.py:f, input_shape: [4]}\ndata: {source: d.npz}\ntarget: {clock_period: 5}\n"


def own(folder: Path, config: str, **others: str) -> Path:
    """A configuration of one's own; `others` are files below it, `__` for the slash."""
    for name, text in {"config": config, **others}.items():
        file = folder / "conf" / f"{name.replace('__', '/')}.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return folder / "conf"


BEFORE = "conf/config.yaml: its defaults have _self_ before what wins over it"


def notes(folder: Path, *overrides: str, jobs: int = 1) -> list[str]:
    """Of each variant the same."""
    variants, _ = composed(overrides, folder)
    found: list[str] = variants[0]["notes"]
    assert [variant["notes"] for variant in variants] == [found] * jobs
    return found


def test_what_a_file_loses_to_what_its_defaults_name_after_it_is_noted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    weight = "hls: {types: {Linear: {precision: {weight: \"ap_fixed<5,1>\"}, reuse_factor: 2}}}\nname: net\n"
    folder = own(tmp_path, f"defaults: [_self_, precision: mine, target: default]\n{NET}{weight}",
                 precision__mine="# @package hls\ntypes: {Linear: {precision: {weight: auto<8>, bias: auto<8>}}}\n")
    told = (
        f"{BEFORE}: target.clock_period is 10 of target/default and not 5, hls.types.Linear.precision.weight is "
        "auto<8> of precision/mine and not ap_fixed<5,1>; put _self_ last to let the file win"
    )
    assert notes(folder) == [told]
    # a choice on the command line is one of the same group, and wins as silently
    assert notes(folder, "precision=w4") == [told.replace("auto<8> of precision/mine", "auto<4> of precision/w4")]
    # what the command line gives is what neither file says
    clock = "target.clock_period is 10 of target/default and not 5, "
    assert notes(folder, "target.clock_period=7") == [told.replace(clock, "")]
    assert notes(folder, "hls.types.Linear.precision.weight=auto<4>,auto<6>", jobs=2) == [
        told.split(", hls.types")[0] + "; put _self_ last to let the file win"
    ]
    (folder / "config.yaml").write_text(f"defaults: [precision: mine, target: default, _self_]\n{NET}{weight}")
    assert notes(folder) == []
    (folder / "config.yaml").write_text(f"defaults: [precision: mine, target: default]\n{NET}{weight}")
    assert notes(folder) == []


def test_what_is_equal_null_or_lost_to_an_experiment_that_is_asked_for_is_no_loss(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = f"defaults: [_self_, target: default, experiment: null]\nname: net\nseed: 3\n{NET}".replace(": 5", ": 10")
    point = "# @package _global_\nname: point\nseed: 4\ndata: {calibration: 8}\n"
    folder = own(tmp_path, text, experiment__point=point)
    assert notes(folder) == [] and notes(folder, "experiment=point") == []
    (folder / "config.yaml").write_text(text.replace("experiment: null", "experiment: point"))
    assert notes(folder) == [
        f"{BEFORE}: name is point of experiment/point and not net, seed is 4 of experiment/point and not 3; put _self_ "
        "last to let the file win"
    ]


def test_many_lost_keys_are_one_note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ones, twos = (", ".join(f"k{number}: {value}" for number in range(9)) for value in (1, 2))
    net = NET.replace("d.npz", f"d.py:f, kwargs: {{{ones}}}").replace(": 5", ": 10")
    folder = own(tmp_path, f"defaults: [_self_, data: mine, target: default]\nname: x\n{net}",
                 data__mine=f"kwargs: {{{twos}}}\n")
    (note,) = notes(folder)
    assert note.startswith("conf/config.yaml: ") and note.endswith(
        "data.kwargs.k5 is 2 of data/mine and not 1, and 3 more; put _self_ last to let the file win"
    )


@pytest.mark.smoke
def test_the_shipped_configuration_is_meant_as_it_is() -> None:
    assert notes(CONF) == notes(CONF, "experiment=digits_spike") == notes(CONF, "precision=w4", "target=stream") == []


@pytest.mark.parametrize(("settings", "keys"), [
    ("{run: {dir: out}}", "hydra.run.dir"), ("{job: {chdir: true}, verbose: true}", "hydra.job.chdir, hydra.verbose"),
    ("{sweep: {dir: out}, mode: MULTIRUN}", "hydra.sweep.dir, hydra.mode"),
    ("{output_subdir: x}", "hydra.output_subdir"),
    ("{run: {dir: .}, output_subdir: null, job: {name: x}, searchpath: []}", None),
])
def test_settings_of_hydra_in_a_file_that_no_build_heeds_are_noted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: str, keys: str | None
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = own(tmp_path, f"defaults: [target: default, _self_]\nname: x\n{NET}hydra: {settings}\n")
    reason = "no effect, a build is not run by Hydra; python -m hlspike.tasks.sweep -m is"
    assert notes(folder) == ([] if keys is None else [f"conf/config.yaml: {keys}: {reason}"])


def test_a_launcher_that_is_chosen_in_a_file_is_noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = own(tmp_path, f"defaults: [target: default, _self_, override hydra/launcher: slurm]\nname: x\n{NET}")
    assert notes(folder) == [
        "hydra/launcher slurm, chosen in a file: no effect, a build is not run by Hydra; "
        "python -m hlspike.tasks.sweep -m is"
    ]


PARAMS = "hydra: {sweeper: {params: {precision: 'w4,w6', seed: range(2), model.kwargs.n: 3}}}\n"


def test_the_sweep_of_a_file_is_swept_and_the_command_line_wins_over_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = f"defaults: [precision: w8, target: default, _self_]\nname: x\n{NET}"
    folder = own(tmp_path, text + PARAMS)
    variants, _ = composed([], folder)
    assert [variant["overrides"] for variant in variants] == [
        [f"precision={precision}", f"seed={seed}"] for precision in ("w4", "w6") for seed in (0, 1)
    ]
    assert [variant["config"]["seed"] for variant in variants] == [0, 1, 0, 1]
    assert {variant["config"]["model"]["kwargs"]["n"] for variant in variants} == {3}
    assert [variant["notes"] for variant in variants] == [[]] * 4
    assert [variant["overrides"] for variant in composed(["precision=w16", "seed=5,6"], folder)[0]] == [
        ["seed=5"], ["seed=6"],
    ]
    assert [one["overrides"] for one in composed(["seed=1"], folder)[0]] == [["precision=w4"], ["precision=w6"]]


def test_an_experiment_may_be_a_sweep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = own(tmp_path, f"defaults: [precision: w8, target: default, _self_, experiment: null]\nname: x\n{NET}",
                 experiment__widths="# @package _global_\n" + PARAMS.replace("kwargs.n: 3", "kwargs.n: 3, name: y"))
    assert len(composed([], folder)[0]) == 1
    assert {variant["config"]["name"] for variant in composed(["experiment=widths"], folder)[0]} == {"y"}
    assert len(composed(["experiment=widths"], folder)[0]) == 4


def test_a_fault_in_the_sweep_of_a_file_is_told_as_one_of_the_command_line_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = own(tmp_path, f"defaults: [target: default, _self_]\nname: x\n{NET}"
                           "hydra: {sweeper: {params: {sed: range(2)}}}\n")
    with pytest.raises(ConfigError, match=r"^sed: there is no such key or group; see "):
        composed([], folder)

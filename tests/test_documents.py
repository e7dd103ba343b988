"""Files of a configuration as people leave them: read as meant, or refused in one line with file and line."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from hlspike.generators.errors import ConfigError
from hlspike.tasks.configuration import variants
from hlspike.tasks.configuration.compose import composed
from hlspike.tasks.configuration.reading import documents

CONFIG = """\
defaults: [_self_, precision: eight]
name: tiny
seed: 0
model: {source: "model.py:build", kwargs: {beta: 0.75}, input_shape: [5]}
data: {source: data.npz}
target: {part: xc7z020clg400-1, clock_period: 10, io: parallel}
"""
ASTRAY = (
    "precision: its file precision/eight.yaml puts its keys below 'precision', where no key is; make '# @package hls', "
    "or whatever its keys belong to, its first line"
)
EIGHT = """\
# @package hls
model: {precision: {default: "ap_fixed<12,5>"}}
"""


@pytest.fixture
def conf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "conf"
    (folder / "precision").mkdir(parents=True)
    (folder / "config.yaml").write_text(CONFIG)
    (folder / "precision" / "eight.yaml").write_text(EIGHT)
    return folder


def config(conf: Path) -> dict[str, Any]:
    (variant,), _ = composed([], conf)
    found: dict[str, Any] = variant["config"]
    return found


def refused(conf: Path) -> str:
    with pytest.raises(ConfigError) as error:
        composed([], conf)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_any_encoding_that_yaml_knows_is_read(conf: Path, encoding: str) -> None:
    expected = config(conf)
    for name in ("config.yaml", "precision/eight.yaml"):
        text = (conf / name).read_text()
        (conf / name).write_bytes(text.replace("\n", "\r\n").encode(encoding))
    assert config(conf) == expected


@pytest.mark.parametrize("name", ["config.yaml", "precision/eight.yaml"])
@pytest.mark.parametrize(
    ("bytes_", "message"),
    [
        (b"a: 1\n# caf\xe9\n", "2: is not UTF-8, found byte 0xe9; save the file as UTF-8"),
        ("a: 1\n".encode("utf-16")[:-1], "1: is not UTF-16, found byte 0x0a; save the file as UTF-8"),
        ("a: 1\n".encode("utf-16-le"), "1: holds the character U+0000; remove it, or save the file as UTF-8"),
        (b"a: 1\n\nb: \x07\n", "3: holds the character U+0007; remove it, or save the file as UTF-8"),
        (b"a:\n\tb: 1\n", "2: is no YAML: found character '\\t' that cannot start any token; indent with blanks, not "
                           "with tabs"),
        (b"a: 1\nb: 2\na: 3\n", "3: the key a stands twice in one map; keep one"),
        (b"1: 1\nb: {x: 1, x: 2}\n", "2: the key x stands twice in one map; keep one"),
        (b"- a\n- b\n", "1: must be a map of keys, found a list; write key: value"),
        (b"\nhello\n", "2: must be a map of keys, found a single value; write key: value"),
        (b"a: 1\n---\nb: 2\n", "2: is no YAML: but found another document; keep one, and remove the line ---"),
        (b"? [a, b]\n: 4\n", "1: a key must be a text, found a list or a map; write it in quotes"),
        (b"a: 1\nb: 010\n", "2: 010 is octal in YAML and means 8; write that, or 010 in quotes"),
        (b"a: -1:30\n", "1: -1:30 counts in sixties in YAML and means -90; write that, or -1:30 in quotes"),
        (b"a: 1:30.5\n", "1: 1:30.5 counts in sixties in YAML and means 90.5; write that, or 1:30.5 in quotes"),
        (b"a: " + b"9" * 5000, "1: a number of 5000 characters is too long; write it in quotes"),
        (b"a: !!binary aGk=\n", "1: !!binary is not supported; write a plain value"),
        (b"a: !!python/object:os.system x\n", "1: !!python/object:os.system is not supported; write a plain value"),
        (b"a: !!int abc\n", "1: !!int is not supported; write a plain value"),
        (b"a: !!map 3\n", "1: !!map is not supported; write a plain value"),
        (b"a: !!str [b]\n", "1: !!str is not supported; write a plain value"),
        (b"a: <<\n", "1: << as a value merges nothing; write it in quotes"),
        (b"a: 1e400\n", "1: 1e400 is beyond what a number holds; write one nearer to 1"),
        (b"a: [-1.5e-400]\n", "1: -1.5e-400 is beyond what a number holds; write one nearer to 1"),
        (b"a: !mine x\n", "1: !mine is not supported; write a plain value"),
        (b"a: *b\n",
         "1: is no YAML: found undefined alias 'b'; quote a value that begins with *, or give the anchor &"),
        (b"a: &b [*b]\n", "1: an alias stands within what it stands for; write its value out"),
        (b"a: &b {c: *b}\n", "1: an alias stands within what it stands for; write its value out"),
        (b"a: " + b"[" * 3000 + b"]" * 3000, "1: is nested deeper than 64 levels; flatten it"),
        (b"".join(b" " * depth + b"a:\n" for depth in range(3000)), "64: is nested deeper than 64 levels; flatten it"),
        (b"a: {weight: ap_fixed<8,2>}\n", '1: a type in braces or brackets needs quotes, as a comma ends a value; '
                                          'write "ap_fixed<8,2>"'),
        (b"a: {weight: ap_fixed<8,2,RND,SAT>, bias: ap_fixed<8,2>}\n",
         '1: a type in braces or brackets needs quotes, as a comma ends a value; write "ap_fixed<8,2,RND,SAT>"'),
        (b"a:\n- [ap_int<4>, ap_ufixed<6, 2>]\n",
         '2: a type in braces or brackets needs quotes, as a comma ends a value; write "ap_ufixed<6,2>"'),
        (b"a: 'b\n", "2: is no YAML: found unexpected end of stream; close quotes and brackets"),
        (b"a: b: c\n",
         "1: is no YAML: mapping values are not allowed here; quote a value that holds ': ', and indent the keys of a "
         "map alike"),
        (b"a: @b\n",
         "1: is no YAML: found character '@' that cannot start any token; quote a value that begins with such a "
         "character"),
        (b'a: "C:\\models"\n',
         "1: is no YAML: found unknown escape character 'm'; double each backslash between double quotes, or write "
         "single ones"),
        (b"a: 1\nb: ${c\n", "2: ${c cannot be read; close it as in ${name}, or write \\${ for the text"),
    ],
)
def test_a_file_that_cannot_be_read_as_meant_is_refused_with_its_line(
    conf: Path, name: str, bytes_: bytes, message: str
) -> None:
    (conf / name).write_bytes(bytes_)
    assert refused(conf) == f"conf/{name}:{message}"


def test_an_alias_bomb_is_refused_before_it_is_written_out(conf: Path) -> None:
    bomb = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    bomb += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    (conf / "config.yaml").write_text("\n".join(bomb))
    assert refused(conf) == (
        "conf/config.yaml:1: has more than 100000 values with its aliases written out; use fewer"
    )


def test_a_file_of_many_values_without_aliases_is_read(conf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # composing as many as the bound really is takes half a minute
    monkeypatch.setattr(documents, "_MOST", 1_000)
    values = list(range(1_001))
    (conf / "config.yaml").write_text(CONFIG.replace("beta: 0.75", f"beta: {values}"))
    assert config(conf)["model"]["kwargs"] == {"beta": values}


def test_what_is_no_file_of_text_is_refused_without_being_read(conf: Path) -> None:
    with open(conf / "config.yaml", "ab") as file:
        file.truncate(2**24 + 1)
    assert refused(conf) == (
        "conf/config.yaml: has 16777217 bytes, a file of a configuration at most 16777216; keep data in a file of its "
        "own"
    )
    (conf / "config.yaml").write_text("\n# nothing\n")
    assert refused(conf) == "conf/config.yaml: holds no key; write name, model, data and target at least"


def test_a_file_that_takes_no_part_may_hold_anything(conf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (conf / "notes.yaml").write_bytes(b"\xff\xfe\xff")
    os.mkfifo(conf / "pipe.yaml")
    assert variants.load([])[0].config["name"] == "tiny"


def _given(layers: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {name: {key: value for key, value in keys.items() if value is not None} for name, keys in layers.items()}


@pytest.mark.parametrize("name", ["on", "off", "yes", "No", "null", "~", "1.5", "1", "010", "0x10", "1:30", "1e3",
                                  "nan", "true", "2020-01-01", "'on'"])
def test_a_layer_may_be_called_what_yaml_takes_for_another_value(conf: Path, name: str) -> None:
    (conf / "config.yaml").write_text(f"{CONFIG}hls:\n  layers:\n    {name}: {{reuse_factor: 2}}\n")
    assert _given(config(conf)["hls"]["layers"]) == {name.strip("'"): {"reuse_factor": 2}}


def test_an_override_reaches_a_layer_that_a_file_calls_by_a_number(conf: Path) -> None:
    (conf / "config.yaml").write_text(f"{CONFIG}hls: {{layers: {{1: {{precision: ap_int<3>, reuse_factor: 2}}}}}}\n")
    (variant,), _ = composed(["hls.layers.1.reuse_factor=4"], conf)
    assert _given(variant["config"]["hls"]["layers"]) == {"1": {"precision": "ap_int<3>", "reuse_factor": 4}}


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ("{3: a}", "model.kwargs: the key 3 is a number in YAML, not a text; write '3'"),
        ("{a: {1.5: b}}", "model.kwargs.a: the key 1.5 is a number in YAML, not a text; write '1.5'"),
        ("{a: [{on: b}]}", "model.kwargs.a.0: the key on is the truth value true in YAML, not a text; write 'on'"),
        ("{~: b}", "model.kwargs: the key ~ is nothing in YAML, not a text; write '~'"),
        (r'{a: "\ud800"}', "model.kwargs.a: holds the character U+D800; remove it"),
        (r'{a: [b, "\0"]}', "model.kwargs.a.1: holds the character U+0000; remove it"),
    ],
)
def test_arguments_that_would_reach_a_users_code_changed_are_refused(conf: Path, kwargs: str, message: str) -> None:
    (conf / "config.yaml").write_text(CONFIG.replace("{beta: 0.75}", kwargs))
    assert refused(conf) == message


@pytest.mark.parametrize(
    ("kwargs", "value"),
    [
        ("{a: 2020-01-01, b: 2020-01-01T10:00:00}", {"a": "2020-01-01", "b": "2020-01-01T10:00:00"}),
        ("&k {a: 1, b: [x]}", {"a": 1, "b": ["x"]}),
        ("{a: 1e3, b: 0x10, c: 1_000, d: .inf}", {"a": 1e3, "b": 16, "c": 1000, "d": float("inf")}),
        ("{a: 0.0, b: -0e9, c: !!str 010}", {"a": 0.0, "b": 0.0, "c": "010"}),
        ("{'1': a, 'on': b}", {"1": "a", "on": "b"}),
        (r"{a: '\${x}'}", {"a": "${x}"}),
        ("{a: '${hydra:runtime.cwd}'}", {"a": "{here}"}),
        ("{a: '${hydra:runtime.choices.precision}', b: '${hydra:job.num}'}", {"a": "eight", "b": 0}),
    ],
)
def test_values_are_what_they_seem(conf: Path, kwargs: str, value: dict[str, Any]) -> None:
    (conf / "config.yaml").write_text(CONFIG.replace("{beta: 0.75}", kwargs))
    expected = {key: str(conf.parent) if item == "{here}" else item for key, item in value.items()}
    assert config(conf)["model"]["kwargs"] == expected


def test_a_merge_key_gives_way_to_what_stands_beside_it(conf: Path) -> None:
    text = CONFIG.replace("{beta: 0.75}", "&k {beta: 0.75, tau: 2}")
    (conf / "config.yaml").write_text(text.replace("data.npz", "data.npz, kwargs: {tau: 3, <<: *k}"))
    assert config(conf)["data"]["kwargs"] == {"beta": 0.75, "tau": 3}


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("${hydra:sweep.dir}", "${hydra:sweep.dir} has no value in a build; there are runtime.cwd, "
                               "runtime.choices.<group>, job.name, job.num and job.override_dirname"),
        ("${hydra:nope}", "${hydra:nope} has no value in a build; there are runtime.cwd, runtime.choices.<group>, "
                          "job.name, job.num and job.override_dirname"),
        ("${nope:1}", "${nope:…} is none of the resolvers, which are oc.env, oc.select, oc.decode, oc.create, "
                      "oc.dict.keys, oc.dict.values, hydra and now; correct it"),
        ("${model.kwargs.beta}", "its ${…} leads back to itself; write a value"),
        ("${nme}", "${nme} names no key, did you mean 'name'; correct the reference"),
    ],
)
def test_a_reference_to_nothing_is_named_with_its_key(conf: Path, value: str, message: str) -> None:
    (conf / "config.yaml").write_text(CONFIG.replace("0.75", f"'{value}'"))
    assert refused(conf) == f"model.kwargs.beta: {message}"


@pytest.mark.parametrize(
    ("defaults", "message"),
    [
        ("foo", 'conf/config.yaml: defaults must be a list such as [precision: w8, _self_], found "foo"'),
        ("{a: b}", 'conf/config.yaml: defaults must be a list such as [precision: w8, _self_], found {"a": "b"}'),
        ("[precision: 4]",
         'conf/config.yaml: defaults has the item {"precision": 4}; an item is a file, _self_, or group: choice, and a '
         "choice is a text, in quotes if it looks like another value"),
        ("[[a]]",
         'conf/config.yaml: defaults has the item ["a"]; an item is a file, _self_, or group: choice, and a choice is '
         "a text, in quotes if it looks like another value"),
        ("[precision: nope]", "precision: there is no 'nope'; choices are auto, eight, w16, w4, w6, w8, wide"),
        ("[precision: eight, precision: w4]",
         "precision: has two choices in the defaults list; keep one, or write override precision: w4, on the command "
         "line precision=w4"),
        ("[precision: eight, precision: eight]", "precision: stands more than once in the defaults list; keep one"),
        ("[_self_, _self_]", "config.yaml: has _self_ twice in its defaults list; keep one"),
        ("[override precision: w4, precision: eight]",
         "config.yaml: overrides precision before the end of its defaults list; move it to the end"),
        ("[override precision: w4]",
         "precision: the defaults list of config.yaml names no precision; add it there, or write +precision=…"),
        ("[config]", "configuration: is nested too deeply, or a defaults list leads back to its own file; flatten it"),
        ("[precision: eight, override hydra/launcher: nope]",
         "hydra/launcher: there is no 'nope'; choices are basic, joblib, slurm, submitit_local, submitit_slurm"),
    ],
)
def test_a_faulty_list_of_defaults_is_told(conf: Path, defaults: str, message: str) -> None:
    (conf / "config.yaml").write_text(CONFIG.replace("[_self_, precision: eight]", defaults))
    assert refused(conf) == message


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("", ASTRAY), ("# eight bits\n# @package hls\n", ASTRAY),
        ("# @package\n",
         "conf/precision/eight.yaml:1: Expected header format: KEY VALUE, got '@package'; a header reads '# @package "
         "hls'"),
        ("# @package .hls\n",
         "conf/precision/eight.yaml: .hls is no place in a configuration; a header reads '# @package hls'"),
    ],
)
def test_a_group_whose_keys_go_astray_is_told(conf: Path, header: str, message: str) -> None:
    (conf / "precision" / "eight.yaml").write_text(header + EIGHT.partition("\n")[2])
    assert refused(conf) == message


def test_the_shipped_readouts_need_no_key_of_ones_own(conf: Path) -> None:
    for choice in ("first_to_threshold", "marker", "membrane", "none", "spike_count", "threshold_then_argmax"):
        for own, window in ((CONFIG, None), (CONFIG.replace("data.npz", "data.npz, kwargs: {timesteps: 12}"), 12)):
            (conf / "config.yaml").write_text(own.replace("_self_", f"readout: {choice}, _self_"))
            assert config(conf)["readout"]["window_size"] == (None if choice == "marker" else window)


def test_a_message_is_one_line_whatever_it_repeats() -> None:
    assert str(ConfigError("a\n  b\x1b[2J\0c\x7f")) == r"a b\x1b[2J\x00c\x7f"

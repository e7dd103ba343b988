"""Generated text: as the golden files have it, the same for the same design, and local to what changed."""

from __future__ import annotations

import difflib
import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from textwrap import fill
from typing import Any

import jinja2
import numpy as np
import pytest
from cases import CASES, NARROW, Case, leaky, linear, readout
from projects import designed, texts

from hlspike.generators.design import Design, Io
from hlspike.generators.emit import emit
from hlspike.generators.hardware.units import slices
from hlspike.generators.ir import Input, Layer, Network, Neuron
from hlspike.generators.quantize import quantize
from hlspike.generators.schedule import schedule
from hlspike.generators.stimulus import Stimulus

IOS: tuple[Io, ...] = ("parallel", "stream")
GOLDEN = Path(__file__).parent / "golden"
UPDATE = "if this is meant, run: pytest tests/test_emit.py --update-golden, and read the diff before you commit it"


def _golden(io: Io) -> Design:
    """Decisions from the spikes of neurons with a β and a θ each, or logits from the currents behind IF neurons."""
    layers: tuple[Layer, ...]
    parameters: dict[str, Any] = {"fc1/weight": [[0.5, -1.25, 0.75], [2.0, 0.25, -0.5]], "fc1/bias": [0.125, -0.25]}
    hls: dict[str, Any] = {"model": {"precision": {"default": "ap_fixed<12,4>", "weight": "ap_fixed<6,3>"}}}
    if io == "parallel":
        layers = linear("fc1", "input", 3, 2), leaky("lif1", "fc1", 2, reset_delay=False), readout("lif1", 2)
        parameters |= {"lif1/beta": [0.5, 0.875], "lif1/threshold": [1.0, 1.5]}
        hls["layers"] = {"fc1": {"reuse_factor": 2}}
    else:
        layers = (
            linear("fc1", "input", 3, 2), leaky("lif1", "fc1", 2, integrates=True, inhibition=True),
            linear("fc2", "lif1", 2, 2, bias=False),
            readout("fc2", 2, "membrane", "binary_logit", beta=0.75, emit="step"),
        )
        parameters |= {"lif1/threshold": 1.0, "fc2/weight": [[1.0, -0.5], [0.25, 2**20 + 0.25]]}
        hls["layers"] = {"fc2": {"precision": {"weight": "ap_fixed<40,24>"}}}
    stimulus = Stimulus(np.zeros((1, 4, 3), np.float32), np.array([4]), None)
    arrays = {key: np.asarray(value, np.float64) for key, value in parameters.items()}
    quantized = quantize(Network((Input((3,), "fixed_window", 4), *layers)), arrays, hls, stimulus)
    return schedule(quantized.typed, quantized.integers, hls, io, quantized.findings)


@pytest.mark.parametrize("io", IOS)
def test_generated_text_is_that_of_the_golden_files(io: Io, request: pytest.FixtureRequest) -> None:
    folder, generated = GOLDEN / io, texts(_golden(io))
    if request.config.getoption("--update-golden"):
        shutil.rmtree(folder, ignore_errors=True)
        for name, text in generated.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8")
    golden = {
        str(path.relative_to(folder)): path.read_text(encoding="utf-8") for path in folder.rglob("*") if path.is_file()
    }
    differences = [
        line
        for name in sorted({*golden, *generated})
        for line in difflib.unified_diff(
            golden.get(name, "").splitlines(), generated.get(name, "").splitlines(), f"golden/{io}/{name}", "generated",
            lineterm="",
        )
    ]
    assert sorted(golden) == sorted(generated), UPDATE
    assert not differences, "\n".join([*differences, UPDATE])


@pytest.mark.parametrize("io", IOS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_file_says_that_it_is_generated_and_nothing_of_where_and_when(case: Case, io: Io) -> None:
    for path, text in texts(designed(case, io)[1]).items():
        first = text.partition("\n")[0]
        assert first.startswith("// ") and first.endswith(". Generated, do not edit."), path
        assert text.endswith("\n") and not re.search(r"[ \t]$", text, re.MULTILINE), path
        for found in (platform.node(), str(Path.cwd()), str(Path.home())):
            assert not re.search(rf"(?<!\w){re.escape(found)}(?!\w)", text), (path, found)
        assert re.findall(r"""["'\s(]/\w+/\S*|[A-Z]:\\|\b(?:19|20)\d\d-\d\d|\d\d:\d\d""", text) == [], path


@pytest.mark.parametrize("io", IOS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_line_is_indented_by_the_braces_around_it(case: Case, io: Io) -> None:
    for path, text in texts(designed(case, io)[1]).items():
        # rows of numbers, lines that continue another, and what stands at the margin whatever surrounds it
        code = re.sub(r"= \{[^;]*\};", "= {};", text)
        code = re.sub(r"\([^()]*\)", lambda found: found[0].replace("\n", " "), code)
        depth, continues = 0, False
        for line in code.splitlines():
            bare = line.partition("//")[0].strip()
            inner = max(0, depth - bare.startswith("}"))
            if bare and not bare.startswith(("#", "namespace")) and not continues:
                assert len(line) - len(line.lstrip()) == 4 * inner, (path, line)
            # a namespace does not indent
            opened = 0 if bare.startswith("namespace") else bare.count("{")
            depth = max(0, depth + opened - bare.count("}"))
            continues = bool(bare) and bare[-1] not in "{};:" and not bare.startswith("#")


def _digest(design: Design) -> str:
    return hashlib.sha256(json.dumps(texts(design), sort_keys=True).encode()).hexdigest()


PROGRAM = """
import sys
from dataclasses import replace
sys.path.insert(0, sys.argv[1])
from test_emit import IOS, _digest, _golden
print(*(_digest(_golden(io)) for io in IOS))
"""


@pytest.mark.parametrize("seed", ["1", "2"])
def test_another_process_elsewhere_generates_the_same_bytes(seed: str, tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONHASHSEED": seed, "TZ": "Asia/Tokyo", "LC_ALL": "C"}
    command = [sys.executable, "-c", PROGRAM, str(Path(__file__).parent)]
    told = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True).stdout
    assert told.split() == [_digest(_golden(io)) for io in IOS]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_slice_read_back_from_json_gives_the_same_text(case: Case) -> None:
    _, design = designed(case, "stream")
    read = {
        path: text
        for unit, (slice_, arrays) in slices(design).items()
        for path, text in emit(unit, json.loads(json.dumps(slice_)), arrays).items()
    }
    assert read == texts(design)


@pytest.mark.parametrize("widest", [1, 7, 31, 32, 62])
@pytest.mark.parametrize("columns", [1, 20, 500])
def test_weights_are_wrapped_at_blanks_and_long_where_an_int_is_too_short(widest: int, columns: int) -> None:
    scheduled = _golden("parallel")
    slice_, own = slices(scheduled)["fc1"]
    edge = 2**widest
    weight = np.random.default_rng(widest).integers(-edge, edge, (40, columns), endpoint=True)
    text = emit("fc1", slice_, {**own, "weight": weight})["firmware/fc1.cpp"]
    rows = [", ".join(f"{value}LL" if abs(value) >= 2**31 else f"{value}" for value in row) for row in weight.tolist()]
    assert "{\n" + ",\n".join(f"{{{fill(row, 118)}}}" for row in rows) + "};" in text


def test_a_slice_that_lacks_a_value_is_refused() -> None:
    slice_, arrays = slices(_golden("parallel"))["fc1"]
    del slice_["layer"]["sum_width"]
    with pytest.raises(jinja2.UndefinedError, match=r"^'dict object' has no attribute 'sum_width'$"):
        emit("fc1", slice_, arrays)


BASE = Case(
    "base",
    (linear("fc1", "input", 6, 8), leaky("lif1", "fc1", 8), linear("fc2", "lif1", 8, 2, bias=False),
     leaky("lif2", "fc2", 2), readout("lif2", 2)),
    NARROW,
)


def _layer(name: str, **options: Any) -> Case:
    """The base with other options of one layer."""
    layers = tuple(_changed_layer(layer, options) if layer.name == name else layer for layer in BASE.layers)
    return replace(BASE, name=f"{name}.{'.'.join(options)}", layers=layers)


def _changed_layer(layer: Layer, options: dict[str, Any]) -> Layer:
    if isinstance(layer, Neuron):
        return leaky(layer.name, layer.inputs[0], layer.size, **options)
    return replace(layer, **options)


def _hls(name: str, **settings: Any) -> Case:
    """The base with other settings of one layer."""
    return replace(BASE, name=f"{name}.{'.'.join(settings)}", hls={**NARROW, "layers": {name: settings}})


def _precision(name: str, **types: str) -> Case:
    return replace(_hls(name, precision=types), name=f"{name}.{'.'.join(types)}")


def _slices_and_texts(case: Case, io: Io, **given: Any) -> tuple[dict[str, str], dict[str, str]]:
    """Unit → slice and arrays as text, path → text; `given` replaces parameters of the case."""
    parameters = {**case.parameters, **given}
    quantized = quantize(case.network, parameters, case.hls, case.stimulus)
    design = schedule(quantized.typed, quantized.integers, case.hls, io, quantized.findings)
    found = {
        unit: json.dumps([slice_, {key: values.tolist() for key, values in arrays.items()}])
        for unit, (slice_, arrays) in slices(design).items()
    }
    return found, texts(design)


def _changed(before: dict[str, str], after: dict[str, str]) -> str:
    return " ".join(name for name in sorted({*before, *after}) if before.get(name) != after.get(name))


@pytest.mark.parametrize("io", IOS)
@pytest.mark.parametrize(
    ("case", "units", "files"),
    [
        (_precision("fc1", weight="ap_fixed<7,2>"), "fc1", "fc1.cpp"),
        (_precision("fc1", bias="ap_fixed<7,2>"), "fc1", "fc1.cpp"),
        (_precision("fc1", accum="ap_fixed<12,6>"), "fc1", "fc1.cpp"),
        # three inputs at once are what a beat in front of them holds
        (_hls("fc1", reuse_factor=4), "fc1 input", "fc1.cpp fc1.h input.cpp input.h"),
        (_hls("lif1", reuse_factor=4), "lif1", "lif1.cpp"),
        (_precision("lif1", membrane="ap_fixed<11,3>"), "lif1", "lif1.cpp"),
        (_precision("lif1", beta="ap_ufixed<8,1>"), "lif1", "lif1.cpp"),
        (_precision("lif1", threshold="ap_ufixed<8,1>"), "lif1", "lif1.cpp"),
        (_layer("lif1", reset_mechanism="zero"), "lif1", "lif1.cpp"),
        (_layer("lif1", reset_delay=False), "lif1", "lif1.cpp"),
        (_layer("lif1", inhibition=True), "lif1", "lif1.cpp"),
        # a count decides only under a rule that asks for it
        (_layer("readout", class_threshold=2), "", ""),
        (_layer("readout", emit="step"), "readout", "readout.cpp"),
        (_layer("readout", decision_rule="first_to_threshold"), "readout", "readout.cpp"),
        # one bit decides between two classes, a difference of counts takes more and has a sign
        (_layer("readout", decision_rule="binary_logit"), "readout tb top", "readout.cpp readout.h top.h tb/tb.cpp"),
        # the width of a count follows the window
        (replace(BASE, name="window", window=12, lengths=(12, 12)), "input readout", "input.cpp readout.cpp"),
        # what a layer sends is what the next receives; a synapse also sizes its sums by it
        (_precision("fc1", result="ap_fixed<10,4>"), "fc1 lif1", "fc1.cpp fc1.h lif1.h"),
        (_precision("fc2", result="ap_fixed<10,4>"), "fc2 lif2", "fc2.cpp fc2.h lif2.h"),
        (_precision("input", result="ap_fixed<10,4>"), "fc1 input tb top", "fc1.cpp fc1.h input.h top.h tb/tb.cpp"),
    ],
    ids=lambda value: value.name if isinstance(value, Case) else "",
)
def test_a_setting_changes_its_layer_and_what_shares_its_port(case: Case, io: Io, units: str, files: str) -> None:
    slices, written = _slices_and_texts(BASE, io)
    slices_after, written_after = _slices_and_texts(case, io)
    if io == "parallel" and "reuse_factor" in case.name:
        # with every factor 1 the whole is one pipeline
        units, files = f"{units} top", f"{files} top.cpp"
    named = (name if "/" in name else f"firmware/{name}" for name in files.split())
    assert _changed(written, written_after) == " ".join(named)
    assert _changed(slices, slices_after) == units


@pytest.mark.parametrize("io", IOS)
@pytest.mark.parametrize(
    ("parameter", "unit"),
    [("fc1/weight", "fc1"), ("fc1/bias", "fc1"), ("lif1/beta", "lif1"), ("lif1/threshold", "lif1"),
     ("fc2/weight", "fc2"), ("lif2/beta", "lif2"), ("lif2/threshold", "lif2")],
)
def test_a_parameter_changes_one_file(parameter: str, unit: str, io: Io) -> None:
    slices, written = _slices_and_texts(BASE, io)
    slices_after, written_after = _slices_and_texts(BASE, io, **{parameter: BASE.parameters[parameter] / 2})
    assert (_changed(slices, slices_after), _changed(written, written_after)) == (unit, f"firmware/{unit}.cpp")


@pytest.mark.parametrize("io", IOS)
def test_another_size_changes_its_layer_the_neighbours_and_the_bench(io: Io) -> None:
    larger = replace(
        BASE, layers=(linear("fc1", "input", 6, 10), leaky("lif1", "fc1", 10),
                      linear("fc2", "lif1", 10, 2, bias=False), *BASE.layers[3:]),
    )
    last = {key: values for key, values in BASE.parameters.items() if key.startswith("lif2/")}
    slices, written = _slices_and_texts(BASE, io)
    slices_after, written_after = _slices_and_texts(larger, io, **last)
    # the top sees beats, and all of ten values still go into one
    assert _changed(slices, slices_after) == "fc1 fc2 lif1 tb"
    layers = [f"firmware/{unit}.{suffix}" for unit in ("fc1", "fc2", "lif1") for suffix in ("cpp", "h")]
    assert _changed(written, written_after) == " ".join([*layers, "tb/tb.cpp"])

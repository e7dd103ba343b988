"""Pictures of a report: what they show, computed from traces, and that a build draws them."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from builds import ROOT, Place
from cases import CASES, Case
from projects import designed

from hlspike.generators.fixed import FixedType
from hlspike.generators.reference import run_reference
from hlspike.generators.report.overview import confusion, membranes, rasters, tensors

NAMES = ("confusion", "membranes", "spikes", "values")
CASE = next(case for case in CASES if len(case.network.neurons) > 1)


def run(case: Case) -> tuple[Any, Any, dict[str, Any], tuple[Any, ...]]:
    quantized, _ = designed(case, "parallel")
    made = run_reference(quantized.typed, quantized.integers, case.stimulus, "states")
    return quantized.typed, quantized.integers, dict(made.trace), made.overflows


def test_a_confusion_matrix_counts_label_by_decision() -> None:
    labels = np.array([0, 1, 1, 2])
    assert confusion(labels, np.array([0, 1, 2, 2])).tolist() == [[1, 0, 0], [0, 1, 1], [0, 0, 1]]
    # a logit above 0 is the second class
    assert confusion(np.array([0, 1, 1]), np.array([-0.5, 0.25, 0.0])).tolist() == [[1, 0], [1, 1]]


def test_a_raster_tells_who_fired() -> None:
    typed, _, trace, _ = run(CASE)
    name = typed.network.neurons[0].name
    length = int(CASE.stimulus.lengths[1])
    ours, theirs = np.zeros_like(trace[f"spikes/{name}"]), np.zeros_like(trace[f"spikes/{name}"])
    ours[1, 0, 0] = ours[1, 1, 2] = theirs[1, 1, 2] = theirs[1, 0, 1] = 1
    theirs[1, length:, 0] = theirs[0, 0, 0] = 1  # beyond the sequence, and in another
    (raster,) = rasters(typed, {f"spikes/{name}": ours}, {f"spikes/{name}": theirs}, 1, length)
    assert (raster.layer, raster.neurons) == (name, ours.shape[-1])
    assert raster.both.tolist() == [[1, 2]]
    assert (raster.float_only.tolist(), raster.csim_only.tolist()) == ([[0, 0]], [[0, 1]])


@pytest.mark.parametrize("sequence", [0, 1])
def test_membranes_are_those_of_the_whole_run(sequence: int) -> None:
    typed, integers, trace, _ = run(CASE)
    length = int(CASE.stimulus.lengths[sequence])
    found = membranes(typed, integers, CASE.stimulus, {}, sequence)
    assert [layer.layer for layer in found] == [layer.name for layer in typed.network.neurons]
    for layer in found:
        kind = typed.layer(layer.layer).states["membrane"]
        whole = trace[f"mem/{layer.layer}"][sequence, :length][:, layer.neurons]
        assert np.array_equal(layer.exact, kind.to_float(whole))
        assert np.array_equal(layer.fired, trace[f"spikes/{layer.layer}"][sequence, :length][:, layer.neurons] != 0)
        assert layer.floating is None and len(layer.neurons) <= 3


def test_neurons_that_part_are_shown_before_others() -> None:
    typed, integers, trace, _ = run(CASE)
    name = typed.network.neurons[0].name
    floating = {key: value.copy() for key, value in trace.items() if key.startswith("spikes/")}
    last = floating[f"spikes/{name}"].shape[-1] - 1
    floating[f"spikes/{name}"][0, 0, last] ^= 1
    assert last in membranes(typed, integers, CASE.stimulus, floating, 0)[0].neurons


def test_states_that_are_carried_on_are_shown_as_they_were() -> None:
    case = next(case for case in CASES if case.network.input.reset_policy == "never" and len(case.stimulus) > 1)
    typed, integers, trace, _ = run(case)
    layer = membranes(typed, integers, case.stimulus, {}, 1)[0]
    length = int(case.stimulus.lengths[1])
    whole = trace[f"mem/{layer.layer}"][1, :length][:, layer.neurons]
    assert np.array_equal(layer.exact, typed.layer(layer.layer).states["membrane"].to_float(whole))


def test_every_tensor_is_shown_before_its_type_has_bent_it() -> None:
    typed, _, trace, overflows = run(CASE)
    floating = {key: value for key, value in trace.items() if key.startswith("spikes/")}
    found = {(item.layer, item.key): item for item in
             tensors(typed, CASE.parameters, CASE.stimulus, floating, trace, overflows)}
    for name, values in CASE.parameters.items():
        layer, key = name.rsplit("/", 1)
        if (layer, key) in found:
            item = found[layer, key]
            assert np.array_equal(np.sort(item.values), np.sort(np.asarray(values, np.float64).ravel()))
            low, high = (item.type.to_float(np.array(raw, object)) for raw in (item.type.min_raw, item.type.max_raw))
            step = 2.0**-item.type.frac
            assert item.beyond == np.count_nonzero((item.values > high + step / 2) | (item.values < low - step / 2))
    linear = next(layer for layer in typed.layers if type(layer).__name__ == "TypedLinear")
    assert {("input", "result"), (linear.layer.name, "weight"), (linear.layer.name, "result")} <= set(found)
    current = found[linear.layer.name, "result"]
    first = CASE.stimulus.frames[0, 0].ravel() @ CASE.parameters[f"{linear.layer.name}/weight"].T
    if linear.bias is not None:
        first = first + CASE.parameters[f"{linear.layer.name}/bias"]
    assert np.allclose(current.values[: linear.layer.size], first)
    assert current.total == CASE.stimulus.timesteps * linear.layer.size


def test_overflows_are_counted_where_they_happened() -> None:
    quantized, _ = designed(CASE, "parallel")
    neuron = CASE.network.neurons[0].name
    layers = tuple(
        dataclasses.replace(layer, states={"membrane": FixedType(2, 1)}) if layer.layer.name == neuron else layer
        for layer in quantized.typed.layers
    )
    typed = dataclasses.replace(quantized.typed, layers=layers)
    made = run_reference(typed, quantized.integers, CASE.stimulus, "states")
    counted = {(item.layer, item.key): item.count for item in made.overflows}
    assert counted[neuron, "membrane"] > 0
    found = {(item.layer, item.key): item.beyond for item in
             tensors(typed, CASE.parameters, CASE.stimulus, {}, dict(made.trace), made.overflows)}
    assert found[neuron, "membrane"] == counted[neuron, "membrane"]


def pictures(place: Place) -> dict[str, bytes]:
    folder = place.path / "build" / "tiny" / "pictures"
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*"))}


def test_pictures_are_drawn_once_and_alike(place: Place) -> None:
    ran = place.doit("pictures")
    assert (ran.code, ran.err, ran.tasks) == (0, "", {"pictures"})
    first = pictures(place)
    assert tuple(first) == tuple(f"{name}.png" for name in NAMES)
    assert all(content.startswith(b"\x89PNG") for content in first.values())
    assert place.doit("pictures").tasks == set()
    (place.path / "build" / "tiny" / "pictures" / "spikes.png").unlink()
    assert place.doit("pictures").tasks == {"pictures"}
    assert pictures(place) == first


def test_a_build_draws_if_it_is_configured_and_the_report_shows_it(place: Place) -> None:
    ran = place.doit("build", "report.pictures=true", "report.sequence=2", "sim.trace=states")
    assert (ran.code, ran.err) == (0, "") and "pictures" in ran.tasks
    text = (place.path / "build" / "tiny" / "report.md").read_text()
    assert all(f"(pictures/{name}.png)" in text for name in NAMES)
    ran = place.doit("build", "report.pictures=true", "report.sequence=1", "sim.trace=states")
    assert ran.tasks - {"resolve", "manifest"} == {"pictures"}
    assert "pictures" not in place.doit("build").tasks
    assert "pictures/" not in (place.path / "build" / "tiny" / "report.md").read_text()


def test_without_labels_decisions_or_spikes_the_pictures_say_so(place: Place) -> None:
    place.edit("data.py", '        "labels": chance.integers(0, 3, sequences),\n', "")
    ran = place.doit("pictures", "sim.trace=decisions")
    assert (ran.code, ran.err) == (0, "")
    assert len(pictures(place)) == len(NAMES)


def test_what_cannot_be_drawn_is_refused(place: Place) -> None:
    ran = place.doit("pictures", "report.sequence=6")
    assert (ran.code, ran.error) == (1, "report.sequence: 6 is not there, sequences are 0..5")
    place.write("none/matplotlib/__init__.py", "raise ImportError('not here')\n")
    ran = place.doit("pictures", PYTHONPATH=f"{place.path / 'none'}:{ROOT}")
    assert (ran.code, ran.error) == (1, "pictures: matplotlib is not installed; pip install 'hlspike[plots]'")

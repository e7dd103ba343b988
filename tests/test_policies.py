"""Every reset policy in both interfaces: sequences of random lengths back to back, of which csim forgets each in time.

One program for each policy and interface runs many stimuli; what it leaves is held against the reference, which runs
every sequence by itself, and the reference against a network that is walked timestep by timestep.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases import NARROW, Case, leaky, linear, readout
from numpy.typing import NDArray
from projects import Project, Workshop, build_project, run

from hlspike.generators.compare import mismatches
from hlspike.generators.design import Io
from hlspike.generators.errors import DataError
from hlspike.generators.reference import outcomes, run_reference
from hlspike.generators.stimulus import Stimulus
from hlspike.tasks.archives import arrays
from hlspike.tasks.compilation import toolchain
from hlspike.tasks.system import files
from hlspike.tasks.vitis import scripts

POLICIES = ("fixed_window", "tlast", "host_pulse", "never")
TOLD = ("tlast", "host_pulse")
WINDOW = 4


def _case(policy: Any) -> Case:
    """State in neurons that decay and that do not, in counts, and in what was first."""
    emit = "step" if policy == "never" else "window"
    layers = (
        linear("fc1", "input", 5, 6), leaky("lif1", "fc1", 6), linear("fc2", "lif1", 6, 3),
        leaky("lif2", "fc2", 3, integrates=True, reset_delay=False, reset_mechanism="zero"),
        readout("lif2", 3, rule="first_to_threshold", class_threshold=2, emit=emit),
    )
    window = WINDOW if policy == "fixed_window" else None
    return Case("policy", layers, NARROW, inputs=5, policy=policy, window=window, lengths=(WINDOW,), scale=1.5, seed=31)


def _stimulus(policy: str, chance: np.random.Generator) -> Stimulus:
    """One to six sequences that are likely to have no timestep, one, or many; what lies beyond them is no silence."""
    lengths = chance.choice([0, 1, 1, 2, 3, 8, 13], chance.integers(1, 7))
    if policy == "fixed_window":
        lengths = WINDOW * np.maximum(lengths // WINDOW, 1)
    elif policy == "never" or not lengths.any():
        lengths = np.maximum(lengths, 1)
    frames = np.round(chance.normal(size=(len(lengths), int(lengths.max()) + 2, 5)) * 32) / 16
    return Stimulus(frames.astype(np.float32), lengths.astype(np.int64), None)


def _played(project: Project, stimulus: Stimulus, folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """The traces of the reference and of csim, with all states."""
    typed = project.quantized.typed
    done = run_reference(typed, project.quantized.integers, stimulus, "states")
    folder.mkdir()
    packed = arrays.packed(done.input, typed.layers[0].result.width)
    for name, array in {"input": packed, "lengths": stimulus.lengths, "expected": done.emitted}.items():
        (folder / f"{name}.npy").write_bytes(arrays.npy_bytes(array))
    code, found = run(project.layout.csim, folder, folder / "out")
    assert code == 0
    steps = stimulus.frames.shape[1]
    expected = {**outcomes(typed, done.emitted, stimulus.lengths, steps), **done.trace}
    ours = outcomes(typed, found.pop("emitted"), stimulus.lengths, steps)
    for name, array in found.items():
        kind, _, layer = name.partition("__")
        ours[f"readout/{kind}" if layer == "readout" else f"{kind}/{layer}"] = array
    return expected, ours


@pytest.fixture(scope="module")
def projects(workshop: Workshop, tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Project]:
    ios: tuple[Io, ...] = ("parallel", "stream")
    return {
        (policy, io): build_project(workshop, _case(policy), io, tmp_path_factory.mktemp(f"{policy}_{io}"), whole=True)
        for policy in POLICIES for io in ios
    }


@pytest.mark.parametrize("policy", POLICIES)
def test_sequences_of_random_lengths_back_to_back_are_equal_bit_for_bit(
    policy: str, projects: dict[tuple[str, str], Project], tmp_path: Path
) -> None:
    chance, seen, decided = np.random.default_rng(POLICIES.index(policy)), set(), set()
    for number in range(12):
        stimulus = _stimulus(policy, chance)
        seen |= set(stimulus.lengths.tolist())
        for io in ("parallel", "stream"):
            project = projects[policy, io]
            expected, found = _played(project, stimulus, tmp_path / f"{number}_{io}")
            assert set(found) == set(expected)
            assert mismatches(project.quantized.typed.network, stimulus.lengths, expected, found) == (0, None)
        empty = stimulus.lengths == 0
        assert (expected["decision"][empty] == -1).all() and (expected["decision"][~empty] >= 0).all()
        decided |= set(expected["decision"].tolist())
    assert seen >= ({0, 1, 2, 13} if policy in TOLD else {4, 12} if policy == "fixed_window" else {1, 2, 13})
    assert len(decided - {-1}) > 1


@pytest.mark.parametrize("policy", TOLD)
@pytest.mark.parametrize("io", ["parallel", "stream"])
def test_an_end_that_is_missed_by_one_timestep_changes_what_is_left(
    policy: str, io: str, projects: dict[tuple[str, str], Project], tmp_path: Path
) -> None:
    # the same timesteps in the same order, which end once in time and once a timestep early or late
    project, chance = projects[policy, io], np.random.default_rng(7)
    played = np.round(chance.normal(size=(12, 5)) * 8).astype(np.float32) / 16
    left = {}
    for first in (5, 6, 7):
        frames = np.zeros((2, 12, 5), np.float32)
        frames[0, :first], frames[1, : 12 - first] = played[:first], played[first:]
        stimulus = Stimulus(frames, np.array([first, 12 - first]), None)
        _, found = _played(project, stimulus, tmp_path / str(first))
        for layer in ("lif1", "lif2"):
            left[first, layer] = found[f"mem/{layer}"][1, 7 - first].tolist()
    for layer in ("lif1", "lif2"):
        assert left[5, layer] != left[6, layer] != left[7, layer]


@pytest.mark.parametrize("policy", TOLD)
def test_whatever_lies_beyond_a_sequence_is_never_fed(
    policy: str, projects: dict[tuple[str, str], Project], tmp_path: Path
) -> None:
    stimulus = _stimulus(policy, np.random.default_rng(3))
    loud = replace(stimulus, frames=np.where(stimulus.valid[..., None], stimulus.frames, np.float32(3.5)))
    project = projects[policy, "stream"]
    quiet, noisy = (_played(project, some, tmp_path / name)[1] for some, name in ((stimulus, "a"), (loud, "b")))
    assert not np.array_equal(stimulus.frames, loud.frames)
    for key, values in quiet.items():
        np.testing.assert_array_equal(noisy[key], values, err_msg=key)


def test_a_timestep_brings_one_bit_where_a_sequence_ends_from_outside(
    projects: dict[tuple[str, str], Project]
) -> None:
    heads = {
        place: next(
            line for line in (project.layout.root / "firmware" / "top.h").read_text().splitlines() if "snn_top(" in line
        )
        for place, project in projects.items()
    }
    for policy in POLICIES:
        bit, stream = ("ap_uint<1> last, ", "hls::stream<ap_uint<1>> &last, ") if policy in TOLD else ("", "")
        assert heads[policy, "parallel"] == (
            f'extern "C" void snn_top(const snn_in_word in[1], {bit}snn_out_word &decision, ap_uint<1> &valid);'
        )
        assert heads[policy, "stream"] == (
            f'extern "C" void snn_top(hls::stream<snn_in_word> &in, {stream}hls::stream<snn_out_word> &out);'
        )
        pragma = "#pragma HLS INTERFACE axis port=last\n"
        assert (pragma in (projects[policy, "stream"].layout.root / "firmware" / "top.cpp").read_text()) == bool(stream)


def _refused(policy: Any, lengths: list[int]) -> str:
    with pytest.raises(DataError) as error:
        _case(policy).network.check_lengths(np.array(lengths))
    return str(error.value)


def test_what_a_policy_cannot_run_is_refused_before_it_runs() -> None:
    for policy in TOLD:
        _case(policy).network.check_lengths(np.array([0, 1, 7, 0]))
        assert _refused(policy, [0, 0]) == "data: none of the 2 sequences has a timestep; give one that has"
    assert _refused("fixed_window", [4, 8, 3]) == (
        "data: sequence 2 has 3 timesteps, but reset_policy fixed_window ends a sequence every 4; pad it with "
        "timesteps without input to a multiple, cut it, or set readout.window_size; for sequences of different "
        "lengths set readout.reset_policy=tlast"
    )
    assert _refused("never", [4, 0]) == (
        "data: sequence 1 has 0 timesteps, but reset_policy never knows no empty sequence; leave it out, or set "
        "readout.reset_policy=tlast, which has no decision for it"
    )


def test_logits_of_empty_sequences_are_no_difference(workshop: Workshop) -> None:
    layers = linear("fc", "input", 5, 2), readout("fc", 2, "membrane", "binary_logit")
    network = replace(_case("tlast"), layers=layers).network
    lengths, logits = np.array([0, 2, 0]), np.array([np.nan, 0.5, np.nan])
    assert mismatches(network, lengths, {"decision": logits}, {"decision": logits.copy()}) == (0, None)
    other: NDArray[np.float64] = np.array([0.25, 0.5, np.nan])
    assert mismatches(network, lengths, {"decision": logits}, {"decision": other})[0] == 1


@pytest.mark.parametrize(("policy", "lengths"), [
    ("fixed_window", [8, 4, 12]), ("tlast", [0, 3, 0, 1, 5]), ("never", [3, 1, 5]),
])
def test_what_co_simulation_runs_is_complete(
    policy: str, lengths: list[int], projects: dict[tuple[str, str], Project]
) -> None:
    project = projects[policy, "stream"]
    layout, typed = project.layout, project.quantized.typed
    frames = np.random.default_rng(5).random((len(lengths), max(lengths), 5)).astype(np.float32)
    done = run_reference(typed, project.quantized.integers, Stimulus(frames, np.array(lengths), None))
    packed = arrays.packed(done.input, typed.layers[0].result.width)
    for name, array in {"input": packed, "lengths": np.array(lengths), "expected": done.emitted}.items():
        files.write(layout.bench_data / f"{name}.npy", arrays.npy_bytes(array))
    files.write_json(layout.design, project.design.to_json())
    # two sequences that have a timestep
    scripts.cosim_data(layout, 2)
    kept = np.load(layout.cosim_data / "lengths.npy").tolist()
    assert kept == lengths[: len(kept)] and np.count_nonzero(kept) == 2 and kept[-1] > 0
    out = layout.root / "out"
    out.mkdir()
    assert toolchain.simulate(layout.csim, layout.cosim_data, out, "decisions", layout.root / "log.txt") == 0

"""Builds from Python: the same build, kept as it was made, and a predictor that starts afresh every time."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from builds import Place

from hlspike.generators.errors import ConfigError, DataError, HlspikeError
from hlspike.tasks import api
from hlspike.tasks.api import Build, BuildFailed, build
from hlspike.tasks.archives.arrays import read_npz


@pytest.fixture
def here(place: Place, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A user's directory, and this process in it."""
    monkeypatch.chdir(place.path)
    return place


@pytest.fixture(scope="module")
def made(built: Place, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Build]:
    place = built.copy(tmp_path_factory.mktemp("api") / "place")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place.path)
        yield build()


def refusal(kind: type[HlspikeError], message: str) -> pytest.RaisesExc[HlspikeError]:
    return pytest.raises(kind, match=f"^{re.escape(message)}$")


def stimulus(place: Place) -> dict[str, np.ndarray]:
    return read_npz(place.path / "build" / "tiny" / "stimulus.npz")


def test_a_build_from_python_is_that_of_the_terminal(here: Place, capfd: pytest.CaptureFixture[str]) -> None:
    made = build(["sim.sequences=3"])
    assert capfd.readouterr() == ("", "")
    assert here.doit("build", "sim.sequences=3").tasks == set()
    assert made.report == here.report()
    assert made.report["sequences"] == 3
    assert made.config["sim"]["sequences"] == 3
    for stage in ("float", "reference", "csim"):
        kept = read_npz(here.path / "build" / "tiny" / stage / "trace.npz")
        assert {name: array.tolist() for name, array in made.trace(stage).items()} == {
            name: array.tolist() for name, array in kept.items()
        }


def test_the_predictor_decides_as_csim_did_and_forgets_what_it_saw(made: Build, built: Place) -> None:
    frames, decision = stimulus(built)["frames"], made.trace("csim")["decision"]
    assert set(decision.tolist()) == {0, 1, 2}
    for _ in range(2):
        assert made.predict(frames).tolist() == decision.tolist()
    assert made.predict(frames[::-1]).tolist() == decision[::-1].tolist()
    for sequence, decided in zip(frames, decision, strict=True):
        alone = made.predict(sequence)
        assert (alone.shape, int(alone)) == ((), decided)


def test_sequences_of_several_windows_are_decided_at_their_end(made: Build, built: Place) -> None:
    frames, decision = stimulus(built)["frames"], made.trace("csim")["decision"]
    assert made.predict(np.concatenate([frames[:1], frames[1:2]], axis=1)).tolist() == [decision[1]]


def test_under_never_a_call_carries_state_from_sequence_to_sequence_but_not_into_the_next_call(here: Place) -> None:
    made = build(["readout.reset_policy=never", "readout.window_size=null"])
    frames, decision = stimulus(here)["frames"], made.trace("csim")["decision"]
    for _ in range(2):
        assert made.predict(frames).tolist() == decision.tolist()


CUT = (
    "data: sequence 0 has 3 timesteps, but reset_policy fixed_window ends a sequence every 4; pad it with timesteps "
    "without input to a multiple, cut it, or set readout.window_size; for sequences of different lengths set "
    "readout.reset_policy=tlast"
)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((4, 6), "data: frames have shape (4, 6), but model.input_shape asks for (N, T, 5); reshape them or set "
                 "model.input_shape"),
        ((5,), "data: frames have shape (5,), but model.input_shape asks for (N, T, 5); the axes of sequences and of "
               "time are missing; give frames[None, None]"),
        ((4, 3, 5), f"{CUT}; if time is the first axis, give frames.swapaxes(0, 1)"),
        ((2, 3, 5), CUT),
        ((0, 4, 5), "data: frames are empty, shape (0, 4, 5); give at least one sequence of one timestep"),
    ],
)
def test_frames_that_do_not_fit_are_refused(made: Build, shape: tuple[int, ...], message: str) -> None:
    with refusal(DataError, message):
        made.predict(np.zeros(shape))


def test_frames_are_taken_from_whatever_holds_numbers(made: Build, built: Place) -> None:
    frames, decision = stimulus(built)["frames"], made.trace("csim")["decision"]
    tensor = torch.tensor(frames)
    for given in (tensor, tensor.requires_grad_(), tensor.to_sparse(), [*tensor], frames.tolist(),
                  frames.astype(object), np.ma.masked_array(frames)):
        assert made.predict(given).tolist() == decision.tolist()


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        (np.full((4, 5), np.nan), "data: frames[0, 0, 0] is nan; remove NaN and infinity"),
        (np.zeros((4, 5), complex), "data: frames has dtype complex128; give real numbers"),
        ([[0.0] * 5, [0.0] * 4],
         "data: frames is ragged: item 1 has shape (4,), item 0 has (5,); pad them to one shape, and give the used "
         "timesteps as lengths"),
        (np.ma.masked_array(np.zeros((4, 5)), np.ones((4, 5))), "data: frames is masked at [0, 0]; fill it, as in "
                                                                ".filled(0)"),
        ("frames.npy", "data: frames is a str; give an array of numbers"),
        (None, "data: frames is a NoneType; give an array of numbers"),
        ([], "data: frames have shape (0,), but model.input_shape asks for (N, T, 5); reshape them or set "
             "model.input_shape"),
    ],
)
def test_what_holds_no_numbers_is_refused(made: Build, frames: Any, message: str) -> None:
    with refusal(DataError, message):
        made.predict(frames)


def test_a_network_that_decides_nothing_predicts_nothing(here: Place) -> None:
    made = build(["readout.decision_rule=none"])
    assert made.trace("csim")["output"].shape == (6, 4, 3)
    with refusal(ConfigError, "predict: the network has no readout and decides nothing; configure one, or use trace"):
        made.predict(np.zeros((4, 5)))


def test_an_unknown_stage_is_refused(made: Build) -> None:
    with refusal(ConfigError, "trace: there is no stage 'cosim'; stages are float, reference, csim"):
        made.trace("cosim")  # type: ignore[arg-type]


def test_a_trace_is_a_copy(made: Build) -> None:
    made.trace("csim")["decision"][:] = -1
    assert (made.trace("csim")["decision"] >= 0).all()


def test_a_build_stays_as_it_was_when_another_takes_its_place(here: Place) -> None:
    first = build()
    frames, decision = stimulus(here)["frames"], first.trace("csim")["decision"]
    here.change_weights(fc1=-3.0, fc2=-1.0)
    second = build()
    assert second.predict(frames).tolist() == second.trace("csim")["decision"].tolist() != decision.tolist()
    assert first.predict(frames).tolist() == first.trace("csim")["decision"].tolist() == decision.tolist()


def test_an_edited_model_is_seen_by_the_next_build(here: Place) -> None:
    assert build().report["layers"][2]["type"] == "LIFNeuron"
    here.edit("model.py", "return Net(beta)", "return Net(1.0)")
    here.edit("conf/config.yaml", "checkpoint: weights.pt", "checkpoint: null")
    assert build().report["layers"][2]["type"] == "IFNeuron"


def test_builds_from_several_threads_take_turns(here: Place) -> None:
    wanted = [1, 2, 3, 4]
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda n: build([f"sim.sequences={n}"]), wanted))
    assert [one.report["sequences"] for one in made] == wanted
    assert [len(one.trace("csim")["decision"]) for one in made] == wanted


def test_predictions_from_several_threads_are_apart(made: Build, built: Place) -> None:
    frames, decision = stimulus(built)["frames"], made.trace("csim")["decision"]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(made.predict, frames))
    assert [int(one) for one in found] == decision.tolist()


@pytest.mark.parametrize(
    ("overrides", "kind", "message"),
    [
        (["sed=1"], ConfigError, "sed: there is no such key or group, did you mean 'seed'; see conf/config.yaml"),
        (["seed=1,2"], ConfigError, "build: these overrides are a sweep of 2 variants; build them one by one"),
        ("seed=1", ConfigError, "build: overrides are a list such as ['seed=1'], found 'seed=1'"),
        (
            ["hls.layers.fc1.reuse_factor=7"],
            ConfigError,
            "hls.layers.fc1.reuse_factor: 7 does not divide the 30 products of layer 'fc1'; the nearest legal values "
            "are 6 and 10",
        ),
        (
            ["model.source=model.py:nothing"],
            BuildFailed,
            "model.source: model.py has no 'nothing'; define it or correct the name",
        ),
    ],
)
def test_errors_are_the_projects_own(
    here: Place, capfd: pytest.CaptureFixture[str], overrides: list[str], kind: type[HlspikeError], message: str
) -> None:
    with refusal(kind, message):
        build(overrides)
    assert capfd.readouterr() == ("", "")


def test_what_a_step_refuses_is_a_failed_build_and_of_its_own_class() -> None:
    told = (("DataError", "data: too short"), ("", "report: failed"))
    failed = api._failed(told)
    assert isinstance(failed, BuildFailed) and isinstance(failed, DataError) and not isinstance(failed, ConfigError)
    assert str(failed) == "data: too short; report: failed"
    assert type(api._failed((("KeyError", "a: internal error"),))) is BuildFailed
    assert api._told("error: DataError: data: too short") == told[0]
    assert api._told("ERROR: conf: not there") == ("", "conf: not there")


def test_a_build_is_shown_in_five_lines(made: Build) -> None:
    first, accuracy, agreement, estimate, warnings = repr(made).splitlines()
    assert first == "Build of tiny: 6 layers, 6 sequences, 24 timesteps"
    assert re.fullmatch(r"  accuracy: float [\d.]+%, reference [\d.]+%, csim [\d.]+%", accuracy)
    assert agreement == "  values that differ between reference and csim: 0"
    assert re.fullmatch(r"  estimate: \d+ cycles per timestep, \d+ multipliers, \d+ BRAM_18K", estimate)
    assert warnings == f"  warnings: {len(made.report['warnings'])}"


def test_a_build_needs_a_compiler(here: Place, tmp_path: Path) -> None:
    with refusal(HlspikeError, "csim.compiler: there is no 'no-g++' on the PATH; install g++ or name another"):
        build(["csim.compiler=no-g++"])

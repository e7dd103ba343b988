"""Builds from Python: the same build, kept as it was made, and a predictor that starts afresh every time."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from builds import Place

from hlspike.generators.errors import ConfigError, DataError, HlspikeError, ToolError
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


@pytest.fixture(scope="module")
def told(built: Place, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Build]:
    """A build whose sequences end with their packets, and whose weights are coarse enough to tell."""
    place = built.copy(tmp_path_factory.mktemp("told") / "place")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place.path)
        yield build([
            "readout.reset_policy=tlast", "readout.window_size=null", "hls.layers.fc1.precision.weight=ap_fixed<3,1>",
        ])


LENGTHS = [4, 1, 0, 3, 2, 4]


def test_sequences_of_unequal_length_are_decided_however_they_are_given(told: Build, built: Place) -> None:
    frames = stimulus(built)["frames"]
    expected = [-1 if n == 0 else int(told.predict(one[:n])) for one, n in zip(frames, LENGTHS, strict=True)]
    assert told.predict(frames, LENGTHS).tolist() == expected
    assert told.reference(frames, lengths=np.array(LENGTHS)).tolist() == expected
    assert len(set(expected)) > 2
    listed = [one[:n] for one, n in zip(frames, LENGTHS, strict=True)]
    boxed = np.empty(len(listed), object)
    boxed[:] = listed
    for given in (listed, tuple(listed), [torch.tensor(one) for one in listed], [one.tolist() for one in listed], boxed,
                  torch.nested.nested_tensor([torch.tensor(one) for one in listed])):
        assert told.predict(given).tolist() == told.reference(given).tolist() == expected
    # what lies beyond a sequence is no part of it
    for n, one in zip(LENGTHS, frames, strict=True):
        loud = np.concatenate([one[:n], 9 + one[n:]])
        assert told.predict(loud[None], [n]).tolist() == [told.predict(one, lengths=n).tolist()]


def test_without_a_timestep_there_is_no_decision(told: Build, made: Build) -> None:
    for decide in (told.predict, told.reference):
        assert decide(np.zeros((2, 4, 5)), [0, 0]).tolist() == [-1, -1]
        assert decide([np.zeros((0, 5))]).tolist() == [-1]
    assert told.explain(np.zeros((2, 4, 5)), [0, 0]) is None
    with refusal(DataError, CUT.replace("has 3", "has 0")):
        made.predict(np.zeros((2, 4, 5)), [0, 4])


@pytest.mark.parametrize(
    ("frames", "lengths", "message"),
    [
        ([np.zeros((2, 5)), np.zeros((3, 4))], None,
         "data: frames[1] has shape (3, 4), but a sequence has (T, 5); give a list of such arrays"),
        ([np.zeros((2, 5)), np.zeros((3, 5))], [2, 3],
         "data: lengths are those of the sequences where frames are a list of them; leave them out"),
        ([np.zeros((2, 5)), np.full((3, 5), np.inf)], None, "data: frames[1, 0, 0] is inf; remove NaN and infinity"),
        ([np.zeros((2, 5)), np.zeros((3, 5), complex)], None,
         "data: frames[1] has dtype complex128; give real numbers"),
        (np.zeros((2, 4, 5)), [4], "data: lengths has shape (1,); 2 sequences ask for (2,)"),
        (np.zeros((2, 4, 5)), [4, 5], "data: lengths[1] is 5; it must lie in 0..4"),
        (np.zeros((2, 4, 5)), [4.0, 1.0], "data: lengths has dtype float64; give integers"),
        (np.zeros((4, 5)), -1, "data: lengths[0] is -1; it must lie in 0..4"),
    ],
)
def test_lengths_that_do_not_fit_are_refused(told: Build, frames: Any, lengths: Any, message: str) -> None:
    for decide in (told.predict, told.reference, told.explain):
        with refusal(DataError, message):
            decide(frames, lengths)


def test_a_call_after_one_that_failed_is_as_good_as_any(told: Build, built: Place) -> None:
    frames = stimulus(built)["frames"]
    before = told.predict(frames).tolist()
    with pytest.raises(ToolError, match=r"^csim: "):
        told._program.run(5, _cut_off())
    assert told.predict(frames).tolist() == before


def _cut_off() -> Iterator[np.ndarray]:
    raise ConnectionResetError
    yield


def test_a_process_that_was_copied_asks_a_program_of_its_own(told: Build, built: Place) -> None:
    frames = stimulus(built)["frames"]
    before = told.predict(frames).tolist()
    child = os.fork()
    if child == 0:
        os._exit(0 if told.predict(frames).tolist() == before else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert told.predict(frames).tolist() == before


def test_the_first_divergence_of_new_sequences_is_explained(told: Build, made: Build, built: Place) -> None:
    frames = stimulus(built)["frames"]
    assert made.explain(frames) == made.report["agreement"]["first_divergence"] is None
    found = told.report["agreement"]["first_divergence"]
    assert found["cause"] == "rounding of a parameter" and told.explain(frames) == found
    assert told.explain(frames[found["sequence"]]) == {**found, "sequence": 0}
    # it is the earliest in time that is told
    later = np.concatenate([np.zeros((4, 5)), frames[found["sequence"]]])
    assert told.explain([later, frames[found["sequence"]]]) == {**found, "sequence": 1}
    for shape, message in (((2, 3, 5), CUT), ((4, 6), "data: frames have shape (4, 6), but model.input_shape asks for "
                           "(N, T, 5); reshape them or set model.input_shape")):
        with refusal(DataError, message):
            made.explain(np.zeros(shape))


def test_a_module_that_has_changed_explains_nothing(here: Place) -> None:
    made = build()
    frames = stimulus(here)["frames"]
    here.change_weights(fc1=-3.0)
    with pytest.raises(ConfigError, match=r"^model\.source: model\.py:"):
        made.explain(frames)


def test_a_stream_decides_where_the_host_ends_a_sequence_and_begins_again(told: Build, built: Place) -> None:
    frames = stimulus(built)["frames"]
    expected = told.predict(frames, LENGTHS).tolist()
    with told.stream() as stream, told.stream() as other:
        for sequence, length, decision in zip(frames, LENGTHS, expected, strict=True):
            for t in range(length):
                assert other.send(frames[0, 0]) is None
                assert stream.send(sequence[t], last=t + 1 == length) == (decision if t + 1 == length else None)
        assert isinstance(other.send(torch.tensor(frames[0, 0]), last=True), int)
        for frame, message in (
            (np.zeros(4), "data: frame has shape (4,); one timestep has (5,)"),
            (np.zeros((1, 5)), "data: frame has shape (1, 5); one timestep has (5,)"),
            (["a"] * 5, "data: frame has dtype <U1; give numbers"),
            (np.full(5, np.nan), "data: frame[0] is nan; remove NaN and infinity"),
        ):
            with refusal(DataError, message):
                stream.send(frame)
    with refusal(ConfigError, "stream: it is closed; open another"):
        stream.send(frames[0, 0])
    # nothing of it is left to a call
    assert told.predict(frames, LENGTHS).tolist() == expected


def test_a_stream_of_windows_counts_them_itself(made: Build, built: Place) -> None:
    frames, decision = stimulus(built)["frames"], made.trace("csim")["decision"]
    with made.stream() as stream:
        for sequence, expected in zip(frames, decision, strict=True):
            assert [stream.send(frame) for frame in sequence] == [None, None, None, expected]
        with refusal(ConfigError, "stream: last has no effect under reset_policy fixed_window; leave it out, or set "
                                  "readout.reset_policy to tlast or host_pulse"):
            stream.send(frames[0, 0], last=True)


def test_under_never_a_call_carries_state_from_sequence_to_sequence_but_not_into_the_next_call(here: Place) -> None:
    made = build(["readout.reset_policy=never", "readout.window_size=null"])
    frames, decision = stimulus(here)["frames"], made.trace("csim")["decision"]
    for _ in range(2):
        assert made.predict(frames).tolist() == made.reference(frames).tolist() == decision.tolist()
    with made.stream() as stream:
        steps = [[stream.send(frame) for frame in sequence] for sequence in frames]
    assert steps == made.trace("csim")["decision_steps"].tolist()


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
    for name in ("predict", "reference"):
        told = f"{name}: the network has no readout and decides nothing; configure one, or use trace"
        with refusal(ConfigError, told):
            getattr(made, name)(np.zeros((4, 5)))
    frames = stimulus(here)["frames"]
    with made.stream() as stream:
        for t, frame in enumerate(frames[0]):
            np.testing.assert_array_equal(stream.send(frame), made.trace("csim")["output"][0, t])
    assert made.explain(frames) == made.report["agreement"]["first_divergence"]


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
